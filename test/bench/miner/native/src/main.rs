//! The hash core's kernel on the machine itself, with 128-bit vectors: what WebAssembly is measured against.
//!
//! The sources are those of the core; only the vector is another. Reads lines and answers each with one:
//!
//!   `find COUNT`  the nonces below COUNT whose hash has a last byte of at most 3
//!   `run MILLIS`  nonces done and microseconds of processor time taken, for so long at least
//!
//! The header is that of `miner.mjs`. For x86-64 on Linux.
#![allow(dead_code, unused_imports)]

#[path = "../../../../../wasm/src/job.rs"]
mod job;
#[path = "../../../../../wasm/src/kernel.rs"]
mod kernel;
#[path = "../../../../../wasm/src/lane.rs"]
mod lane;
#[path = "../../../../../wasm/src/sha256.rs"]
mod sha256;

use core::arch::x86_64::*;
use lane::Lane;
use std::io::{BufRead, Write};

const MAX_VERSIONS: usize = 16;
const HEADER_SIZE: usize = 80;
const SCAN_COUNT: u32 = 16_384;
const CLOCK_PROCESS_CPUTIME_ID: i32 = 2;

extern "C" {
    fn clock_gettime(clock: i32, time: *mut [i64; 2]) -> i32;
}

fn cpu_micros() -> i64 {
    let mut time = [0; 2];
    unsafe { clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    time[0] * 1_000_000 + time[1] / 1_000
}

/// Four lanes.
#[derive(Clone, Copy)]
struct Vector(__m128i);

#[inline(always)]
fn swap_bytes(words: __m128i) -> __m128i {
    unsafe {
        let order = _mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
        _mm_shuffle_epi8(words, order)
    }
}

impl Lane for Vector {
    const COUNT: u32 = 4;
    #[inline(always)]
    fn zero() -> Self {
        Vector(unsafe { _mm_setzero_si128() })
    }
    #[inline(always)]
    fn load(word: &u32) -> Self {
        Vector(unsafe { _mm_set1_epi32(*word as i32) })
    }
    #[inline(always)]
    fn gather(word: impl Fn(usize) -> u32) -> Self {
        let [a, b, c, d] = [0, 1, 2, 3].map(|lane| word(lane) as i32);
        Vector(unsafe { _mm_setr_epi32(a, b, c, d) })
    }
    #[inline(always)]
    fn get(self, lane: usize) -> u32 {
        // Both are 16 bytes, of which every value is valid.
        let words: [u32; 4] = unsafe { core::mem::transmute(self.0) };
        words[lane]
    }
    #[inline(always)]
    fn nonces(start: u32) -> Self {
        Vector(swap_bytes(unsafe {
            _mm_add_epi32(_mm_set1_epi32(start as i32), _mm_setr_epi32(0, 1, 2, 3))
        }))
    }
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        Vector(unsafe { _mm_add_epi32(self.0, other.0) })
    }
    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        Vector(unsafe { _mm_xor_si128(self.0, other.0) })
    }
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        Vector(unsafe { _mm_and_si128(self.0, other.0) })
    }
    #[inline(always)]
    fn rotate<const BITS: u32>(self) -> Self {
        unsafe {
            let right = _mm_srl_epi32(self.0, _mm_cvtsi32_si128(BITS as i32));
            let left = _mm_sll_epi32(self.0, _mm_cvtsi32_si128(32 - BITS as i32));
            Vector(_mm_or_si128(right, left))
        }
    }
    #[inline(always)]
    fn shift<const BITS: u32>(self) -> Self {
        Vector(unsafe { _mm_srl_epi32(self.0, _mm_cvtsi32_si128(BITS as i32)) })
    }
    #[inline(always)]
    fn at_most(self, limit: u32) -> u32 {
        unsafe {
            let words = swap_bytes(self.0);
            let limit = _mm_set1_epi32(limit as i32);
            let is_at_most = _mm_cmpeq_epi32(_mm_min_epu32(words, limit), words);
            _mm_movemask_ps(_mm_castsi128_ps(is_at_most)) as u32
        }
    }
}

/// Scans a range that is a multiple of the lanes; calls `found` for each candidate.
fn scan(job: &job::Job, start: u32, count: u32, limit: u32, mut found: impl FnMut(u32)) {
    let mut scratch = kernel::Scratch::<Vector>::new(job);
    let mut masks = [0];
    for step in (0..count).step_by(Vector::COUNT as usize) {
        let nonce = start.wrapping_add(step);
        if kernel::step::<Vector, false>(job, nonce, limit, &mut scratch, &mut masks) {
            (0..Vector::COUNT).filter(|lane| masks[0] >> lane & 1 == 1).for_each(|lane| found(nonce + lane));
        }
    }
}

fn main() {
    let mut header = [0; HEADER_SIZE];
    for (index, byte) in header.iter_mut().enumerate() {
        *byte = (index * 151 + 7) as u8;
    }
    let version = u32::from_be_bytes([header[3], header[2], header[1], header[0]]);
    let mut job = job::Job::NONE;
    job.prepare(&header, &[version]);
    let mut nonce: u32 = 0;
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        let (verb, number) = line.split_once(' ').expect("a verb and a number");
        let number: u32 = number.parse().expect("a number");
        let mut out = std::io::stdout();
        if verb == "find" {
            let mut nonces = Vec::new();
            scan(&job, 0, number, 0x03ff_ffff, |nonce| nonces.push(nonce.to_string()));
            writeln!(out, "{}", nonces.join(",")).expect("a reader");
        } else {
            let start = cpu_micros();
            let (mut done, mut micros) = (0_u64, 0);
            let mut low = 0;
            while micros < i64::from(number) * 1_000 {
                scan(&job, nonce, SCAN_COUNT, 0, |_| low += 1);
                nonce = nonce.wrapping_add(SCAN_COUNT);
                done += u64::from(SCAN_COUNT);
                micros = cpu_micros() - start;
            }
            writeln!(out, "{done} {micros} {low}").expect("a reader");
        }
        out.flush().expect("a reader");
    }
}
