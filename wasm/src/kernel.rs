//! The search: both hashes of a header for one nonce a lane, without what is not needed.
//!
//! SHA-256 takes a header in two chunks and then hashes the result, 32 bytes, once more: three compressions
//! of 64 rounds. All shortcuts are exact:
//!
//! 1. The first chunk does not hold the nonce: its state, the *midstate*, is computed once per job. So are
//!    rounds 0 to 2 of the second chunk. The nonce is word 3: round 3 is two additions.
//! 2. Words 4 to 15 of the second chunk are padding, nearly all zero; so words 16 and 17 are constant, and
//!    words 18 to 32 lose most of their terms. Likewise words 8 to 15 of the second hash.
//! 3. The second hash begins in a constant state: round 0 is two additions.
//! 4. The top 32 bits of the hash, read as a number, are its last word: the `h` of the end, which is the `e`
//!    of round 60. So rounds 61 to 63 are left out, half of 57 to 60, and words 61 to 63. If those bits are
//!    above both targets' nothing else matters; if not, the candidate is hashed in full.
//! 5. The majority of a, b and c is `((a ^ b) & (b ^ c)) ^ b`, and `a ^ b` is the next round's `b ^ c`.
//! 6. The second chunk's words do not depend on the version: they are expanded once for all versions.
//!
//! The shape of the code matters as much. It must stay within the processor's cache of decoded instructions:
//! therefore rounds and words are rolled loops, and constant words take the same loop as all others rather
//! than one of their own. Words pass through memory, at constant offsets from a pointer that walks along.

use crate::job::Job;
use crate::lane::Lane;
use crate::MAX_VERSIONS;

/// Words that one turn of [`expand`] adds: both schedules come out even.
const STRIDE: usize = 7;
/// How far back a schedule looks.
const REACH: usize = 16;

