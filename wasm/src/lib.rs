//! Double SHA-256 of Bitcoin block headers, and of the pairs of merkle trees, for WebAssembly.
//!
//! The host writes a job into [`Context`], calls `prepare`, then `scan` for ranges of nonces. Every nonce
//! whose hash meets a target is reported, in ascending order, whatever the kernel. There is no allocation,
//! no import and no panic: what cannot be done is a return code.
//!
//! `job` computes what nonces share, `kernel` searches, `lane` is what differs between one nonce at a time
//! and four, `pairs` is for merkle trees, `sha256` is the plain function that every candidate must pass, `self_test` runs on the host.
#![cfg_attr(target_arch = "wasm32", no_std)]
#![deny(missing_docs)]

mod job;
mod kernel;
mod lane;
mod pairs;
mod self_test;
mod sha256;

use job::Job;
use kernel::{step, Scratch};

#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}

/// Version of the layout of [`Context`] and of the functions below.
const ABI_VERSION: u32 = 2;
/// Hits that fit into the context; the host drains them and goes on.
const MAX_HITS: usize = 64;
/// Versions that can be tried with each nonce.
const MAX_VERSIONS: usize = 16;
/// Headers that one call of `hash_headers` takes.
const MAX_HEADERS: usize = 256;
/// Pairs of hashes that one call of `hash_pairs` takes.
const MAX_PAIRS: usize = 256;
const HEADER_SIZE: usize = 80;
const PAIR_SIZE: usize = 2 * HASH_SIZE;
const HASH_SIZE: usize = 32;

const OK: u32 = 0;
const BAD_VERSION_COUNT: u32 = 1;
const BAD_VERSION_MASK: u32 = 2;
const BAD_MAX_HITS: u32 = 3;

/// One header that meets a target.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Hit {
    /// The nonce.
    pub nonce: u32,
    /// The header's version, with rolled bits.
    pub version: u32,
    /// 1: meets the share target, 2: meets the block target.
    pub flags: u32,
    /// Keeps the hash aligned.
    pub reserved: u32,
    /// As hashed: the number's least significant byte first.
    pub hash: [u8; HASH_SIZE],
}

/// What host and module share. All integers are little-endian; offsets are part of the ABI.
#[repr(C, align(64))]
pub struct Context {
    /// Offset 0: the header; its nonce is ignored.
    pub header: [u8; HEADER_SIZE],
    /// Offset 80: version bits that may be rolled; 0 for none.
    pub version_mask: u32,
    /// Offset 84: how many versions to try with each nonce, 1 to 16.
    pub version_count: u32,
    /// Offset 88: how many hits to keep before returning early: 64 at most, and at least one a version.
    pub max_hits: u32,
    /// Offset 92.
    pub reserved: u32,
    /// Offset 96: little-endian.
    pub share_target: [u8; HASH_SIZE],
    /// Offset 128: little-endian.
    pub block_target: [u8; HASH_SIZE],
    /// Offset 160: hits of the last scan.
    pub hit_count: u32,
    /// Offset 164: 1 if the last scan returned early because there was no room for more hits.
    pub overflow: u32,
    /// Offset 168: nonces done by the last scan.
    pub nonces_done: u64,
    /// Offset 176.
    pub reserved_2: [u32; 4],
    /// Offset 192.
    pub hits: [Hit; MAX_HITS],
    /// Offset 3264: headers in, hashes out, for `hash_headers`; pairs of hashes in, for `hash_pairs`.
    pub headers: [u8; MAX_HEADERS * HEADER_SIZE],
    /// Offset 23744: hashes of those headers or pairs.
    pub hashes: [u8; MAX_HEADERS * HASH_SIZE],
    /// Offset 31936: from here on it is the module's alone.
    kernel: u32,
    job: Job,
}

const EMPTY_HIT: Hit = Hit { nonce: 0, version: 0, flags: 0, reserved: 0, hash: [0; HASH_SIZE] };

/// All zero, so that it takes no room in the file.
static mut CONTEXT: Context = Context {
    header: [0; HEADER_SIZE],
    version_mask: 0,
    version_count: 0,
    max_hits: 0,
    reserved: 0,
    share_target: [0; HASH_SIZE],
    block_target: [0; HASH_SIZE],
    hit_count: 0,
    overflow: 0,
    nonces_done: 0,
    reserved_2: [0; 4],
    hits: [EMPTY_HIT; MAX_HITS],
    headers: [0; MAX_HEADERS * HEADER_SIZE],
    hashes: [0; MAX_HEADERS * HASH_SIZE],
    kernel: 0,
    job: Job::NONE,
};

