//! Connections that break, bytes that change, servers that are busy.

use std::fs;

use throng_hub::HubError;
use throng_testkit::HubFault;

use crate::support::{Bench, LARGE, bytes, model, names};

const WEIGHTS: &str = "/cdn/org/name/model.safetensors";

fn range(first: usize) -> Option<String> {
    Some(format!("bytes={first}-"))
}

#[track_caller]
fn assert_whole(bench: &Bench) {
    assert_eq!(fs::read(bench.snapshot().join("model.safetensors")).unwrap(), bytes(LARGE));
}

#[test]
fn a_cut_connection_goes_on_where_it_was() {
    let bench = Bench::new(model());
    bench.hub.fail(WEIGHTS, HubFault::Cut(300_000), 2);
    let (result, events) = bench.pull_and_tell("org/name");
    result.unwrap();
    assert_whole(&bench);
    assert_eq!(bench.ranges(), [None, range(300_000), range(600_000)]);
    let retries = events.iter().filter(|event| event.starts_with("retry after 1ms")).count();
    assert_eq!(
        retries, 2,
        "a connection that brought something is no failure in a row: {events:?}"
    );
}

#[test]
fn another_pull_goes_on_where_the_first_gave_up() {
    let bench = Bench::new(model());
    bench.hub.fail(WEIGHTS, HubFault::Cut(400_000), 1);
    bench.hub.fail(WEIGHTS, HubFault::Cut(0), 4);
    let error = bench.pull("org/name").unwrap_err();
    assert!(matches!(error, HubError::BrokenOff { .. }), "{error}");
    assert!(error.hint().unwrap().contains("goes on where it stopped"));
    assert!(!bench.repo().join("refs/main").exists(), "no name leads to half a model");
    bench.hub.seen();
    assert_eq!(bench.plan("org/name", &[]).unwrap().missing_bytes(), LARGE as u64 - 400_000);
    let (result, events) = bench.pull_and_tell("org/name");
    result.unwrap();
    assert_whole(&bench);
    assert_eq!(bench.ranges(), [range(400_000)]);
    let checked = events.iter().rfind(|event| event.starts_with("checked"));
    assert_eq!(checked.map(String::as_str), Some("checked 400000"));
}

#[test]
fn a_whole_part_is_checked_without_a_request() {
    let bench = Bench::new(model());
    let blobs = bench.repo().join("blobs");
    fs::create_dir_all(&blobs).unwrap();
    let name = model().files["model.safetensors"].checksum() + ".incomplete";
    fs::write(blobs.join(&name), bytes(LARGE)).unwrap();
    bench.pull("org/name").unwrap();
    assert_whole(&bench);
    assert!(bench.ranges().is_empty());
}

#[test]
fn a_server_without_ranges_begins_again() {
    let bench = Bench::new(model());
    bench.hub.fail(WEIGHTS, HubFault::Cut(300_000), 1);
    bench.hub.fail(WEIGHTS, HubFault::NoRange, 1);
    bench.pull("org/name").unwrap();
    assert_whole(&bench);
    assert_eq!(bench.ranges(), [None, range(300_000)]);
}

#[test]
fn a_server_that_always_begins_again_and_always_breaks_off_is_given_up() {
    let bench = Bench::new(model());
    bench.hub.fail(WEIGHTS, HubFault::NoRangeAndCut(300_000), usize::MAX);
    assert!(matches!(bench.pull("org/name"), Err(HubError::BrokenOff { .. })));
    assert!(bench.ranges().len() <= 6);
}

#[test]
fn a_range_that_is_refused_begins_again() {
    let bench = Bench::new(model());
    bench.hub.fail(WEIGHTS, HubFault::Cut(300_000), 1);
    bench.hub.fail(WEIGHTS, HubFault::Status(416, Vec::new()), 1);
    bench.pull("org/name").unwrap();
    assert_whole(&bench);
    assert_eq!(bench.ranges(), [None, range(300_000), None]);
}

