//! The tree and its pools, without a scheduler.

use super::*;
use crate::cache::prefix::{BlockTokens, Salt};

/// Sees a block and a half.
const WINDOW: usize = BLOCK_TOKENS * 3 / 2;

fn block(name: u32) -> BlockTokens {
    [name; BLOCK_TOKENS]
}

fn salt(name: &str) -> Salt {
    Salt::Shared(name.into())
}

/// Puts a chain of blocks into the cache, held.
fn put(cache: &mut PrefixCache, salt: &Salt, names: &[u32]) -> Vec<Places> {
    let mut parent = Parent::Root(salt.clone());
    let mut before = None;
    let named = names.iter().map(|&name| {
        let own = Places { full: cache.take_full().unwrap(), window: cache.take_window() };
        let prefix = Prefix { parent: parent.clone(), tokens: block(name) };
        let (places, next) = cache.name(prefix, before, own);
        (parent, before) = (next, Some(places.full));
        places
    });
    named.collect()
}

fn release(cache: &mut PrefixCache, places: &[Places], worth: Worth) {
    for places in places.iter().rev() {
        places.window.into_iter().for_each(|id| cache.release_window(id, worth, 0));
        cache.release_full(places.full, 0);
    }
}

fn find(cache: &mut PrefixCache, salt: &Salt, names: &[u32]) -> (usize, usize) {
    let found = cache.find(salt, names.iter().map(|&name| block(name)));
    found.window.iter().for_each(|&id| cache.release_window(id, Worth::Much, 0));
    found.full.iter().rev().for_each(|&id| cache.release_full(id, 0));
    (found.full.len(), found.beyond)
}

fn cache(full: usize, window: usize) -> PrefixCache {
    PrefixCache::new(KvBlocks { full, window }, Some(WINDOW), true)
}

#[test]
fn a_prefix_is_found_under_its_own_salt_alone() {
    let mut cache = cache(8, 8);
    let places = put(&mut cache, &salt("a"), &[1, 2, 3]);
    assert_eq!(find(&mut cache, &salt("a"), &[1, 2, 3, 4]), (3, 0), "while it is held");
    release(&mut cache, &places, Worth::Much);
    assert_eq!(find(&mut cache, &salt("a"), &[1, 2, 9]), (2, 0), "and after");
    assert_eq!(find(&mut cache, &salt("a"), &[2]), (0, 0));
    assert_eq!(find(&mut cache, &salt("b"), &[1, 2]), (0, 0));
    assert_eq!(find(&mut cache, &Salt::Private(0), &[1, 2]), (0, 0));
    cache.check_integrity(std::iter::empty());
}

#[test]
fn a_prefix_ends_where_the_windows_blocks_are_there() {
    let mut cache = cache(8, 4);
    let places = put(&mut cache, &salt("a"), &[1, 2, 3, 4]);
    // What the window reaches from the end of block 3 is worth more than the rest.
    for (index, places) in places.iter().enumerate().rev() {
        let worth = if (1..3).contains(&index) { Worth::Much } else { Worth::Little };
        cache.release_window(places.window.unwrap(), worth, 0);
        cache.release_full(places.full, 0);
    }
    assert_eq!(find(&mut cache, &salt("a"), &[1, 2, 3, 4]), (4, 0));
    let other = [cache.take_window().unwrap(), cache.take_window().unwrap()];
    // The query above found blocks 3 and 4 useful, so block 1 has gone, and then block 2.
    assert_eq!(find(&mut cache, &salt("a"), &[1, 2, 3, 4]), (4, 0));
    assert_eq!(find(&mut cache, &salt("a"), &[1, 2, 3]), (0, 3));
    other.into_iter().for_each(|id| cache.release_window(id, Worth::Much, 0));
    cache.check_integrity(std::iter::empty());
}

#[test]
fn what_two_compute_at_once_is_kept_once() {
    let mut cache = cache(8, 8);
    let first = put(&mut cache, &salt("a"), &[1, 2]);
    let second = put(&mut cache, &salt("a"), &[1, 2]);
    assert_eq!(first, second);
    assert_eq!(cache.stats().map(|pool| pool.used), [2, 2]);
    let held = |places: &[Places]| {
        let full: Vec<BlockId> = places.iter().map(|places| places.full).collect();
        (full, places.iter().filter_map(|places| places.window).collect::<Vec<_>>())
    };
    let (full, window) = held(&first);
    cache.check_integrity([(&full[..], window.clone()), (&full[..], window)].into_iter());
    release(&mut cache, &first, Worth::Much);
    release(&mut cache, &second, Worth::Much);
    assert_eq!(cache.stats().map(|pool| (pool.used, pool.cached)), [(0, 2), (0, 2)]);
}

#[test]
fn the_end_of_a_prefix_is_lost_before_its_beginning() {
    let mut cache = cache(4, 4);
    let places = put(&mut cache, &salt("a"), &[1, 2, 3, 4]);
    release(&mut cache, &places, Worth::Much);
    let mut held = Vec::new();
    for left in (0..4).rev() {
        held.push(cache.take_full().unwrap());
        assert_eq!(find(&mut cache, &salt("a"), &[1, 2, 3, 4]).0, left);
        cache.check_integrity(std::iter::once((&held[..], Vec::new())));
    }
}

#[test]
fn without_a_cache_only_those_who_run_share() {
    let mut cache = PrefixCache::new(KvBlocks { full: 8, window: 8 }, Some(WINDOW), false);
    let places = put(&mut cache, &Salt::Private(7), &[1, 2]);
    assert_eq!(find(&mut cache, &Salt::Private(7), &[1, 2]), (2, 0));
    release(&mut cache, &places, Worth::Much);
    assert_eq!(find(&mut cache, &Salt::Private(7), &[1, 2]), (0, 0));
    assert_eq!(cache.stats().map(|pool| pool.used + pool.cached), [0, 0]);
}
