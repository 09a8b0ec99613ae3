//! Repeated measurements of one quantity: their median, and how far they spread.

/// Measurements of one quantity: at least one, each finite.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    /// Ascending.
    sorted: Vec<f64>,
}

impl Samples {
    /// Measurements in any order; `None` if there are none, or if one is not finite.
    pub fn new(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let is_usable = !sorted.is_empty() && sorted.iter().all(|value| value.is_finite());
        is_usable.then_some(Self { sorted })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.sorted.len()
    }

    /// The least.
    pub fn min(&self) -> f64 {
        self.sorted[0]
    }

    /// The greatest.
    pub fn max(&self) -> f64 {
        self.sorted[self.sorted.len() - 1]
    }

    /// The arithmetic mean.
    pub fn mean(&self) -> f64 {
        self.sorted.iter().sum::<f64>() / self.sorted.len() as f64
    }

    /// The standard error of the mean, `s / sqrt(count)` with `s` the sample standard deviation, as
    /// if the measurements were independent of each other; `None` of one alone.
    pub fn standard_error(&self) -> Option<f64> {
        let (mean, count) = (self.mean(), self.sorted.len());
        let squares: f64 = self.sorted.iter().map(|value| (value - mean).powi(2)).sum();
        (count > 1).then(|| (squares / (count - 1) as f64 / count as f64).sqrt())
    }

    /// The middle one, or the mean of the middle two.
    pub fn median(&self) -> f64 {
        self.percentile(50.0)
    }

    /// The value that `percent` percent of the samples do not exceed, from 0 (the least) to 100
    /// (the greatest; what lies outside is one of these), between two samples in proportion:
    /// definition 7 of Hyndman and Fan, "Sample Quantiles in Statistical Packages" (1996), which is
    /// NumPy's default too.
    pub fn percentile(&self, percent: f64) -> f64 {
        let last = self.sorted.len() - 1;
        let position = last as f64 * (percent / 100.0).clamp(0.0, 1.0);
        let below = (position.floor() as usize).min(last);
        let above = (below + 1).min(last);
        let (low, high) = (self.sorted[below], self.sorted[above]);
        low + (high - low) * (position - below as f64)
    }

    /// Every measurement made another: seconds to tokens per second, say. `None` if one has no
    /// finite image, as 0 seconds have not.
    pub fn map(&self, image: impl Fn(f64) -> f64) -> Option<Self> {
        Self::new(self.sorted.iter().map(|&value| image(value)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Samples;

    #[test]
    fn the_middle_of_odd_and_even_counts() {
        let median = |values: &[f64]| Samples::new(values.iter().copied()).unwrap().median();
        assert_eq!(median(&[7.0]), 7.0);
        assert_eq!(median(&[9.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 100.0]), 3.0);
    }

    #[test]
    fn percentiles_are_numpys() {
        // numpy.percentile([15, 20, 35, 40, 50], [0, 10, 40, 90, 99, 100])
        let samples = Samples::new([35.0, 20.0, 15.0, 50.0, 40.0]).unwrap();
        for (percent, value) in
            [(0.0, 15.0), (10.0, 17.0), (40.0, 29.0), (90.0, 46.0), (99.0, 49.6), (100.0, 50.0)]
        {
            assert!((samples.percentile(percent) - value).abs() < 1e-9, "{percent}");
        }
        assert_eq!((samples.percentile(-5.0), samples.percentile(200.0)), (15.0, 50.0));
        assert_eq!((samples.mean(), samples.count()), (32.0, 5));
        // numpy.std([15, 20, 35, 40, 50], ddof=1) / 5**0.5
        let error = samples.standard_error().unwrap();
        assert!((error - 6.442_049_363_362_563).abs() < 1e-12, "{error}");
        assert_eq!(Samples::new([1.0]).unwrap().standard_error(), None);
    }

    #[test]
    fn nothing_and_no_number_are_no_samples() {
        assert_eq!(Samples::new([]), None);
        assert_eq!(Samples::new([1.0, f64::NAN]), None);
        let seconds = Samples::new([0.0, 2.0]).unwrap();
        assert_eq!(seconds.map(|seconds| 1.0 / seconds), None);
        let rates = Samples::new([4.0, 2.0]).unwrap().map(|seconds| 1.0 / seconds).unwrap();
        assert_eq!((rates.min(), rates.max()), (0.25, 0.5));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn percentiles_grow_and_stay_within(
            values in prop::collection::vec(-1e6..1e6, 1..40),
            percents in (0.0..100.0, 0.0..100.0),
        ) {
            let samples = Samples::new(values.iter().copied()).unwrap();
            let (low, high) = (f64::min(percents.0, percents.1), f64::max(percents.0, percents.1));
            let (low, high) = (samples.percentile(low), samples.percentile(high));
            prop_assert!(samples.min() <= low && low <= high && high <= samples.max());
        }
    }
}