fn context() -> &'static mut Context {
    // One instance belongs to one thread, and no exported function calls another: there is never a second
    // reference.
    unsafe { &mut *core::ptr::addr_of_mut!(CONTEXT) }
}

impl Context {
    /// The i-th version to try: the index's bits, lowest first, flip the mask's, lowest first.
    fn version(&self, index: u32) -> u32 {
        let mut version =
            u32::from_le_bytes([self.header[0], self.header[1], self.header[2], self.header[3]]);
        let (mut left, mut mask) = (index, self.version_mask);
        while left != 0 && mask != 0 {
            if left & 1 == 1 {
                version ^= mask & mask.wrapping_neg();
            }
            left >>= 1;
            mask &= mask - 1;
        }
        version
    }

    /// The full hash of the header with another nonce and version.
    fn hash_of(&self, nonce: u32, version: u32) -> [u8; HASH_SIZE] {
        let mut header = self.header;
        header[0..4].copy_from_slice(&version.to_le_bytes());
        header[76..80].copy_from_slice(&nonce.to_le_bytes());
        sha256::hash_header(&header)
    }

    fn prepare(&mut self) -> u32 {
        let count = self.version_count;
        if count == 0 || count as usize > MAX_VERSIONS {
            return BAD_VERSION_COUNT;
        }
        // With fewer bits two versions would be the same.
        if u64::from(count) > 1 << self.version_mask.count_ones() {
            return BAD_VERSION_MASK;
        }
        if self.max_hits < count || self.max_hits as usize > MAX_HITS {
            return BAD_MAX_HITS;
        }
        let mut versions = [0; MAX_VERSIONS];
        for (index, version) in versions.iter_mut().enumerate() {
            *version = self.version(index as u32);
        }
        self.job.prepare(&self.header, &versions[..count as usize]);
        OK
    }

    /// The larger of both targets' top 32 bits: what is above it can be no hit.
    fn limit(&self) -> u32 {
        let top = |target: &[u8; HASH_SIZE]| {
            u32::from_le_bytes([target[28], target[29], target[30], target[31]])
        };
        top(&self.share_target).max(top(&self.block_target))
    }

    /// Hashes a candidate in full and keeps it if it meets a target. Returns false if it does but there is no
    /// room.
    fn judge(&mut self, nonce: u32, version: u32) -> bool {
        let hash = self.hash_of(nonce, version);
        let flags = is_at_most(&hash, &self.share_target) as u32
            | (is_at_most(&hash, &self.block_target) as u32) << 1;
        if flags == 0 {
            return true;
        }
        match self.hits.get_mut(self.hit_count as usize) {
            Some(slot) if self.hit_count < self.max_hits => {
                *slot = Hit { nonce, version, flags, reserved: 0, hash };
                self.hit_count += 1;
                true
            }
            _ => false,
        }
    }

    /// Judges the lanes of one step, in order. Returns how many nonces are done: a nonce whose hits do not all
    /// fit is left for the next scan.
    #[cold]
    #[inline(never)]
    fn judge_lanes(&mut self, nonce: u32, lanes: u32, masks: &[u32]) -> u32 {
        for lane in 0..lanes {
            let hits_before = self.hit_count;
            for (index, mask) in masks.iter().enumerate() {
                let is_candidate = mask >> lane & 1 == 1;
                if is_candidate && !self.judge(nonce + lane, self.version(index as u32)) {
                    self.hit_count = hits_before;
                    self.overflow = 1;
                    return lane;
                }
            }
        }
        lanes
    }

    #[inline(always)]
    fn scan_with<L: lane::Lane, const ROLLED: bool>(&mut self, start: u32, count: u32) -> u32 {
        let limit = self.limit();
        self.hit_count = 0;
        self.overflow = 0;
        let mut scratch = Scratch::<L>::new(&self.job);
        let mut masks = [0; MAX_VERSIONS];
        let masks = &mut masks[..(self.version_count as usize).min(MAX_VERSIONS)];
        let mut done = 0;
        while done < count {
            let nonce = start + done;
            let lanes = L::COUNT.min(count - done);
            if step::<L, ROLLED>(&self.job, nonce, limit, &mut scratch, masks) {
                let judged = self.judge_lanes(nonce, lanes, masks);
                done += judged;
                if judged < lanes {
                    break;
                }
            } else {
                done += lanes;
            }
        }
        self.nonces_done = u64::from(done);
        done
    }

