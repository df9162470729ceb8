//! Runs on the host: the scalar kernel against plain SHA-256, and published headers.

use super::*;
use crate::self_test::{GENESIS, GENESIS_HASH, GENESIS_NONCE, ZERO_PAIR_HASH};

/// A context of its own for each test, on the heap.
fn new_context(header: [u8; HEADER_SIZE], target: [u8; HASH_SIZE]) -> Box<Context> {
    // Every field is plain numbers, for which all zero is a value.
    let mut context: Box<Context> = unsafe { Box::new(core::mem::zeroed()) };
    context.header = header;
    context.share_target = target;
    context.block_target = target;
    context.version_count = 1;
    context.max_hits = MAX_HITS as u32;
    context
}

/// A target with the given top byte and nothing but ones below.
fn target(top: u8) -> [u8; HASH_SIZE] {
    let mut target = [0xff; HASH_SIZE];
    target[31] = top;
    target
}

#[test]
fn pairs_hash_as_they_should() {
    let mut context = new_context([0; HEADER_SIZE], [0; HASH_SIZE]);
    context.hashes = [1; MAX_HEADERS * HASH_SIZE];
    context.hash_pairs(3);
    for hash in context.hashes.chunks_exact(HASH_SIZE).take(3) {
        assert_eq!(hash, ZERO_PAIR_HASH);
    }
    assert_eq!(context.hashes[3 * HASH_SIZE], 1);
}

#[test]
fn layout_is_the_abi() {
    let context = new_context([0; HEADER_SIZE], [0; HASH_SIZE]);
    let base = &*context as *const Context as usize;
    let offset = |address: usize| address - base;
    assert_eq!(offset(&context.version_mask as *const u32 as usize), 80);
    assert_eq!(offset(context.share_target.as_ptr() as usize), 96);
    assert_eq!(offset(&context.hit_count as *const u32 as usize), 160);
    assert_eq!(offset(&context.nonces_done as *const u64 as usize), 168);
    assert_eq!(offset(context.hits.as_ptr() as usize), 192);
    assert_eq!(offset(context.headers.as_ptr() as usize), 3264);
    assert_eq!(offset(context.hashes.as_ptr() as usize), 23744);
    assert_eq!(ctx_size(), 31936);
    assert_eq!(core::mem::size_of::<Hit>(), 48);
}

#[test]
fn genesis_hash_and_nonce() {
    let hash = sha256::hash_header(&GENESIS);
    assert_eq!(hash, GENESIS_HASH);
    let mut limit = [0; HASH_SIZE];
    limit[26] = 0x1a;
    let mut context = new_context(GENESIS, limit);
    assert_eq!(context.prepare(), OK);
    assert_eq!(context.scan(GENESIS_NONCE - 100, 200), 200);
    assert_eq!(context.hit_count, 1);
    assert_eq!(context.hits[0].nonce, GENESIS_NONCE);
    assert_eq!(context.hits[0].hash, hash);
    assert_eq!(context.hits[0].flags, 3);
}

#[test]
fn every_hit_is_found_in_order() {
    let mut context = new_context(GENESIS, target(0x07));
    assert_eq!(context.prepare(), OK);
    let mut found = Vec::new();
    let (mut at, end) = (1_000, 3_000);
    while at < end {
        at += context.scan(at, end - at);
        found.extend(context.hits[..context.hit_count as usize].iter().map(|hit| hit.nonce));
    }
    let mut header = GENESIS;
    let wanted: Vec<u32> = (1_000..3_000)
        .filter(|nonce: &u32| {
            header[76..].copy_from_slice(&nonce.to_le_bytes());
            is_at_most(&sha256::hash_header(&header), &target(0x07))
        })
        .collect();
    assert!(wanted.len() > 20);
    assert_eq!(found, wanted);
}

#[test]
fn a_full_buffer_ends_a_scan_and_loses_nothing() {
    let mut context = new_context(GENESIS, target(0xff));
    context.max_hits = 10;
    assert_eq!(context.prepare(), OK);
    assert_eq!(context.scan(0, 100), 10);
    assert_eq!((context.hit_count, context.overflow, context.nonces_done), (10, 1, 10));
    assert_eq!(context.scan(10, 5), 5);
    assert_eq!((context.hit_count, context.overflow), (5, 0));
}

#[test]
fn ranges_end_with_the_last_nonce() {
    let mut context = new_context(GENESIS, target(0xff));
    assert_eq!(context.prepare(), OK);
    assert_eq!(context.scan(u32::MAX - 2, 100), 3);
    assert_eq!(context.hits[2].nonce, u32::MAX);
    assert_eq!(context.scan(7, 0), 0);
}

#[test]
fn versions_roll_inside_the_mask() {
    let mut context = new_context(GENESIS, target(0xff));
    context.version_count = 4;
    context.version_mask = 0x1fff_e000;
    assert_eq!(context.prepare(), OK);
    assert_eq!(context.scan(5, 2), 2);
    let versions: Vec<u32> = context.hits[..8].iter().map(|hit| hit.version).collect();
    assert_eq!(versions, [1, 0x2001, 0x4001, 0x6001, 1, 0x2001, 0x4001, 0x6001]);
    for hit in &context.hits[..8] {
        let mut header = GENESIS;
        header[..4].copy_from_slice(&hit.version.to_le_bytes());
        header[76..].copy_from_slice(&hit.nonce.to_le_bytes());
        assert_eq!(hit.hash, sha256::hash_header(&header));
    }
}

#[test]
fn versions_roll_over_a_mask_with_gaps() {
    let mut context = new_context(GENESIS, target(0xff));
    context.version_count = 8;
    context.version_mask = 0x8000_0011;
    assert_eq!(context.prepare(), OK);
    let versions: Vec<u32> = (0..8).map(|index| context.version(index)).collect();
    let low = [1, 0, 0x11, 0x10];
    assert_eq!(versions[..4], low);
    assert_eq!(versions[4..], low.map(|version| version | 0x8000_0000));
}

#[test]
fn the_self_test_passes() {
    assert_eq!(new_context([7; HEADER_SIZE], target(0)).self_test(), OK);
}

#[test]
fn impossible_jobs_are_refused() {
    let mut context = new_context(GENESIS, target(0));
    context.version_count = 0;
    assert_eq!(context.prepare(), BAD_VERSION_COUNT);
    context.version_count = 17;
    assert_eq!(context.prepare(), BAD_VERSION_COUNT);
    context.version_count = 2;
    assert_eq!(context.prepare(), BAD_VERSION_MASK);
    context.version_count = 1;
    context.max_hits = 65;
    assert_eq!(context.prepare(), BAD_MAX_HITS);
}
