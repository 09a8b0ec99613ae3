//! Everyone who was let in: both sides of each choice of each request.

use std::time::Duration;

use crate::course::Course;
use crate::life::Life;

/// More unread events than this, and the engine may wait for the client.
const UNREAD: usize = 500;

/// One choice of one request. Its index in the crowd is the scheduler's number for it.
#[derive(Debug)]
pub struct Member {
    pub life: Life,
    pub course: Course,
    pub tenant: usize,
    /// Whose prefixes it may share.
    pub salt: usize,
    /// The first choice of its request.
    pub leader: usize,
    /// The scheduler has seen that it left or expired.
    pub let_go: bool,
    /// The engine may have set it aside because nobody reads.
    pub was_unread: bool,
    /// Preemptions of anyone until its last row.
    pub preemptions: u64,
}

impl Member {
    /// Nothing more happens for it.
    pub fn has_ended(&self) -> bool {
        self.let_go || self.course.is_over || self.life.finished.is_some()
    }

    /// Whether its client reads all there is after every step.
    pub fn is_read(&self, now: Duration) -> bool {
        !self.life.has_left() && self.life.reads_from <= now
    }

    /// Whether it is known to have begun.
    pub fn has_started(&self) -> bool {
        self.life.cached_tokens.is_some() || self.course.rows > 0
    }

    /// Whether it is known not to have begun, though nothing has ended it.
    pub fn is_waiting(&self, now: Duration) -> bool {
        !self.has_ended() && !self.has_started() && self.is_read(now)
    }

    /// Whether so much is unread that the engine may wait for the client.
    pub fn is_unread(&self) -> bool {
        self.course.said - self.life.said >= UNREAD
    }
}

/// All members in the order of their arrival.
#[derive(Debug, Default)]
pub struct Crowd(pub Vec<Member>);

impl Crowd {
    /// Members for whom something will still happen.
    pub fn open(&self) -> impl Iterator<Item = &Member> {
        self.0.iter().filter(|member| !member.has_ended())
    }

    /// Members that wait for their first step and could have it: the prompt is computed, or it is
    /// theirs to compute.
    pub fn ready(&self, now: Duration) -> impl Iterator<Item = (usize, &Member)> {
        self.0.iter().enumerate().filter(move |&(index, member)| {
            let leader = &self.0[member.leader];
            let computed = leader.course.reached >= leader.course.prompt_tokens;
            member.is_waiting(now) && (member.leader == index || computed || leader.has_ended())
        })
    }

    /// How many wait for their first step, of all and of a tenant. `None` while that is not known,
    /// because someone has not read yet whether it has begun.
    pub fn queued(&self, tenant: usize, now: Duration) -> Option<(usize, usize)> {
        let unbegun = || self.open().filter(|member| !member.has_started());
        let known = unbegun().all(|member| member.life.reads_from <= now);
        known.then(|| (unbegun().count(), unbegun().filter(|one| one.tenant == tenant).count()))
    }

    /// Everyone whose time has come reads, or everyone at all.
    pub fn read(&mut self, now: Duration, failed: Option<Duration>, all: bool) {
        for member in &mut self.0 {
            if all || member.is_read(now) {
                member.life.read(now, failed);
            }
        }
    }

    /// Who must leave by now leaves; while a step runs, only those who do so at odd times.
    pub fn leave(&mut self, now: Duration, in_step: bool) {
        for member in &mut self.0 {
            let due = member.life.leaves_at.is_some_and(|at| {
                at <= now && (!in_step || (at - member.life.submitted).as_millis() % 2 == 1)
            });
            if due && !member.life.has_left() {
                member.life.leave();
            }
        }
    }

    /// The scheduler has begun a step: whoever has left or expired is gone.
    pub fn let_go(&mut self, now: Duration) {
        for member in &mut self.0 {
            let expired = member.life.expires.is_some_and(|expires| expires <= now);
            member.let_go |= expired || member.life.has_left();
        }
    }

    /// The next time at which a client does something or gives up.
    pub fn next_time(&self, now: Duration) -> Option<Duration> {
        let times = self.open().flat_map(|Member { life, .. }| {
            [Some(life.reads_from), life.leaves_at, life.expires].into_iter().flatten()
        });
        times.filter(|&time| time > now).min()
    }
}
