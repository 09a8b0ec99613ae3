//! A histogram as a server tells it, and what can be said of the values that were counted.

/// Buckets of a histogram, at most.
const MAX_BUCKETS: usize = 64;

/// How many observations there were up to which bounds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distribution {
    /// Upper bounds, ascending, each with the observations at or below it.
    buckets: Vec<(f64, f64)>,
    /// Observations.
    pub count: f64,
    /// Their sum.
    pub sum: f64,
}

/// Where a share of the observations ends, as far as buckets tell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Quantile {
    /// Somewhere in the first bucket: at its bound or below.
    AtMost(f64),
    /// Within a bucket, whose observations are taken to lie evenly, as Prometheus does.
    About(f64),
    /// Above the last bound.
    Above(f64),
}

impl Distribution {
    /// Counts more observations at or below a bound.
    pub(super) fn add(&mut self, bound: f64, count: f64) {
        if bound.is_nan() {
            return;
        }
        match self.buckets.iter().position(|(each, _)| *each >= bound) {
            Some(at) if self.buckets[at].0 == bound => self.buckets[at].1 += count,
            _ if self.buckets.len() == MAX_BUCKETS => {}
            Some(at) => self.buckets.insert(at, (bound, count)),
            None => self.buckets.push((bound, count)),
        }
    }

    /// What was observed since an earlier look at the same histogram.
    pub(super) fn since(&self, earlier: &Self) -> Self {
        let less = |now: f64, then: f64| (now - then).max(0.0);
        let alike = self.buckets.len() == earlier.buckets.len();
        let pairs = self.buckets.iter().zip(&earlier.buckets);
        if !alike || pairs.clone().any(|(now, then)| now.0 != then.0) {
            return self.clone();
        }
        Self {
            buckets: pairs.map(|(now, then)| (now.0, less(now.1, then.1))).collect(),
            count: less(self.count, earlier.count),
            sum: less(self.sum, earlier.sum),
        }
    }

    /// Their mean; `None` of none.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0.0).then(|| self.sum / self.count)
    }

    /// Where `share` of the observations ends, from 0 to 1; `None` of none.
    pub fn quantile(&self, share: f64) -> Option<Quantile> {
        let rank = share * self.count;
        let (mut below, mut reached) = (None, 0.0_f64);
        for &(bound, count) in self.buckets.iter().filter(|_| self.count > 0.0) {
            // A server that miscounts must not turn the order around.
            let count = count.max(reached);
            if count >= rank && count > 0.0 {
                return Some(match below {
                    Some(below) if bound == f64::INFINITY => Quantile::Above(below),
                    Some(below) => {
                        let part = (rank - reached) / (count - reached).max(f64::MIN_POSITIVE);
                        Quantile::About(below + (bound - below) * part.clamp(0.0, 1.0))
                    }
                    None => Quantile::AtMost(bound),
                })
                .filter(|quantile| quantile.is_finite());
            }
            (below, reached) = (Some(bound), count);
        }
        None
    }
}

impl Quantile {
    fn is_finite(self) -> bool {
        let (Self::AtMost(value) | Self::About(value) | Self::Above(value)) = self;
        value.is_finite()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distribution(buckets: &[(f64, f64)], sum: f64) -> Distribution {
        let mut distribution =
            Distribution { sum, count: buckets.last().unwrap().1, ..Default::default() };
        // In any order.
        buckets.iter().rev().for_each(|&(bound, count)| distribution.add(bound, count));
        distribution
    }

    const INF: f64 = f64::INFINITY;

    #[test]
    fn quantiles_are_prometheus_s_but_say_where_they_know_less() {
        let times = distribution(&[(0.1, 10.0), (0.2, 30.0), (0.4, 38.0), (INF, 40.0)], 8.0);
        assert_eq!(times.mean(), Some(0.2));
        assert_eq!(times.quantile(0.25), Some(Quantile::AtMost(0.1)));
        let Some(Quantile::About(median)) = times.quantile(0.5) else { panic!("{times:?}") };
        assert!((median - 0.15).abs() < 1e-9, "{median}");
        let Some(Quantile::About(high)) = times.quantile(0.9) else { panic!("{times:?}") };
        assert!((high - 0.35).abs() < 1e-9, "{high}");
        assert_eq!(times.quantile(0.99), Some(Quantile::Above(0.4)));
    }

    #[test]
    fn a_look_is_taken_from_a_later_one() {
        let before = distribution(&[(1.0, 3.0), (INF, 3.0)], 2.0);
        let after = distribution(&[(1.0, 3.0), (INF, 7.0)], 22.0);
        let between = after.since(&before);
        assert_eq!((between.count, between.mean()), (4.0, Some(5.0)));
        assert_eq!(between.quantile(0.5), Some(Quantile::Above(1.0)));
        let other = distribution(&[(2.0, 1.0), (INF, 1.0)], 1.0);
        assert_eq!(after.since(&other), after, "other buckets say nothing of these");
    }

    #[test]
    fn nothing_and_nonsense_have_no_quantiles() {
        assert_eq!(Distribution::default().quantile(0.5), None);
        assert_eq!(distribution(&[(INF, 3.0)], 1.0).quantile(0.5), None);
        assert_eq!(distribution(&[(1.0, 0.0), (INF, 0.0)], 0.0).quantile(0.5), None);
        // Counts that fall are taken as if they stayed.
        let falling = distribution(&[(1.0, 9.0), (2.0, 1.0), (INF, 9.0)], 1.0);
        assert_eq!(falling.quantile(1.0), Some(Quantile::AtMost(1.0)));
        let mut full = Distribution::default();
        (0..2 * MAX_BUCKETS).for_each(|bound| full.add(bound as f64, 1.0));
        assert_eq!(full.buckets.len(), MAX_BUCKETS);
    }
}
