//! Against transformers: every golden checkpoint, every length.

mod common;

use common::{LENGTHS, checkpoint, compare, goldens, options, reference, run_chunked};
use throng_model::{Naive, Precision, Runner, load_with};

fn assert_exact(name: &str, runner: &mut dyn Runner) {
    let vocab = runner.spec().vocab;
    for length in LENGTHS {
        let reference = reference(name, length);
        let logits = run_chunked(runner, &reference.tokens, length);
        let (error, _) = compare(&logits, &reference.logits, vocab, 0.0);
        println!("{name}, {length} tokens: {error:.2e}");
        assert!(error < 1e-3, "{name}, {length} tokens: log-probabilities off by {error}");
    }
}

#[test]
fn the_oracle_matches_transformers() {
    for name in goldens() {
        let options = options(Precision::Exact, 1, None);
        let mut runner = load_with(Naive, &checkpoint(&name), options, &mut |_| ()).unwrap();
        assert_exact(&name, runner.as_mut());
    }
}
