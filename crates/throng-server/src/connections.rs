//! Places for connections, and who makes way when there is none left.
//!
//! A connection costs memory and a file descriptor whether anything is asked on it or not, so there
//! are only so many. When all are taken, the one that has kept the server waiting for longest, for a
//! request or for the rest of one, is closed for the next. So clients that open connections and say
//! nothing, or say it byte by byte, take places from each other; a request that is being answered
//! keeps its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

/// How many connections there may be, and how long a client may let the server wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Connections at once.
    pub most: usize,
    /// Until a request's head is there; a connection on which nothing is asked ends after it too.
    pub head_timeout: Duration,
    /// From its head until all of a request's body is there.
    pub body_timeout: Duration,
    /// Until some of an answer is taken.
    pub write_timeout: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            most: 1024,
            head_timeout: Duration::from_secs(20),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(60),
        }
    }
}

/// The places. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Connections(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limits: ConnectionLimits,
    table: Mutex<Table>,
    /// A place is free, or there is somebody who may be asked for one.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Table {
    holders: HashMap<u64, Holder>,
    /// Numbers holders, and orders what they do.
    next: u64,
}

/// A connection that has a place.
#[derive(Debug)]
struct Holder {
    /// Since when the server waits for its client, as a number that grows; `None`: it does not.
    waits_since: Option<u64>,
    /// It was asked to go, and has not yet.
    leaving: bool,
    leave: Arc<Notify>,
}

impl Connections {
    /// As many places as there may be connections, all free.
    pub(crate) fn new(limits: ConnectionLimits) -> Self {
        let (table, changed) = (Mutex::default(), Notify::new());
        Self(Arc::new(Shared { limits, table, changed }))
    }

    /// Waits for a place. Only one may wait at a time.
    pub(crate) async fn place(&self) -> Place {
        loop {
            if let Some(place) = self.free() {
                return place;
            }
            self.make_way();
            // A change since the look at the places is remembered.
            self.0.changed.notified().await;
        }
    }

    fn free(&self) -> Option<Place> {
        let mut table = self.0.table();
        if table.holders.len() >= self.0.limits.most {
            return None;
        }
        let number = table.tick();
        let leave = Arc::new(Notify::new());
        let holder = Holder { waits_since: Some(number), leaving: false, leave: leave.clone() };
        table.holders.insert(number, holder);
        Some(Place { client: Client { shared: self.0.clone(), number }, leave })
    }

    /// Waits until somebody has gone, asking for it if need be.
    pub(crate) async fn vacated(&self) {
        self.make_way();
        self.0.changed.notified().await;
    }

    /// Asks whoever has kept the server waiting for longest to go, unless somebody is going already.
    fn make_way(&self) {
        let mut table = self.0.table();
        if table.holders.values().any(|holder| holder.leaving) {
            return;
        }
        let waiting = table.holders.values_mut().filter(|holder| holder.waits_since.is_some());
        if let Some(longest) = waiting.min_by_key(|holder| holder.waits_since) {
            longest.leaving = true;
            longest.leave.notify_one();
        }
    }
}

impl Shared {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn tick(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

/// A connection's place, free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    client: Client,
    leave: Arc<Notify>,
}

impl Place {
    /// Who sits there.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Waits until another needs the place.
    pub(crate) async fn is_needed(&self) {
        self.leave.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Client { shared, number } = &self.client;
        shared.table().holders.remove(number);
        shared.changed.notify_one();
    }
}

/// The client of a connection, for those who wait for it and answer it.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    shared: Arc<Shared>,
    number: u64,
}

impl Client {
    /// How long it may let the server wait.
    pub(crate) fn limits(&self) -> &ConnectionLimits {
        &self.shared.limits
    }

    /// All of its request is there: it waits for the server now.
    pub(crate) fn has_asked(&self) {
        self.set(false);
    }

    /// It has its answer: the server waits for it again.
    pub(crate) fn is_answered(&self) {
        self.set(true);
    }

    fn set(&self, waits: bool) {
        let mut table = self.shared.table();
        let now = table.tick();
        if let Some(holder) = table.holders.get_mut(&self.number) {
            holder.waits_since = waits.then_some(now);
        }
        drop(table);
        if waits {
            self.shared.changed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::{ConnectionLimits, Connections, Place};

    fn places(most: usize) -> Connections {
        Connections::new(ConnectionLimits { most, ..ConnectionLimits::default() })
    }

    fn take(connections: &Connections) -> Place {
        connections.place().now_or_never().expect("a free place")
    }

    fn must_go(place: &Place) -> bool {
        place.is_needed().now_or_never().is_some()
    }

    #[test]
    fn whoever_keeps_the_server_waiting_for_longest_makes_way_for_one_at_a_time() {
        let connections = places(3);
        let [first, second, third] = [(); 3].map(|()| take(&connections));
        first.client().has_asked();
        assert!(!must_go(&first) && !must_go(&second) && !must_go(&third));
        for _ in 0..2 {
            assert!(connections.place().now_or_never().is_none(), "nobody is gone yet");
        }
        assert!(!must_go(&first) && must_go(&second) && !must_go(&third));
        drop(second);
        let fourth = take(&connections);
        first.client().is_answered();
        assert!(connections.place().now_or_never().is_none());
        assert!(must_go(&third) && !must_go(&first) && !must_go(&fourth));
        drop(third);
        // It waited anew from the end of its answer, which was after the fourth came.
        let _fifth = take(&connections);
        assert!(connections.place().now_or_never().is_none());
        assert!(must_go(&fourth) && !must_go(&first));
    }

    #[test]
    fn a_place_where_an_answer_is_given_is_nobody_elses_until_it_has_ended() {
        let connections = places(2);
        let busy = [(); 2].map(|()| take(&connections));
        busy.iter().for_each(|place| place.client().has_asked());
        let mut next = Box::pin(connections.place());
        assert!(next.as_mut().now_or_never().is_none());
        assert!(!busy.iter().any(must_go));
        busy[1].client().is_answered();
        assert!(next.as_mut().now_or_never().is_none());
        assert!(!must_go(&busy[0]) && must_go(&busy[1]));
        let [one, other] = busy;
        drop(other);
        assert!(next.as_mut().now_or_never().is_some());
        drop(one);
    }

    #[test]
    fn what_is_said_of_a_connection_that_is_gone_is_nothing() {
        let connections = places(1);
        let place = take(&connections);
        let client = place.client().clone();
        drop(place);
        let next = take(&connections);
        client.has_asked();
        client.is_answered();
        connections.make_way();
        assert!(must_go(&next));
    }
}
