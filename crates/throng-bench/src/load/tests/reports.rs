//! Tables and pictures of levels.

use std::time::{Duration, Instant};

use crate::load::chunk::Usage;
use crate::load::exchange::{Exchange, Outcome};
use crate::load::failure::Failure;
use crate::load::{Level, Load, Summary, bars, svg, table};

/// A level of answers of 100 tokens, 10 ms each, whose first comes after so long.
fn summary(load: Load, millis: &[u64]) -> Summary {
    let exchanges = millis.iter().map(|&millis| {
        let mut exchange = Exchange::new(Instant::now());
        exchange.piece(Duration::from_millis(millis));
        exchange.total = Duration::from_millis(millis + 990);
        exchange.usage = Some(Usage { prompt: 128, completion: 100, cached: Some(64) });
        exchange.outcome = Outcome::Completed;
        exchange
    });
    let elapsed = Duration::from_secs(2);
    Summary::of(&Level { load, elapsed, exchanges: exchanges.collect(), refusals: 0 })
}

#[test]
fn a_line_a_level_within_the_width_of_a_terminal() {
    let levels = [summary(Load::Users(1), &[20]), summary(Load::Users(4096), &[50, 100_000])];
    let text = table(&levels);
    assert_eq!(text.lines().find(|line| line.chars().count() > 99), None, "{text}");
    let row = text.lines().nth(2).unwrap();
    let cells: Vec<&str> = row.split_whitespace().collect();
    let expected = ["1", "1", "0", "0.50", "50.0", "20.0", "ms", "20.0", "ms", "10.0", "ms"];
    assert_eq!(cells[..expected.len()], expected);
    assert!(text.contains("prompts of 128 tokens, of which 64.0 were cached; answers of 100"));
    assert_eq!(bars(&levels, 60).lines().count(), 2);
    assert_eq!(bars(&levels[..1], 60), "");
    assert_eq!(table(&[]), "");
}

#[test]
fn what_failed_is_said_by_kind() {
    let mut failed = Exchange::new(Instant::now());
    failed.outcome = Outcome::Failed(Failure::Timeout);
    let exchanges = vec![failed.clone(), failed];
    let level = Level { load: Load::Rate(2.5), elapsed: Duration::ZERO, exchanges, refusals: 3 };
    let text = table(&[Summary::of(&level)]);
    assert!(text.contains("2.50/s: 2 failed: no answer in time"), "{text}");
    assert!(text.contains("told to come back later 3 times"), "{text}");
}

#[test]
fn a_picture_has_a_point_for_each_value_and_no_stranger_in_its_text() {
    let none =
        Level { load: Load::Users(4), elapsed: Duration::ZERO, exchanges: Vec::new(), refusals: 0 };
    let levels =
        [summary(Load::Users(1), &[20, 40]), Summary::of(&none), summary(Load::Users(16), &[90])];
    let picture = svg("<model> & \"more\"", &levels);
    assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>\n"));
    // Throughput of three levels, a median and a tail of each latency of two.
    assert_eq!(picture.matches("<circle").count(), 3 + 2 * 2 + 2 * 2);
    assert!(picture.contains("&lt;model&gt; &amp; &quot;more&quot;"));
    assert!(!picture.contains("NaN") && !picture.contains("inf"));
    assert_eq!(picture.matches("<g ").count(), picture.matches("</g>").count());
}
