//! The search: both hashes of a header for one nonce a lane, without what is not needed.

use crate::lane::Lane;
use crate::sha256::{compress, round, word, END_BIT, HASH_BITS, HEADER_BITS, INITIAL, K};

const MAX_VERSIONS: usize = 16;

/// What one version's first chunk leaves behind.
#[derive(Clone, Copy)]
struct Midstate {
    /// State after the first chunk: added at the end of the second.
    start: [u32; 8],
    /// State after rounds 0 to 2 of the second chunk, which do not see the nonce.
    after_3: [u32; 8],
    /// Round 3 is two additions: its new `a` and `e` are these plus the nonce.
    a_4: u32,
    e_4: u32,
}

/// Everything that is computed once per job. Kept in memory and never in code: engines load a word faster
/// than they make a constant.
pub struct Tables {
    k: [u32; 64],
    /// Second chunk: round constant plus word, for words 4 to 17, which are constant.
    first: [u32; 18],
    /// Second chunk: the constant parts of words 18 and 19, then w16 and w17 themselves.
    w18: u32,
    w19: u32,
    w16: u32,
    w17: u32,
    end_bit: u32,
    header_bits: u32,
    /// σ0 of w15, σ0 of w16 plus w15, σ0 of w17 plus w16.
    w30: u32,
    w31: u32,
    w32: u32,
    /// Second hash: round constant plus word, for words 8 to 15.
    second: [u32; 16],
    /// Second hash: round 0 is two additions.
    a_1: u32,
    e_1: u32,
    initial: [u32; 8],
    initial_ab: u32,
    /// σ1 of the length, σ0 of the end bit, the length, σ0 of the length.
    hash_w17: u32,
    hash_w23: u32,
    hash_bits: u32,
    hash_w30: u32,
    midstates: [Midstate; MAX_VERSIONS],
}

/// One round. The roles of the state's words move on by one each round; here the variables stay and the
/// roles move. `bc` holds b^c on entry and a^b, the next round's b^c, on exit: so the majority costs three
/// operations.
macro_rules! round {
    ($a:ident $b:ident $c:ident $d:ident $e:ident $f:ident $g:ident $h:ident, $bc:ident, $kw:expr) => {{
        let t = $h.plus($kw).plus($f.xor($g).and($e).xor($g)).plus($e.big_sigma_1());
        $d = $d.plus(t);
        let ab = $a.xor($b);
        $h = t.plus(ab.and($bc).xor($b)).plus($a.big_sigma_0());
        $bc = ab;
    }};
}

/// The half of a round that computes the new `e`.
macro_rules! half_round {
    ($d:ident $e:ident $f:ident $g:ident $h:ident, $kw:expr) => {{
        $d = $d.plus($h.plus($kw).plus($f.xor($g).and($e).xor($g)).plus($e.big_sigma_1()));
    }};
}

/// Rounds `$i` to `$i + 7`, where `$i` is a multiple of 8. Rolled loops of eight rounds beat unrolled ones:
/// 64 rounds of both hashes do not fit into the instruction cache.
macro_rules! eight_rounds {
    ($a:ident $b:ident $c:ident $d:ident $e:ident $f:ident $g:ident $h:ident, $bc:ident, $i:expr, $kw:expr) => {{
        round!($a $b $c $d $e $f $g $h, $bc, $kw($i));
        round!($h $a $b $c $d $e $f $g, $bc, $kw($i + 1));
        round!($g $h $a $b $c $d $e $f, $bc, $kw($i + 2));
        round!($f $g $h $a $b $c $d $e, $bc, $kw($i + 3));
        round!($e $f $g $h $a $b $c $d, $bc, $kw($i + 4));
        round!($d $e $f $g $h $a $b $c, $bc, $kw($i + 5));
        round!($c $d $e $f $g $h $a $b, $bc, $kw($i + 6));
        round!($b $c $d $e $f $g $h $a, $bc, $kw($i + 7));
    }};
}

/// Room for both message schedules.
pub struct Scratch<L> {
    first: [L; 64],
    second: [L; 64],
}

impl<L: Lane> Scratch<L> {
    /// Empty: every word is written before it is read.
    pub fn new() -> Self {
        Scratch { first: [L::zero(); 64], second: [L::zero(); 64] }
    }
}