    fn scan(&mut self, start: u32, count: u32) -> u32 {
        // Never past the last nonce: the host splits ranges.
        let count = if count == 0 { 0 } else { (count - 1).min(u32::MAX - start) + 1 };
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        if self.kernel == 0 {
            return if self.version_count == 1 {
                self.scan_with::<lane::Vector, false>(start, count)
            } else {
                self.scan_with::<lane::Vector, true>(start, count)
            };
        }
        self.scan_with::<u32, true>(start, count)
    }

    fn hash_pairs(&mut self, count: usize) {
        let pairs = &self.headers[..count * PAIR_SIZE];
        let hashes = &mut self.hashes[..count * HASH_SIZE];
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        pairs::hash_pairs::<lane::Vector>(pairs, hashes);
        #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
        pairs::hash_pairs::<u32>(pairs, hashes);
    }
}

/// Compares two little-endian 256-bit numbers.
fn is_at_most(number: &[u8; HASH_SIZE], limit: &[u8; HASH_SIZE]) -> bool {
    for i in (0..HASH_SIZE).rev() {
        if number[i] != limit[i] {
            return number[i] < limit[i];
        }
    }
    true
}

/// Version of this interface. The host refuses others.
#[no_mangle]
pub extern "C" fn abi_version() -> u32 {
    ABI_VERSION
}

/// Address of the [`Context`].
#[no_mangle]
pub extern "C" fn ctx() -> *mut Context {
    context()
}

/// Size in bytes of the part of the [`Context`] that both sides use: a check that they mean the same.
#[no_mangle]
pub extern "C" fn ctx_size() -> u32 {
    let context = context();
    (core::ptr::addr_of!(context.kernel) as usize - context as *const Context as usize) as u32
}

/// How many kernels there are, the fastest first.
#[no_mangle]
pub extern "C" fn kernel_count() -> u32 {
    if cfg!(all(target_arch = "wasm32", target_feature = "simd128")) { 2 } else { 1 }
}

/// Chooses the kernel of later scans. Returns 0, or 1 if there is no such kernel.
#[no_mangle]
pub extern "C" fn select_kernel(id: u32) -> u32 {
    if id >= kernel_count() {
        return 1;
    }
    context().kernel = id;
    OK
}

/// Tests the selected kernel on this machine. Returns 0 if it finds what it must. The job is lost.
#[no_mangle]
pub extern "C" fn self_test() -> u32 {
    context().self_test()
}

/// Makes the job in the context ready. Returns 0, or why it cannot be done.
#[no_mangle]
pub extern "C" fn prepare() -> u32 {
    context().prepare()
}

/// Tries `count` nonces from `start`, never past 2^32. Returns how many were done: fewer than asked if
/// there was no room for more hits. `prepare` must have returned 0.
#[no_mangle]
pub extern "C" fn scan(start: u32, count: u32) -> u32 {
    context().scan(start, count)
}

/// Hashes the first `count` headers of the context, at most 256. Returns how many were hashed.
#[no_mangle]
pub extern "C" fn hash_headers(count: u32) -> u32 {
    let context = context();
    let count = (count as usize).min(MAX_HEADERS);
    for (header, hash) in context
        .headers
        .chunks_exact(HEADER_SIZE)
        .zip(context.hashes.chunks_exact_mut(HASH_SIZE))
        .take(count)
    {
        if let Ok(header) = <&[u8; HEADER_SIZE]>::try_from(header) {
            hash.copy_from_slice(&sha256::hash_header(header));
        }
    }
    count as u32
}

/// Hashes the first `count` pairs of hashes, which stand where headers do, at most 256. Returns how many were
/// hashed. Whatever the kernel, the build's widest lanes are used.
#[no_mangle]
pub extern "C" fn hash_pairs(count: u32) -> u32 {
    let count = (count as usize).min(MAX_PAIRS);
    context().hash_pairs(count);
    count as u32
}

#[cfg(test)]
mod tests;
