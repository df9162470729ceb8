//! What a kernel needs of a machine word: one lane as `u32`, four as a 128-bit vector.

/// One or several 32-bit words that are worked on alike.
pub trait Lane: Copy {
    /// How many nonces one value carries.
    const COUNT: u32;
    /// All zero.
    fn zero() -> Self;
    /// The same word in every lane, loaded from memory: engines make poor code of constants.
    fn load(word: &u32) -> Self;
    /// A word for every lane, by its number.
    fn gather(word: impl Fn(usize) -> u32) -> Self;
    /// The word of one lane; the number must be below [`Lane::COUNT`].
    fn get(self, lane: usize) -> u32;
    /// The nonces from `start` on, one a lane, as the words of a header: bytes swapped.
    fn nonces(start: u32) -> Self;
    /// Sum modulo 2^32.
    fn plus(self, other: Self) -> Self;
    /// Exclusive or.
    fn xor(self, other: Self) -> Self;
    /// And.
    fn and(self, other: Self) -> Self;
    /// Rotation to the right.
    fn rotate<const BITS: u32>(self) -> Self;
    /// Shift to the right.
    fn shift<const BITS: u32>(self) -> Self;
    /// A bit for every lane whose word, bytes swapped, is at most `limit`.
    fn at_most(self, limit: u32) -> u32;

    /// Σ0 of FIPS 180-4.
    #[inline(always)]
    fn big_sigma_0(self) -> Self {
        self.rotate::<2>().xor(self.rotate::<13>()).xor(self.rotate::<22>())
    }
    /// Σ1.
    #[inline(always)]
    fn big_sigma_1(self) -> Self {
        self.rotate::<6>().xor(self.rotate::<11>()).xor(self.rotate::<25>())
    }
    /// σ0.
    #[inline(always)]
    fn small_sigma_0(self) -> Self {
        self.rotate::<7>().xor(self.rotate::<18>()).xor(self.shift::<3>())
    }
    /// σ1.
    #[inline(always)]
    fn small_sigma_1(self) -> Self {
        self.rotate::<17>().xor(self.rotate::<19>()).xor(self.shift::<10>())
    }
}

impl Lane for u32 {
    const COUNT: u32 = 1;
    #[inline(always)]
    fn zero() -> Self {
        0
    }
    #[inline(always)]
    fn load(word: &u32) -> Self {
        *word
    }
    #[inline(always)]
    fn gather(word: impl Fn(usize) -> u32) -> Self {
        word(0)
    }
    #[inline(always)]
    fn get(self, _lane: usize) -> u32 {
        self
    }
    #[inline(always)]
    fn nonces(start: u32) -> Self {
        start.swap_bytes()
    }
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }
    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        self ^ other
    }
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        self & other
    }
    #[inline(always)]
    fn rotate<const BITS: u32>(self) -> Self {
        self.rotate_right(BITS)
    }
    #[inline(always)]
    fn shift<const BITS: u32>(self) -> Self {
        self >> BITS
    }
    #[inline(always)]
    fn at_most(self, limit: u32) -> u32 {
        (self.swap_bytes() <= limit) as u32
    }
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub use vector::Vector;

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod vector {
    use super::Lane;
    use core::arch::wasm32::{
        i8x16_shuffle, u32x4, u32x4_add, u32x4_bitmask, u32x4_le, u32x4_shl, u32x4_shr, u32x4_splat,
        v128, v128_and, v128_load32_splat, v128_or, v128_xor,
    };

    /// Four lanes.
    pub type Vector = v128;

    #[inline(always)]
    fn swap_bytes(words: v128) -> v128 {
        i8x16_shuffle::<3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12>(words, words)
    }

    impl Lane for v128 {
        const COUNT: u32 = 4;
        #[inline(always)]
        fn zero() -> Self {
            u32x4_splat(0)
        }
        #[inline(always)]
        fn load(word: &u32) -> Self {
            // A reference is always valid to read from.
            unsafe { v128_load32_splat(word) }
        }
        #[inline(always)]
        fn gather(word: impl Fn(usize) -> u32) -> Self {
            u32x4(word(0), word(1), word(2), word(3))
        }
        #[inline(always)]
        fn get(self, lane: usize) -> u32 {
            // Both are 16 bytes, of which every value is valid.
            let words: [u32; 4] = unsafe { core::mem::transmute(self) };
            words[lane]
        }
        #[inline(always)]
        fn nonces(start: u32) -> Self {
            swap_bytes(u32x4_add(u32x4_splat(start), u32x4(0, 1, 2, 3)))
        }
        #[inline(always)]
        fn plus(self, other: Self) -> Self {
            u32x4_add(self, other)
        }
        #[inline(always)]
        fn xor(self, other: Self) -> Self {
            v128_xor(self, other)
        }
        #[inline(always)]
        fn and(self, other: Self) -> Self {
            v128_and(self, other)
        }
        #[inline(always)]
        fn rotate<const BITS: u32>(self) -> Self {
            v128_or(u32x4_shr(self, BITS), u32x4_shl(self, 32 - BITS))
        }
        #[inline(always)]
        fn shift<const BITS: u32>(self) -> Self {
            u32x4_shr(self, BITS)
        }
        #[inline(always)]
        fn at_most(self, limit: u32) -> u32 {
            u32::from(u32x4_bitmask(u32x4_le(swap_bytes(self), u32x4_splat(limit))))
        }
    }
}