/// Words `from` to `to - 1` of a schedule, two at a time so that their chains overlap.
#[inline(always)]
fn expand<L: Lane>(w: &mut [L; 64], from: usize, to: usize) {
    let (mut even, mut odd) = (w[(from - 2) & 63], w[(from - 1) & 63]);
    let mut i = from;
    while i < to {
        even = w[(i - 16) & 63]
            .plus(w[(i - 15) & 63].small_sigma_0())
            .plus(w[(i - 7) & 63])
            .plus(even.small_sigma_1());
        w[i & 63] = even;
        odd = w[(i - 15) & 63]
            .plus(w[(i - 14) & 63].small_sigma_0())
            .plus(w[(i - 6) & 63])
            .plus(odd.small_sigma_1());
        w[(i + 1) & 63] = odd;
        i += 2;
    }
}

impl Tables {
    /// All zero, so that it takes no room in the file.
    pub const ZERO: Tables = Tables {
        k: [0; 64],
        first: [0; 18],
        w18: 0,
        w19: 0,
        w16: 0,
        w17: 0,
        end_bit: 0,
        header_bits: 0,
        w30: 0,
        w31: 0,
        w32: 0,
        second: [0; 16],
        a_1: 0,
        e_1: 0,
        initial: [0; 8],
        initial_ab: 0,
        hash_w17: 0,
        hash_w23: 0,
        hash_bits: 0,
        hash_w30: 0,
        midstates: [Midstate { start: [0; 8], after_3: [0; 8], a_4: 0, e_4: 0 }; MAX_VERSIONS],
    };

    /// Computes everything that the nonce does not change.
    pub fn prepare(&mut self, header: &[u8; 80], versions: &[u32]) {
        self.k = K;
        let (w0, w1, w2) = (word(header, 16), word(header, 17), word(header, 18));
        self.prepare_first(w0, w1, w2);
        self.prepare_second();
        let mut chunk = [0; 16];
        for (i, slot) in chunk.iter_mut().enumerate() {
            *slot = word(header, i);
        }
        for (midstate, version) in self.midstates.iter_mut().zip(versions) {
            chunk[0] = version.swap_bytes();
            *midstate = Midstate::new(&chunk, [w0, w1, w2]);
        }
    }

    fn prepare_first(&mut self, w0: u32, w1: u32, w2: u32) {
        let w16 = w0.wrapping_add(w1.small_sigma_0());
        let w17 = w1
            .wrapping_add(w2.small_sigma_0())
            .wrapping_add(HEADER_BITS.small_sigma_1());
        let mut words = [0; 18];
        words[4] = END_BIT;
        words[15] = HEADER_BITS;
        words[16] = w16;
        words[17] = w17;
        for ((slot, constant), word) in self.first.iter_mut().zip(K).zip(words) {
            *slot = constant.wrapping_add(word);
        }
        self.w16 = w16;
        self.w17 = w17;
        self.w18 = w16.small_sigma_1().wrapping_add(w2);
        self.w19 = w17.small_sigma_1().wrapping_add(END_BIT.small_sigma_0());
        self.end_bit = END_BIT;
        self.header_bits = HEADER_BITS;
        self.w30 = HEADER_BITS.small_sigma_0();
        self.w31 = w16.small_sigma_0().wrapping_add(HEADER_BITS);
        self.w32 = w17.small_sigma_0().wrapping_add(w16);
    }

    fn prepare_second(&mut self) {
        let mut words = [0; 16];
        words[8] = END_BIT;
        words[15] = HASH_BITS;
        for ((slot, constant), word) in self.second.iter_mut().zip(K).zip(words) {
            *slot = constant.wrapping_add(word);
        }
        let mut state = INITIAL;
        round(&mut state, K[0]);
        self.a_1 = state[0];
        self.e_1 = state[4];
        self.initial = INITIAL;
        self.initial_ab = INITIAL[0] ^ INITIAL[1];
        self.hash_w17 = HASH_BITS.small_sigma_1();
        self.hash_w23 = END_BIT.small_sigma_0();
        self.hash_bits = HASH_BITS;
        self.hash_w30 = HASH_BITS.small_sigma_0();
    }

