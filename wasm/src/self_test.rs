//! Runs where the core will mine: does a kernel, as this engine compiled it, find what plain SHA-256 finds?

use crate::{is_at_most, sha256, Context, HASH_SIZE, HEADER_SIZE, MAX_HEADERS, MAX_HITS, OK};

const PLAIN_HASH_WRONG: u32 = 1;
const GENESIS_MISSED: u32 = 2;
const HITS_DIFFER: u32 = 3;
const PAIRS_DIFFER: u32 = 4;

/// The header of Bitcoin's genesis block.
pub(crate) const GENESIS: [u8; HEADER_SIZE] = [
    0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x3b, 0xa3, 0xed, 0xfd, 0x7a, 0x7b, 0x12, 0xb2, 0x7a, 0xc7, 0x2c, 0x3e,
    0x67, 0x76, 0x8f, 0x61, 0x7f, 0xc8, 0x1b, 0xc3, 0x88, 0x8a, 0x51, 0x32, 0x3a, 0x9f, 0xb8, 0xaa,
    0x4b, 0x1e, 0x5e, 0x4a, 0x29, 0xab, 0x5f, 0x49, 0xff, 0xff, 0x00, 0x1d, 0x1d, 0xac, 0x2b, 0x7c,
];
/// Its hash as it is hashed: the number's least significant byte first.
pub(crate) const GENESIS_HASH: [u8; HASH_SIZE] = [
    0x6f, 0xe2, 0x8c, 0x0a, 0xb6, 0xf1, 0xb3, 0x72, 0xc1, 0xa6, 0xa2, 0x46, 0xae, 0x63, 0xf7, 0x4f,
    0x93, 0x1e, 0x83, 0x65, 0xe1, 0x5a, 0x08, 0x9c, 0x68, 0xd6, 0x19, 0x00, 0x00, 0x00, 0x00, 0x00,
];
pub(crate) const GENESIS_NONCE: u32 = 2_083_236_893;

/// Twice the lanes of the widest kernel: the genesis nonce is looked for at every position.
const SPAN: u32 = 8;
/// The last nonces there are, and no multiple of any kernel's lanes.
const LAST_NONCES: u32 = 29;
const ROLLED_VERSIONS: u32 = 4;
const ROLLED_MASK: u32 = 0x1fff_e000;

/// Double SHA-256 of 64 zeros: what stands above a pair of zero hashes.
pub(crate) const ZERO_PAIR_HASH: [u8; HASH_SIZE] = [
    0xe2, 0xf6, 0x1c, 0x3f, 0x71, 0xd1, 0xde, 0xfd, 0x3f, 0xa9, 0x99, 0xdf, 0xa3, 0x69, 0x53, 0x75,
    0x5c, 0x69, 0x06, 0x89, 0x79, 0x99, 0x62, 0xb4, 0x8b, 0xeb, 0xd8, 0x36, 0x97, 0x4e, 0x8c, 0xf9,
];
/// No multiple of any build's lanes.
const PAIRS: usize = 5;

impl Context {
    /// Tests the selected kernel. Returns 0, or what is wrong. Leaves a job behind that is nobody's.
    pub(crate) fn self_test(&mut self) -> u32 {
        if sha256::hash_header(&GENESIS) != GENESIS_HASH {
            return PLAIN_HASH_WRONG;
        }
        if !self.finds_genesis() {
            return GENESIS_MISSED;
        }
        if !self.finds_what_plain_hashing_finds() {
            return HITS_DIFFER;
        }
        if !self.hashes_pairs() {
            return PAIRS_DIFFER;
        }
        OK
    }

    fn finds_genesis(&mut self) -> bool {
        self.header = GENESIS;
        self.share_target = GENESIS_HASH;
        self.block_target = GENESIS_HASH;
        self.version_mask = 0;
        self.version_count = 1;
        self.max_hits = MAX_HITS as u32;
        self.prepare() == OK
            && (0..SPAN).all(|before| {
                self.scan(GENESIS_NONCE - before, SPAN) == SPAN
                    && self.hit_count == 1
                    && self.hits[0].nonce == GENESIS_NONCE
                    && self.hits[0].hash == GENESIS_HASH
            })
    }

    /// The same pair in every place.
    fn hashes_pairs(&mut self) -> bool {
        self.headers = [0; MAX_HEADERS * HEADER_SIZE];
        self.hash_pairs(PAIRS);
        self.hashes.chunks_exact(HASH_SIZE).take(PAIRS).all(|hash| hash == ZERO_PAIR_HASH)
    }

    /// One hash in 16 is a hit: about 7 of 116.
    fn finds_what_plain_hashing_finds(&mut self) -> bool {
        self.share_target = [0x0f; HASH_SIZE];
        self.version_mask = ROLLED_MASK;
        self.version_count = ROLLED_VERSIONS;
        let start = u32::MAX - (LAST_NONCES - 1);
        if self.prepare() != OK || self.scan(start, LAST_NONCES) != LAST_NONCES {
            return false;
        }
        let mut found = self.hits.iter().take(self.hit_count as usize);
        for nonce in start..=u32::MAX {
            for index in 0..ROLLED_VERSIONS {
                let version = self.version(index);
                let hash = self.hash_of(nonce, version);
                if is_at_most(&hash, &self.share_target) {
                    match found.next() {
                        Some(hit) if hit.nonce == nonce && hit.version == version => {}
                        _ => return false,
                    }
                }
            }
        }
        found.next().is_none()
    }
}