#[test]
fn damaged_bytes_are_fetched_once_more() {
    for file in [WEIGHTS, "/tokenizer.json"] {
        let bench = Bench::new(model());
        bench.hub.fail(file, HubFault::Corrupt, 1);
        let (result, events) = bench.pull_and_tell("org/name");
        result.unwrap();
        assert_whole(&bench);
        assert_eq!(events.iter().filter(|event| *event == "damaged").count(), 1, "{events:?}");
        assert_eq!(fs::read(bench.snapshot().join("tokenizer.json")).unwrap(), bytes(5_000));
    }
}

#[test]
fn bytes_that_are_always_damaged_are_an_error_and_not_kept() {
    for (file, algorithm) in [(WEIGHTS, "SHA-256"), ("/tokenizer.json", "git SHA-1")] {
        let bench = Bench::new(model());
        bench.hub.fail(file, HubFault::Corrupt, usize::MAX);
        let error = bench.pull("org/name").unwrap_err().to_string();
        assert!(error.contains("damaged twice") && error.contains(algorithm), "{error}");
        let sum = model().files[file.rsplit('/').next().unwrap()].checksum();
        let blobs = names(&bench.repo().join("blobs"));
        assert!(!blobs.iter().any(|blob| blob.starts_with(&sum)), "{blobs:?}");
        assert!(!bench.repo().join("refs/main").exists());
        let asked = bench.hub.seen().into_iter().filter(|seen| seen.path.contains(file));
        assert_eq!(asked.count(), 2);
    }
}

#[test]
fn a_part_that_was_damaged_on_the_disk_is_thrown_away() {
    let bench = Bench::new(model());
    let blobs = bench.repo().join("blobs");
    fs::create_dir_all(&blobs).unwrap();
    let name = model().files["model.safetensors"].checksum() + ".incomplete";
    for junk in [vec![1; 300_000], vec![1; LARGE + 1]] {
        fs::write(blobs.join(&name), junk).unwrap();
        bench.pull("org/name").unwrap();
        assert_whole(&bench);
        fs::remove_dir_all(&blobs).unwrap();
        fs::create_dir_all(&blobs).unwrap();
    }
    assert_eq!(bench.ranges(), [range(300_000), None, None]);
}

#[test]
fn a_busy_server_is_asked_again_when_it_says() {
    let bench = Bench::new(model());
    let wait = vec![("Retry-After", "0".to_owned())];
    bench.hub.fail("/api/", HubFault::Status(429, wait), 1);
    bench.hub.fail("/resolve/", HubFault::Status(503, Vec::new()), 1);
    bench.hub.fail(WEIGHTS, HubFault::Status(500, Vec::new()), 2);
    // What was signed too long ago is forbidden; the hub signs it anew.
    bench.hub.fail(WEIGHTS, HubFault::Status(403, Vec::new()), 1);
    let (result, events) = bench.pull_and_tell("org/name");
    result.unwrap();
    assert_whole(&bench);
    assert!(events[0].starts_with("retry after 0ns: 127.0.0.1 answers 429"), "{events:?}");
    let retries = events.iter().filter(|event| event.starts_with("retry")).count();
    assert_eq!(retries, 5, "{events:?}");
}

#[test]
fn a_server_that_stays_busy_is_given_up() {
    let bench = Bench::new(model());
    let words = vec![("X-Error-Message", "come back later".to_owned())];
    bench.hub.fail("/api/", HubFault::Status(503, words), usize::MAX);
    let (result, events) = bench.pull_and_tell("org/name");
    let error = result.unwrap_err();
    assert_eq!(error.to_string(), "127.0.0.1 answers 503: come back later");
    assert_eq!(bench.hub.seen().len(), 5);
    let waits: Vec<&str> = events.iter().filter_map(|event| event.split(':').next()).collect();
    let doubled = ["1ms", "2ms", "4ms", "8ms"].map(|wait| format!("retry after {wait}"));
    assert_eq!(waits, doubled);

    let bench = Bench::new(model());
    let long = vec![("Retry-After", "86400".to_owned())];
    bench.hub.fail("/api/", HubFault::Status(429, long), 1);
    assert!(bench.pull("org/name").is_err(), "nobody waits a day");
}
