//! Double SHA-256 of pairs of hashes: a row of a merkle tree at a time, a pair a lane.

use crate::kernel::{eight_rounds, expand, round};
use crate::lane::Lane;
use crate::sha256::{word, END_BIT, HASH_BITS, INITIAL, K};
use crate::{HASH_SIZE, PAIR_SIZE};

const PAIR_BITS: u32 = 512;
/// Words of a pair, and of each chunk.
const PAIR_WORDS: usize = 16;
const HASH_WORDS: usize = 8;

/// 64 words, and one that only makes `expand` come out even.
type Schedule<L> = [L; 65];

fn initial<L: Lane>() -> [L; HASH_WORDS] {
    let mut state = [L::zero(); HASH_WORDS];
    for (slot, value) in state.iter_mut().zip(&INITIAL) {
        *slot = L::load(value);
    }
    state
}

/// Makes a schedule of a chunk: `count` words are there, then comes the padding of a message of `bits`.
#[inline(always)]
fn pad<L: Lane>(words: &mut Schedule<L>, count: usize, bits: &u32) {
    words[count] = L::load(&END_BIT);
    for slot in &mut words[count + 1..PAIR_WORDS - 1] {
        *slot = L::zero();
    }
    words[PAIR_WORDS - 1] = L::load(bits);
    expand(words);
}

/// The compression function, given the schedule of a chunk. One for all three chunks, so that the code stays small.
#[inline(never)]
fn compress<L: Lane>(state: &mut [L; HASH_WORDS], words: &Schedule<L>) {
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    let mut bc = b.xor(c);
    for (words, constants) in words.chunks_exact(8).zip(K.chunks_exact(8)) {
        let kw = |i: usize| words[i].plus(L::load(&constants[i]));
        eight_rounds!(a b c d e f g h, bc, kw);
    }
    for (sum, value) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *sum = sum.plus(value);
    }
}

/// Hashes whole pairs into as many hashes.
pub fn hash_pairs<L: Lane>(pairs: &[u8], hashes: &mut [u8]) {
    let lanes = L::COUNT as usize;
    let mut padding = [L::zero(); 65];
    pad(&mut padding, 0, &PAIR_BITS);
    let mut words = [L::zero(); 65];
    for (pairs, hashes) in
        pairs.chunks(lanes * PAIR_SIZE).zip(hashes.chunks_mut(lanes * HASH_SIZE))
    {
        for (i, slot) in words[..PAIR_WORDS].iter_mut().enumerate() {
            // Lanes without a pair hash zeros, and nobody asks for theirs.
            *slot = L::gather(|lane| word(pairs, lane * PAIR_WORDS + i));
        }
        expand(&mut words);
        let mut state = initial();
        compress(&mut state, &words);
        compress(&mut state, &padding);
        words[..HASH_WORDS].copy_from_slice(&state);
        pad(&mut words, HASH_WORDS, &HASH_BITS);
        state = initial();
        compress(&mut state, &words);
        for (lane, hash) in hashes.chunks_exact_mut(HASH_SIZE).enumerate() {
            for (bytes, value) in hash.chunks_exact_mut(4).zip(&state) {
                bytes.copy_from_slice(&value.get(lane).to_be_bytes());
            }
        }
    }
}
