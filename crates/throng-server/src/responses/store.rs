//! The responses that are kept, in memory: each tenant's own, the oldest going first.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::item::Item;
use super::record::Record;
use crate::config::ResponseLimits;
use crate::error::ApiError;

/// Everybody's responses.
#[derive(Debug)]
pub(crate) struct Store {
    limits: ResponseLimits,
    shelves: Mutex<Shelves>,
}

#[derive(Debug, Default)]
struct Shelves {
    by_tenant: HashMap<Arc<str>, Shelf>,
    /// Of all shelves.
    bytes: usize,
    /// Records so far: the next one's number.
    count: u64,
}

/// One tenant's.
#[derive(Debug, Default)]
struct Shelf {
    /// By number, the oldest first.
    records: BTreeMap<u64, Kept>,
    bytes: usize,
}

#[derive(Debug)]
struct Kept {
    record: Arc<Record>,
    /// What it takes, when it was last looked at.
    bytes: usize,
}

/// What one tenant sees of the store.
#[derive(Clone, Debug)]
pub(crate) struct Library {
    store: Arc<Store>,
    tenant: Arc<str>,
}

impl Store {
    /// An empty one.
    pub(crate) fn new(limits: ResponseLimits) -> Self {
        Self { limits, shelves: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Shelves> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Library {
    /// That of a tenant.
    pub(crate) fn new(store: Arc<Store>, tenant: Arc<str>) -> Self {
        Self { store, tenant }
    }

    /// Whether anything is kept at all.
    pub(super) fn keeps(&self) -> bool {
        self.store.limits.bytes > 0 && self.store.limits.per_tenant > 0
    }

    /// Keeps a response that is over.
    pub(super) fn keep(&self, record: Record) {
        let mut shelves = self.store.lock();
        shelves.insert(&self.tenant, Arc::new(record));
        shelves.shrink(&self.tenant, &self.store.limits);
    }

    /// Keeps a response that is going to be written.
    ///
    /// # Errors
    /// The tenant has as many of those as it may have.
    pub(super) fn begin(&self, record: Arc<Record>) -> Result<(), ApiError> {
        let limits = &self.store.limits;
        let mut shelves = self.store.lock();
        let shelf = shelves.by_tenant.get(&self.tenant);
        let running = shelf.map_or(0, |shelf| shelf.running().count());
        if running >= limits.background {
            return Err(ApiError::too_many_in_background(running));
        }
        shelves.insert(&self.tenant, record);
        shelves.shrink(&self.tenant, limits);
        Ok(())
    }

    /// A response that is being written has grown, or is over: what it takes is looked at again.
    pub(super) fn recount(&self, id: &str) {
        let mut shelves = self.store.lock();
        if let Some((number, record)) = shelves.find(&self.tenant, id) {
            shelves.remove(&self.tenant, number);
            shelves.put(&self.tenant, number, record);
            shelves.shrink(&self.tenant, &self.store.limits);
        }
    }

    /// The tenant's response of this name.
    ///
    /// # Errors
    /// It is not there, or not any more, or another's.
    pub(super) fn find(&self, id: &str) -> Result<Arc<Record>, ApiError> {
        let found = self.store.lock().find(&self.tenant, id);
        found.map(|(_, record)| record).ok_or_else(|| ApiError::response_not_found(id))
    }

    /// Takes it out.
    ///
    /// # Errors
    /// As for [`Library::find`].
    pub(super) fn remove(&self, id: &str) -> Result<Arc<Record>, ApiError> {
        let mut shelves = self.store.lock();
        let (number, record) =
            shelves.find(&self.tenant, id).ok_or_else(|| ApiError::response_not_found(id))?;
        shelves.remove(&self.tenant, number);
        Ok(record)
    }

    /// The items of the conversation that a response has ended.
    ///
    /// # Errors
    /// There is no such response, or nothing can go on behind it.
    pub(super) fn conversation(&self, id: &str) -> Result<Vec<Arc<Item>>, ApiError> {
        let found = self.store.lock().find(&self.tenant, id);
        let (_, record) = found.ok_or_else(|| ApiError::previous_response_not_found(id))?;
        record.conversation().ok_or_else(|| {
            ApiError::invalid("previous_response_id", "names a response without an answer")
        })
    }

    /// The item of this name in any of the tenant's responses.
    pub(super) fn item(&self, id: &str) -> Option<Arc<Item>> {
        let shelves = self.store.lock();
        let shelf = shelves.by_tenant.get(&self.tenant)?;
        shelf.records.values().rev().find_map(|kept| kept.record.item(id))
    }
}

impl Shelf {
    /// Records that are being written.
    fn running(&self) -> impl Iterator<Item = u64> {
        let running = self.records.iter().filter(|(_, kept)| !kept.record.is_over());
        running.map(|(number, _)| *number)
    }

    /// The oldest record that is over.
    fn oldest(&self) -> Option<u64> {
        let mut over = self.records.iter().filter(|(_, kept)| kept.record.is_over());
        over.next().map(|(number, _)| *number)
    }
}

impl Shelves {
    fn find(&self, tenant: &Arc<str>, id: &str) -> Option<(u64, Arc<Record>)> {
        let shelf = self.by_tenant.get(tenant)?;
        // What is asked for is mostly new.
        let mut records = shelf.records.iter().rev();
        let (number, kept) = records.find(|(_, kept)| kept.record.id == id)?;
        Some((*number, kept.record.clone()))
    }

    fn insert(&mut self, tenant: &Arc<str>, record: Arc<Record>) {
        let number = self.count;
        self.count += 1;
        self.put(tenant, number, record);
    }

    fn put(&mut self, tenant: &Arc<str>, number: u64, record: Arc<Record>) {
        let bytes = record.bytes();
        let shelf = self.by_tenant.entry(tenant.clone()).or_default();
        shelf.records.insert(number, Kept { record, bytes });
        shelf.bytes += bytes;
        self.bytes += bytes;
    }

    fn remove(&mut self, tenant: &Arc<str>, number: u64) {
        let Some(shelf) = self.by_tenant.get_mut(tenant) else { return };
        if let Some(kept) = shelf.records.remove(&number) {
            shelf.bytes -= kept.bytes;
            self.bytes -= kept.bytes;
        }
        if shelf.records.is_empty() {
            self.by_tenant.remove(tenant);
        }
    }

    /// Makes room after a tenant's shelf has grown: its own oldest go where it has too many, and
    /// where all have too much, the oldest of whoever has most. So nobody's go for another's sake
    /// who takes less.
    fn shrink(&mut self, tenant: &Arc<str>, limits: &ResponseLimits) {
        while let Some(shelf) = self.by_tenant.get(tenant)
            && shelf.records.len() > limits.per_tenant
            && let Some(oldest) = shelf.oldest()
        {
            self.remove(tenant, oldest);
        }
        while self.bytes > limits.bytes {
            let evictable = |(tenant, shelf): (&Arc<str>, &Shelf)| {
                Some((shelf.bytes, std::cmp::Reverse(shelf.oldest()?), tenant.clone()))
            };
            let Some((_, std::cmp::Reverse(oldest), tenant)) =
                self.by_tenant.iter().filter_map(evictable).max()
            else {
                return;
            };
            self.remove(&tenant, oldest);
        }
    }
}
