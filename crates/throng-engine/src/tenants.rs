//! Who is next: fair shares between tenants, after Sheng et al., "Fairness in Serving Large
//! Language Models" (OSDI 2024). Each tenant has a counter of the service that it got, weighted;
//! the lowest is served first. A tenant that had nothing to wait for starts where the others are by
//! then, so idleness earns no credit: where whoever was admitted last stood.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU32;
use std::sync::Arc;

use crate::request::Tenant;
use crate::sequence::Sequence;
use crate::stats::TenantStats;

/// Service of a token of a prompt, and of an answer: the costs of the paper.
const PROMPT_COST: u64 = 1;
const ANSWER_COST: u64 = 2;

/// Counters are service divided by weight; this keeps the division's remainder small.
const SCALE: u64 = 1 << 20;

/// Tenants that are remembered while they are idle.
const MAX_IDLE: usize = 1024;

/// All tenants, and the sequences that wait.
#[derive(Debug)]
pub(crate) struct Tenants {
    accounts: BTreeMap<Arc<str>, Account>,
    /// What those had in all who were forgotten.
    forgotten: TenantStats,
    /// The most service that anyone had when it was admitted.
    level: u64,
    /// Serve by fair shares; otherwise whoever came first.
    fair: bool,
}

/// One tenant.
#[derive(Debug)]
struct Account {
    weight: NonZeroU32,
    /// Service so far, times [`SCALE`], divided by the weight.
    service: u64,
    /// In order of arrival.
    waiting: VecDeque<Sequence>,
    stats: TenantStats,
}

impl Account {
    fn is_busy(&self) -> bool {
        self.stats.running > 0 || !self.waiting.is_empty()
    }
}

/// Who goes first: lower ones.
pub(crate) type Turn = (u64, u64);

impl Tenants {
    pub(crate) fn new(fair: bool) -> Self {
        Self { accounts: BTreeMap::new(), forgotten: TenantStats::default(), level: 0, fair }
    }

    /// What those had in all who were forgotten.
    pub(crate) fn forgotten(&self) -> TenantStats {
        self.forgotten.clone()
    }

