//! What is computed once per job, because the nonce does not change it.

use crate::lane::Lane;
use crate::sha256::{compress, round, word, END_BIT, HASH_BITS, HEADER_BITS, INITIAL, K};
use crate::{HEADER_SIZE, MAX_VERSIONS};

/// What one version's first chunk leaves behind: shortcut 1 of the kernel.
#[derive(Clone, Copy)]
pub struct Midstate {
    /// State after the first chunk: added at the end of the second.
    pub start: [u32; 8],
    /// State after rounds 0 to 2 of the second chunk.
    pub after_3: [u32; 8],
    /// Round 3 only adds the nonce: its new `a` and `e` are these plus the nonce.
    pub a_4: u32,
    pub e_4: u32,
}

/// The constants of a job. They are loaded from here and never written into code, the round constants
/// neither: an engine loads a word into every lane in one instruction, but needs three to make a constant.
/// The name of a word is its index in a schedule; `sigma` is the small σ0 or σ1 of a constant word.
pub struct Job {
    pub k: [u32; 64],
    /// Second chunk, rounds 4 to 7: round constant plus word.
    pub summed_4: [u32; 4],
    /// Second chunk: the constant words that are not zero. The first is also word 8 of the second hash.
    pub end_bit: u32,
    pub header_bits: u32,
    pub w16: u32,
    pub w17: u32,
    /// Second chunk: the constant parts of later words.
    pub in_w18: u32,
    pub in_w19: u32,
    pub in_w30: u32,
    pub in_w31: u32,
    pub in_w32: u32,
    /// Second hash: round 0 only adds word 0 to these.
    pub a_1: u32,
    pub e_1: u32,
    pub initial: [u32; 8],
    pub initial_bc: u32,
    /// Second hash: the length, and the constant parts of later words.
    pub hash_bits: u32,
    pub in_hash_w17: u32,
    pub in_hash_w23: u32,
    pub in_hash_w30: u32,
    pub midstates: [Midstate; MAX_VERSIONS],
}

impl Job {
    /// All zero, so that it takes no room in the file.
    pub const NONE: Job = Job {
        k: [0; 64],
        summed_4: [0; 4],
        end_bit: 0,
        header_bits: 0,
        w16: 0,
        w17: 0,
        in_w18: 0,
        in_w19: 0,
        in_w30: 0,
        in_w31: 0,
        in_w32: 0,
        a_1: 0,
        e_1: 0,
        initial: [0; 8],
        initial_bc: 0,
        hash_bits: 0,
        in_hash_w17: 0,
        in_hash_w23: 0,
        in_hash_w30: 0,
        midstates: [Midstate { start: [0; 8], after_3: [0; 8], a_4: 0, e_4: 0 }; MAX_VERSIONS],
    };

    /// Makes this the job of a header with each of the versions.
    pub fn prepare(&mut self, header: &[u8; HEADER_SIZE], versions: &[u32]) {
        let tail = [word(header, 16), word(header, 17), word(header, 18)];
        self.k = K;
        self.prepare_first(tail);
        self.prepare_second();
        let mut chunk = [0; 16];
        for (i, slot) in chunk.iter_mut().enumerate() {
            *slot = word(header, i);
        }
        for (midstate, version) in self.midstates.iter_mut().zip(versions) {
            chunk[0] = version.swap_bytes();
            *midstate = Midstate::new(&chunk, tail);
        }
    }

    /// The second chunk: three words of the header, the nonce, the padding.
    fn prepare_first(&mut self, [w0, w1, w2]: [u32; 3]) {
        let w16 = w0.wrapping_add(w1.small_sigma_0());
        let w17 = w1.wrapping_add(w2.small_sigma_0()).wrapping_add(HEADER_BITS.small_sigma_1());
        self.summed_4 = [K[4].wrapping_add(END_BIT), K[5], K[6], K[7]];
        self.end_bit = END_BIT;
        self.header_bits = HEADER_BITS;
        self.w16 = w16;
        self.w17 = w17;
        self.in_w18 = w16.small_sigma_1().wrapping_add(w2);
        self.in_w19 = w17.small_sigma_1().wrapping_add(END_BIT.small_sigma_0());
        self.in_w30 = HEADER_BITS.small_sigma_0();
        self.in_w31 = w16.small_sigma_0().wrapping_add(HEADER_BITS);
        self.in_w32 = w17.small_sigma_0().wrapping_add(w16);
    }

    /// The second hash: eight words of the first, the padding. The same for every job.
    fn prepare_second(&mut self) {
        let mut state = INITIAL;
        round(&mut state, K[0]);
        self.a_1 = state[0];
        self.e_1 = state[4];
        self.initial = INITIAL;
        self.initial_bc = INITIAL[0] ^ INITIAL[1];
        self.hash_bits = HASH_BITS;
        self.in_hash_w17 = HASH_BITS.small_sigma_1();
        self.in_hash_w23 = END_BIT.small_sigma_0();
        self.in_hash_w30 = HASH_BITS.small_sigma_0();
    }
}

impl Midstate {
    fn new(chunk: &[u32; 16], tail: [u32; 3]) -> Self {
        let mut start = INITIAL;
        compress(&mut start, chunk);
        let mut after_3 = start;
        for (k, word) in K.iter().zip(tail) {
            round(&mut after_3, k.wrapping_add(word));
        }
        // Round 3 with a nonce of zero; the nonce itself only adds to both results.
        let mut after_4 = after_3;
        round(&mut after_4, K[3]);
        Midstate { start, after_3, a_4: after_4[0], e_4: after_4[4] }
    }
}