/// One round. The roles of the state's words move on by one each round; here the variables stay and the
/// roles move. `bc` holds b^c on entry and a^b, the next round's b^c, on exit.
macro_rules! round {
    ($a:ident $b:ident $c:ident $d:ident $e:ident $f:ident $g:ident $h:ident, $bc:ident, $kw:expr) => {{
        let t = $h.plus($kw).plus($f.xor($g).and($e).xor($g)).plus($e.big_sigma_1());
        let ab = $a.xor($b);
        $d = $d.plus(t);
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

/// Eight rounds, after which every variable has its first role again.
macro_rules! eight_rounds {
    ($a:ident $b:ident $c:ident $d:ident $e:ident $f:ident $g:ident $h:ident, $bc:ident, $kw:expr) => {{
        round!($a $b $c $d $e $f $g $h, $bc, $kw(0));
        round!($h $a $b $c $d $e $f $g, $bc, $kw(1));
        round!($g $h $a $b $c $d $e $f, $bc, $kw(2));
        round!($f $g $h $a $b $c $d $e, $bc, $kw(3));
        round!($e $f $g $h $a $b $c $d, $bc, $kw(4));
        round!($d $e $f $g $h $a $b $c, $bc, $kw(5));
        round!($c $d $e $f $g $h $a $b, $bc, $kw(6));
        round!($b $c $d $e $f $g $h $a, $bc, $kw(7));
    }};
}

/// The word after sixteen others of a schedule, of which it needs four.
macro_rules! next_word {
    ($back_16:expr, $back_15:expr, $back_7:expr, $back_2:expr) => {
        $back_16.plus($back_15.small_sigma_0()).plus($back_7).plus($back_2.small_sigma_1())
    };
}

pub(crate) use {eight_rounds, round};

/// Fills in all words after the first [`REACH`], which must be a multiple of [`STRIDE`].
#[inline(always)]
pub fn expand<L: Lane>(words: &mut [L]) {
    let mut window = words;
    while window.len() >= REACH + STRIDE {
        let (old, new) = window.split_at_mut(REACH);
        new[0] = next_word!(old[0], old[1], old[9], old[14]);
        new[1] = next_word!(old[1], old[2], old[10], old[15]);
        new[2] = next_word!(old[2], old[3], old[11], new[0]);
        new[3] = next_word!(old[3], old[4], old[12], new[1]);
        new[4] = next_word!(old[4], old[5], old[13], new[2]);
        new[5] = next_word!(old[5], old[6], old[14], new[3]);
        new[6] = next_word!(old[6], old[7], old[15], new[4]);
        window = &mut window[STRIDE..];
    }
}

/// The message schedules of one step.
pub struct Scratch<L> {
    /// Of the second chunk, from word 3, the nonce.
    first: [L; 64],
    /// Of the second hash.
    second: [L; 64],
}

impl<L: Lane> Scratch<L> {
    /// With the constant words of a job; every other is written before it is read.
    #[inline(always)]
    pub fn new(job: &Job) -> Self {
        let mut first = [L::zero(); 64];
        first[4] = L::load(&job.end_bit);
        first[15] = L::load(&job.header_bits);
        first[16] = L::load(&job.w16);
        first[17] = L::load(&job.w17);
        let mut second = [L::zero(); 64];
        second[8] = L::load(&job.end_bit);
        second[15] = L::load(&job.hash_bits);
        Scratch { first, second }
    }
}

/// Tries one nonce a lane, from `start` on, with each version. Sets a bit in a version's mask for each lane
/// that may be a hit: whose top 32 bits are at most `limit`. Returns whether any is set.
///
/// `ROLLED` is whether there may be more than one version: a loop around the rounds takes registers.
#[inline(always)]
pub fn step<L: Lane, const ROLLED: bool>(
    job: &Job,
    start: u32,
    limit: u32,
    scratch: &mut Scratch<L>,
    masks: &mut [u32],
) -> bool {
    expand_first(job, L::nonces(start), &mut scratch.first);
    let mut any = 0;
    if ROLLED {
        for (index, mask) in masks.iter_mut().enumerate() {
            hash_first(job, index, scratch);
            *mask = hash_second(job, &mut scratch.second).at_most(limit);
            any |= *mask;
        }
    } else if let Some(mask) = masks.first_mut() {
        hash_first(job, 0, scratch);
        *mask = hash_second(job, &mut scratch.second).at_most(limit);
        any = *mask;
    }
    any != 0
}

/// Words 18 to 63 of the second chunk.
#[inline(always)]
fn expand_first<L: Lane>(job: &Job, nonce: L, w: &mut [L; 64]) {
    w[3] = nonce;
    w[18] = nonce.small_sigma_0().plus(L::load(&job.in_w18));
    w[19] = nonce.plus(L::load(&job.in_w19));
    w[20] = w[18].small_sigma_1().plus(L::load(&job.end_bit));
    w[21] = w[19].small_sigma_1();
    w[22] = w[20].small_sigma_1().plus(L::load(&job.header_bits));
    w[23] = w[21].small_sigma_1().plus(w[16]);
    w[24] = w[22].small_sigma_1().plus(w[17]);
    w[25] = w[23].small_sigma_1().plus(w[18]);
    w[26] = w[24].small_sigma_1().plus(w[19]);
    w[27] = w[25].small_sigma_1().plus(w[20]);
    w[28] = w[26].small_sigma_1().plus(w[21]);
    w[29] = w[27].small_sigma_1().plus(w[22]);
    w[30] = w[28].small_sigma_1().plus(w[23]).plus(L::load(&job.in_w30));
    w[31] = w[29].small_sigma_1().plus(w[24]).plus(L::load(&job.in_w31));
    w[32] = w[30].small_sigma_1().plus(w[25]).plus(L::load(&job.in_w32));
    w[33] = next_word!(w[17], w[18], w[26], w[31]);
    w[34] = next_word!(w[18], w[19], w[27], w[32]);
    w[35] = next_word!(w[19], w[20], w[28], w[33]);
    expand(&mut w[20..]);
}

/// The second chunk's rounds: fills in words 0 to 7 of the second hash.
#[inline(always)]
fn hash_first<L: Lane>(job: &Job, index: usize, scratch: &mut Scratch<L>) {
    let words = &scratch.first;
    let nonce = words[3];
    let midstate = &job.midstates[index & (MAX_VERSIONS - 1)];
    let at = &midstate.after_3;
    // The roles at round 4 are those of round 0 moved on by four.
    let (mut e, mut f, mut g, mut h) =
        (nonce.plus(L::load(&midstate.a_4)), L::load(&at[0]), L::load(&at[1]), L::load(&at[2]));
    let (mut a, mut b, mut c, mut d) =
        (nonce.plus(L::load(&midstate.e_4)), L::load(&at[4]), L::load(&at[5]), L::load(&at[6]));
    let mut bc = f.xor(g);
    round!(e f g h a b c d, bc, L::load(&job.summed_4[0]));
    round!(d e f g h a b c, bc, L::load(&job.summed_4[1]));
    round!(c d e f g h a b, bc, L::load(&job.summed_4[2]));
    round!(b c d e f g h a, bc, L::load(&job.summed_4[3]));
    for (word, k) in words[8..].chunks_exact(8).zip(job.k[8..].chunks_exact(8)) {
        eight_rounds!(a b c d e f g h, bc, |i: usize| L::load(&k[i]).plus(word[i]));
    }
    let end = [a, b, c, d, e, f, g, h];
    for ((slot, value), start) in scratch.second.iter_mut().zip(&end).zip(&midstate.start) {
        *slot = value.plus(L::load(start));
    }
}

/// Words 16 to 60 of the second hash.
#[inline(always)]
fn expand_second<L: Lane>(job: &Job, w: &mut [L; 64]) {
    let bits = L::load(&job.hash_bits);
    w[16] = w[0].plus(w[1].small_sigma_0());
    w[17] = w[1].plus(w[2].small_sigma_0()).plus(L::load(&job.in_hash_w17));
    w[18] = w[2].plus(w[3].small_sigma_0()).plus(w[16].small_sigma_1());
    w[19] = w[3].plus(w[4].small_sigma_0()).plus(w[17].small_sigma_1());
    w[20] = w[4].plus(w[5].small_sigma_0()).plus(w[18].small_sigma_1());
    w[21] = w[5].plus(w[6].small_sigma_0()).plus(w[19].small_sigma_1());
    w[22] = w[6].plus(w[7].small_sigma_0()).plus(w[20].small_sigma_1()).plus(bits);
    w[23] = w[7].plus(w[21].small_sigma_1()).plus(w[16]).plus(L::load(&job.in_hash_w23));
    w[24] = w[22].small_sigma_1().plus(w[17]).plus(L::load(&job.end_bit));
    w[25] = w[23].small_sigma_1().plus(w[18]);
    w[26] = w[24].small_sigma_1().plus(w[19]);
    w[27] = w[25].small_sigma_1().plus(w[20]);
    w[28] = w[26].small_sigma_1().plus(w[21]);
    w[29] = w[27].small_sigma_1().plus(w[22]);
    w[30] = w[28].small_sigma_1().plus(w[23]).plus(L::load(&job.in_hash_w30));
    w[31] = w[29].small_sigma_1().plus(w[24]).plus(w[16].small_sigma_0()).plus(bits);
    w[32] = next_word!(w[16], w[17], w[25], w[30]);
    expand(&mut w[17..61]);
}

/// The last word of the second hash.
#[inline(always)]
fn hash_second<L: Lane>(job: &Job, words: &mut [L; 64]) -> L {
    expand_second(job, words);
    let words = &*words;
    let start = &job.initial;
    let (mut h, mut a, mut b, mut c) =
        (words[0].plus(L::load(&job.a_1)), L::load(&start[0]), L::load(&start[1]), L::load(&start[2]));
    let (mut d, mut e, mut f, mut g) =
        (words[0].plus(L::load(&job.e_1)), L::load(&start[4]), L::load(&start[5]), L::load(&start[6]));
    let mut bc = L::load(&job.initial_bc);
    let summed = |i: usize| L::load(&job.k[i & 63]).plus(words[i & 63]);
    round!(h a b c d e f g, bc, summed(1));
    round!(g h a b c d e f, bc, summed(2));
    round!(f g h a b c d e, bc, summed(3));
    round!(e f g h a b c d, bc, summed(4));
    round!(d e f g h a b c, bc, summed(5));
    round!(c d e f g h a b, bc, summed(6));
    round!(b c d e f g h a, bc, summed(7));
    for (word, k) in words[8..56].chunks_exact(8).zip(job.k[8..56].chunks_exact(8)) {
        eight_rounds!(a b c d e f g h, bc, |i: usize| L::load(&k[i]).plus(word[i]));
    }
    // Round 56 without the `bc` of a round 57 that needs none.
    let t = h.plus(summed(56)).plus(f.xor(g).and(e).xor(g)).plus(e.big_sigma_1());
    d = d.plus(t);
    h = t.plus(a.xor(b).and(bc).xor(b)).plus(a.big_sigma_0());
    half_round!(c d e f g, summed(57));
    half_round!(b c d e f, summed(58));
    half_round!(a b c d e, summed(59));
    half_round!(h a b c d, summed(60));
    h.plus(L::load(&start[7]))
}