    /// Sequences that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.accounts.values().map(|account| account.waiting.len()).sum()
    }

    pub(crate) fn stats(&self) -> Vec<TenantStats> {
        let stats = |account: &Account| TenantStats {
            waiting: account.waiting.len(),
            ..account.stats.clone()
        };
        self.accounts.values().map(stats).collect()
    }

    /// Lets a sequence wait that has just come.
    pub(crate) fn push(&mut self, sequence: Sequence) {
        let tenant = sequence.request().tenant.clone();
        if !self.accounts.contains_key(&tenant.name) {
            self.forget_idle();
        }
        let level = self.level;
        let account = self.account(&tenant);
        account.weight = tenant.weight;
        if !account.waiting.iter().any(Sequence::is_ready) {
            account.service = account.service.max(level);
        }
        self.put_back(sequence);
    }

    /// Lets a sequence wait again that was taken out, in its place by arrival.
    pub(crate) fn put_back(&mut self, sequence: Sequence) {
        let tenant = sequence.request().tenant.clone();
        let waiting = &mut self.account(&tenant).waiting;
        let index = waiting.partition_point(|other| other.arrival < sequence.arrival);
        waiting.insert(index, sequence);
    }

    /// Whose sequence is the next that may begin.
    pub(crate) fn next(&self) -> Option<Arc<str>> {
        let turns = self.accounts.iter().filter_map(|(name, account)| {
            let first = account.waiting.iter().find(|sequence| sequence.is_ready())?;
            Some((self.turn(name, first.arrival), name))
        });
        turns.min().map(|(_, name)| name.clone())
    }

    /// Takes the next sequence of a tenant that may begin.
    pub(crate) fn pop(&mut self, name: &Arc<str>) -> Option<Sequence> {
        let account = self.accounts.get_mut(name)?;
        let index = account.waiting.iter().position(Sequence::is_ready)?;
        self.level = self.level.max(account.service);
        account.waiting.remove(index)
    }

    /// When a sequence of a tenant is served: those with lower turns first.
    pub(crate) fn turn(&self, name: &Arc<str>, arrival: u64) -> Turn {
        let service = self.accounts.get(name).map_or(0, |account| account.service);
        if self.fair { (service, arrival) } else { (0, arrival) }
    }

    /// Whether a tenant with one place fewer would still have no smaller a share of places than
    /// another with one more. Where shares do not count, never: nobody makes way then.
    pub(crate) fn owes(&self, name: &Arc<str>, other: &Arc<str>) -> bool {
        let (Some(own), Some(other)) = (self.accounts.get(name), self.accounts.get(other)) else {
            return false;
        };
        let places = |account: &Account| account.stats.running as u64;
        let weight = |account: &Account| u64::from(account.weight.get());
        let kept = places(own).saturating_sub(1);
        self.fair && kept * weight(other) >= (places(other) + 1) * weight(own)
    }

    /// What a tenant holds beside what others hold, `held` being a number of blocks.
    pub(crate) fn load(&self, name: &Arc<str>, held: usize) -> u64 {
        if !self.fair {
            return 0;
        }
        let weight = self.accounts.get(name).map_or(NonZeroU32::MIN, |account| account.weight);
        held as u64 * SCALE / u64::from(weight.get())
    }

    /// Charges a tenant for service.
    pub(crate) fn charge(&mut self, name: &Arc<str>, prompt_tokens: usize, answer_tokens: usize) {
        let Some(account) = self.accounts.get_mut(name) else { return };
        let cost = prompt_tokens as u64 * PROMPT_COST + answer_tokens as u64 * ANSWER_COST;
        let service = cost.saturating_mul(SCALE) / u64::from(account.weight.get());
        account.service = account.service.saturating_add(service);
        account.stats.generated_tokens += answer_tokens as u64;
    }

    /// The numbers that are told of a tenant.
    pub(crate) fn stats_of(&mut self, name: &Arc<str>) -> Option<&mut TenantStats> {
        self.accounts.get_mut(name).map(|account| &mut account.stats)
    }

    /// Takes out every waiting sequence for which `leave` says so.
    pub(crate) fn take_if(&mut self, leave: impl Fn(&Sequence) -> bool) -> Vec<Sequence> {
        let mut left = Vec::new();
        for account in self.accounts.values_mut() {
            // Most of the time nobody leaves, and then nothing is moved.
            if account.waiting.iter().any(&leave) {
                let (leaving, staying) =
                    std::mem::take(&mut account.waiting).into_iter().partition::<Vec<_>, _>(&leave);
                account.waiting = staying.into();
                left.extend(leaving);
            }
        }
        left
    }

    fn account(&mut self, tenant: &Tenant) -> &mut Account {
        self.accounts.entry(tenant.name.clone()).or_insert_with(|| Account {
            weight: tenant.weight,
            service: 0,
            waiting: VecDeque::new(),
            stats: TenantStats { name: tenant.name.clone(), ..TenantStats::default() },
        })
    }

    /// Names come from clients, so they must not fill the memory.
    fn forget_idle(&mut self) {
        if self.accounts.len() >= MAX_IDLE {
            let forgotten = &mut self.forgotten;
            self.accounts.retain(|_, account| {
                if !account.is_busy() {
                    forgotten.add(&account.stats);
                }
                account.is_busy()
            });
        }
    }

    /// Panics unless the accounts agree with the sequences that run.
    pub(crate) fn check_integrity<'a>(&self, running: impl Iterator<Item = &'a Sequence>) {
        let mut places: BTreeMap<&Arc<str>, usize> = BTreeMap::new();
        running.for_each(|sequence| *places.entry(sequence.tenant()).or_default() += 1);
        for (name, account) in &self.accounts {
            let running = places.remove(name).unwrap_or(0);
            assert_eq!(account.stats.running, running, "places of {name}");
            assert!(account.waiting.iter().is_sorted_by_key(|sequence| sequence.arrival));
            assert!(account.waiting.iter().all(|sequence| sequence.tenant() == name));
        }
        assert!(places.is_empty(), "{places:?} run but have no account");
    }
}