    /// Words 18 to 63 of the second chunk, from the nonce, which is word 3.
    #[inline(always)]
    fn expand_first<L: Lane>(&self, nonce: L, w: &mut [L; 64]) {
        w[16] = L::load(&self.w16);
        w[17] = L::load(&self.w17);
        w[18] = nonce.small_sigma_0().plus(L::load(&self.w18));
        w[19] = nonce.plus(L::load(&self.w19));
        w[20] = w[18].small_sigma_1().plus(L::load(&self.end_bit));
        w[21] = w[19].small_sigma_1();
        w[22] = w[20].small_sigma_1().plus(L::load(&self.header_bits));
        w[23] = w[21].small_sigma_1().plus(w[16]);
        w[24] = w[22].small_sigma_1().plus(w[17]);
        w[25] = w[23].small_sigma_1().plus(w[18]);
        w[26] = w[24].small_sigma_1().plus(w[19]);
        w[27] = w[25].small_sigma_1().plus(w[20]);
        w[28] = w[26].small_sigma_1().plus(w[21]);
        w[29] = w[27].small_sigma_1().plus(w[22]);
        w[30] = w[28].small_sigma_1().plus(w[23]).plus(L::load(&self.w30));
        w[31] = w[29].small_sigma_1().plus(w[24]).plus(L::load(&self.w31));
        w[32] = w[30].small_sigma_1().plus(w[25]).plus(L::load(&self.w32));
        w[33] = w[31].small_sigma_1().plus(w[26]).plus(w[18].small_sigma_0()).plus(w[17]);
        expand(w, 34, 64);
    }

    /// Words 16 to 61 of the second hash, from the eight words of the first.
    #[inline(always)]
    fn expand_second<L: Lane>(&self, w: &mut [L; 64]) {
        let bits = L::load(&self.hash_bits);
        w[16] = w[0].plus(w[1].small_sigma_0());
        w[17] = w[1].plus(w[2].small_sigma_0()).plus(L::load(&self.hash_w17));
        w[18] = w[2].plus(w[3].small_sigma_0()).plus(w[16].small_sigma_1());
        w[19] = w[3].plus(w[4].small_sigma_0()).plus(w[17].small_sigma_1());
        w[20] = w[4].plus(w[5].small_sigma_0()).plus(w[18].small_sigma_1());
        w[21] = w[5].plus(w[6].small_sigma_0()).plus(w[19].small_sigma_1());
        w[22] = w[6].plus(w[7].small_sigma_0()).plus(w[20].small_sigma_1()).plus(bits);
        w[23] = w[7].plus(w[21].small_sigma_1()).plus(w[16]).plus(L::load(&self.hash_w23));
        w[24] = w[22].small_sigma_1().plus(w[17]).plus(L::load(&self.end_bit));
        w[25] = w[23].small_sigma_1().plus(w[18]);
        w[26] = w[24].small_sigma_1().plus(w[19]);
        w[27] = w[25].small_sigma_1().plus(w[20]);
        w[28] = w[26].small_sigma_1().plus(w[21]);
        w[29] = w[27].small_sigma_1().plus(w[22]);
        w[30] = w[28].small_sigma_1().plus(w[23]).plus(L::load(&self.hash_w30));
        w[31] = w[29].small_sigma_1().plus(w[24]).plus(w[16].small_sigma_0()).plus(bits);
        expand(w, 32, 62);
    }

    /// The second chunk's rounds: fills in the first hash's eight words.
    #[inline(always)]
    fn hash_first<L: Lane>(&self, nonce: L, index: usize, scratch: &mut Scratch<L>) {
        let middle = &self.midstates[index & (MAX_VERSIONS - 1)];
        let at = &middle.after_3;
        // The roles at round 4 are those of round 0 moved on by four.
        let (mut e, mut f, mut g, mut h) =
            (nonce.plus(L::load(&middle.a_4)), L::load(&at[0]), L::load(&at[1]), L::load(&at[2]));
        let (mut a, mut b, mut c, mut d) =
            (nonce.plus(L::load(&middle.e_4)), L::load(&at[4]), L::load(&at[5]), L::load(&at[6]));
        let mut bc = f.xor(g);
        let words = &scratch.first;
        let fixed = |i: usize| L::load(&self.first[i]);
        let summed = |i: usize| L::load(&self.k[i & 63]).plus(words[i & 63]);
        round!(e f g h a b c d, bc, fixed(4));
        round!(d e f g h a b c, bc, fixed(5));
        round!(c d e f g h a b, bc, fixed(6));
        round!(b c d e f g h a, bc, fixed(7));
        eight_rounds!(a b c d e f g h, bc, 8, fixed);
        round!(a b c d e f g h, bc, fixed(16));
        round!(h a b c d e f g, bc, fixed(17));
        round!(g h a b c d e f, bc, summed(18));
        round!(f g h a b c d e, bc, summed(19));
        round!(e f g h a b c d, bc, summed(20));
        round!(d e f g h a b c, bc, summed(21));
        round!(c d e f g h a b, bc, summed(22));
        round!(b c d e f g h a, bc, summed(23));
        let mut i = 24;
        while i < 64 {
            eight_rounds!(a b c d e f g h, bc, i, summed);
            i += 8;
        }
        let start = &middle.start;
        for (slot, (value, own)) in
            scratch.second.iter_mut().zip([a, b, c, d, e, f, g, h].iter().zip(start))
        {
            *slot = value.plus(L::load(own));
        }
    }

