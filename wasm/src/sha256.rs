//! SHA-256 as FIPS 180-4 has it: short and plain, for single headers and for checking candidates.

use crate::lane::Lane;

/// Round constants: the first 32 bits of the fractional parts of the cube roots of the first 64 primes.
pub const K: [u32; 64] = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
];

/// The initial state: the same of the square roots of the first 8 primes.
pub const INITIAL: [u32; 8] = [
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
];

/// The bit that ends a message.
pub const END_BIT: u32 = 0x8000_0000;
/// Length of a header in bits.
pub const HEADER_BITS: u32 = 640;
/// Length of a hash in bits.
pub const HASH_BITS: u32 = 256;

/// The i-th big-endian word of bytes.
pub fn word(bytes: &[u8], index: usize) -> u32 {
    match bytes.get(index * 4..index * 4 + 4) {
        Some(part) => u32::from_be_bytes([part[0], part[1], part[2], part[3]]),
        None => 0,
    }
}

/// One round: the new state's `a` and `e` take the place of `h` and `d`.
pub fn round(state: &mut [u32; 8], constant_and_word: u32) {
    let [a, b, c, d, e, f, g, h] = *state;
    let t1 = h
        .wrapping_add(constant_and_word)
        .wrapping_add(e.big_sigma_1())
        .wrapping_add(((f ^ g) & e) ^ g);
    let t2 = a.big_sigma_0().wrapping_add((a & b) ^ (a & c) ^ (b & c));
    *state = [t1.wrapping_add(t2), a, b, c, d.wrapping_add(t1), e, f, g];
}

/// The compression function: 64 rounds, added to the state.
pub fn compress(state: &mut [u32; 8], chunk: &[u32; 16]) {
    let mut words = [0; 64];
    words[..16].copy_from_slice(chunk);
    for i in 16..64 {
        words[i] = words[i - 16]
            .wrapping_add(words[i - 15].small_sigma_0())
            .wrapping_add(words[i - 7])
            .wrapping_add(words[i - 2].small_sigma_1());
    }
    let mut working = *state;
    for (constant, word) in K.iter().zip(words) {
        round(&mut working, constant.wrapping_add(word));
    }
    for (sum, value) in state.iter_mut().zip(working) {
        *sum = sum.wrapping_add(value);
    }
}

/// Double SHA-256 of a header, bytes as hashed.
pub fn hash_header(header: &[u8; 80]) -> [u8; 32] {
    let mut chunk = [0; 16];
    for (i, slot) in chunk.iter_mut().enumerate() {
        *slot = word(header, i);
    }
    let mut state = INITIAL;
    compress(&mut state, &chunk);
    chunk = [0; 16];
    for (i, slot) in chunk[..4].iter_mut().enumerate() {
        *slot = word(header, 16 + i);
    }
    chunk[4] = END_BIT;
    chunk[15] = HEADER_BITS;
    compress(&mut state, &chunk);
    chunk = [0; 16];
    chunk[..8].copy_from_slice(&state);
    chunk[8] = END_BIT;
    chunk[15] = HASH_BITS;
    state = INITIAL;
    compress(&mut state, &chunk);
    let mut hash = [0; 32];
    for (bytes, value) in hash.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&value.to_be_bytes());
    }
    hash
}
