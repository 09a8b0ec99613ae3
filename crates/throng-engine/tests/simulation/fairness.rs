//! The fairness bound: who has something waiting all the time gets its share of the service.
//!
//! Service is a token of a prompt times 1 (if it was not in the cache) and a token of an answer
//! times 2, and what is computed again after a preemption is nobody's. Let W be a tenant's service,
//! w its weight and U the service of the most costly requests of the tenant that can run at once,
//! divided by w. A scheduler that admits from the tenant with the least W/w may give g more than f
//! only by what runs already: no request of g begins while W_g/w_g > W_f/w_f and f has one that
//! could begin. So W_g/w_g - W_f/w_f <= U_g at any time when f has something waiting, and over any
//! interval in which both have, |ΔW_g/w_g - ΔW_f/w_f| <= U_g + U_f. That is the bound 2U of Sheng
//! et al., "Fairness in Serving Large Language Models" (OSDI 2024), theorem 4.4, with weights.

/// One tenant's side of the scales.
#[derive(Clone, Debug, Default)]
struct Account {
    weight: u64,
    service: u64,
    /// Costs of its requests, the greatest first.
    costs: Vec<u64>,
}

/// A pair of tenants that both have something waiting.
#[derive(Clone, Copy, Debug)]
struct Scales {
    /// Bounds of W_g * w_f - W_f * w_g while both wait.
    least: i128,
    most: i128,
}

/// All tenants.
#[derive(Debug)]
pub struct Fairness {
    accounts: Vec<Account>,
    /// For tenants g < f, at `g * tenants + f`.
    scales: Vec<Option<Scales>>,
    /// Sequences that run at once.
    places: usize,
}

impl Fairness {
    pub fn new(weights: &[u32], places: usize) -> Self {
        let account = |&weight: &u32| Account { weight: weight.into(), ..Account::default() };
        Self {
            accounts: weights.iter().map(account).collect(),
            scales: vec![None; weights.len() * weights.len()],
            places,
        }
    }

    /// A request has come, which costs at most so much.
    pub fn expect(&mut self, tenant: usize, cost: u64) {
        let costs = &mut self.accounts[tenant].costs;
        costs.insert(costs.partition_point(|&other| other > cost), cost);
    }

    /// A tenant was served.
    pub fn serve(&mut self, tenant: usize, service: u64) {
        self.accounts[tenant].service += service;
    }

    /// Checks the bound after a step. `waits` says of each tenant whether something of it could
    /// have begun and did not.
    pub fn check(&mut self, waits: &[bool]) {
        let tenants = self.accounts.len();
        for g in 0..tenants {
            for f in g + 1..tenants {
                let scales = &mut self.scales[g * tenants + f];
                if !(waits[g] && waits[f]) {
                    *scales = None;
                    continue;
                }
                let (of_g, of_f) = (&self.accounts[g], &self.accounts[f]);
                let weigh = |a: &Account, b: &Account| i128::from(a.service * b.weight);
                let balance = weigh(of_g, of_f) - weigh(of_f, of_g);
                let Scales { least, most } =
                    scales.get_or_insert(Scales { least: balance, most: balance });
                *least = balance.min(*least);
                *most = balance.max(*most);
                let at_once =
                    |account: &Account| account.costs.iter().take(self.places).sum::<u64>();
                let bound = at_once(of_g) * of_f.weight + at_once(of_f) * of_g.weight;
                assert!(
                    *most - *least <= i128::from(bound),
                    "unfair: service of tenants {g} and {f}, weighted, has moved from {least} to \
                     {most} while both were waiting; {bound} is the bound"
                );
            }
        }
    }
}