    /// The last word of the second hash: the top 32 bits of the number, bytes swapped.
    #[inline(always)]
    fn hash_second<L: Lane>(&self, words: &mut [L; 64]) -> L {
        self.expand_second(words);
        let words = &*words;
        let start = &self.initial;
        let (mut h, mut a, mut b, mut c) = (
            words[0].plus(L::load(&self.a_1)),
            L::load(&start[0]),
            L::load(&start[1]),
            L::load(&start[2]),
        );
        let (mut d, mut e, mut f, mut g) = (
            words[0].plus(L::load(&self.e_1)),
            L::load(&start[4]),
            L::load(&start[5]),
            L::load(&start[6]),
        );
        let mut bc = L::load(&self.initial_ab);
        let fixed = |i: usize| L::load(&self.second[i]);
        let summed = |i: usize| L::load(&self.k[i & 63]).plus(words[i & 63]);
        round!(h a b c d e f g, bc, summed(1));
        round!(g h a b c d e f, bc, summed(2));
        round!(f g h a b c d e, bc, summed(3));
        round!(e f g h a b c d, bc, summed(4));
        round!(d e f g h a b c, bc, summed(5));
        round!(c d e f g h a b, bc, summed(6));
        round!(b c d e f g h a, bc, summed(7));
        eight_rounds!(a b c d e f g h, bc, 8, fixed);
        let mut i = 16;
        while i < 56 {
            eight_rounds!(a b c d e f g h, bc, i, summed);
            i += 8;
        }
        // The last word is the `e` of round 60, three rounds older than the state's `h`.
        let t = h.plus(summed(56)).plus(f.xor(g).and(e).xor(g)).plus(e.big_sigma_1());
        d = d.plus(t);
        h = t.plus(a.xor(b).and(bc).xor(b)).plus(a.big_sigma_0());
        half_round!(c d e f g, summed(57));
        half_round!(b c d e f, summed(58));
        half_round!(a b c d e, summed(59));
        half_round!(h a b c d, summed(60));
        h.plus(L::load(&start[7]))
    }

    /// Tries one nonce a lane with each version. Sets a bit for each lane that may be a hit; returns whether
    /// any is set.
    #[inline(always)]
    pub fn step<L: Lane>(
        &self,
        start: u32,
        limit: u32,
        versions: usize,
        scratch: &mut Scratch<L>,
        masks: &mut [u32; MAX_VERSIONS],
    ) -> bool {
        let nonce = L::nonces(start);
        // The schedule does not depend on the version: expanded once for all of them.
        self.expand_first(nonce, &mut scratch.first);
        let mut any = 0;
        for (index, mask) in masks.iter_mut().enumerate().take(versions) {
            self.hash_first(nonce, index, scratch);
            *mask = self.hash_second(&mut scratch.second).at_most(limit);
            any |= *mask;
        }
        any != 0
    }
}

impl Midstate {
    fn new(chunk: &[u32; 16], tail: [u32; 3]) -> Self {
        let mut start = INITIAL;
        compress(&mut start, chunk);
        let mut after_3 = start;
        for (i, word) in tail.iter().enumerate() {
            round(&mut after_3, K[i].wrapping_add(*word));
        }
        // Round 3 with a word of zero; the word itself only adds to both results.
        let mut after_4 = after_3;
        round(&mut after_4, K[3]);
        Midstate { start, after_3, a_4: after_4[0], e_4: after_4[4] }
    }
}
