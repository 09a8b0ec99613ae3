//! What is fetched, where it lies, and what is not asked for twice.

use std::fs;
use std::path::Path;

use throng_hub::Cache;
use throng_testkit::{FakeHub, HubRepo};

use crate::support::{Bench, COMMIT, LARGE, bytes, model, names};

#[test]
fn a_model_lies_as_pythons_library_lays_it() {
    let bench = Bench::new(model());
    assert_eq!(bench.pull("org/name").unwrap(), bench.snapshot());
    let files = ["config.json", "model.safetensors", "tokenizer.json"];
    assert_eq!(names(&bench.snapshot()), files);
    assert_eq!(fs::read(bench.snapshot().join("model.safetensors")).unwrap(), bytes(LARGE));
    assert_eq!(fs::read_to_string(bench.repo().join("refs/main")).unwrap(), COMMIT);
    let mut sums = files.map(|file| model().files[file].checksum());
    for (file, sum) in files.iter().zip(&sums) {
        let target = fs::read_link(bench.snapshot().join(file)).unwrap();
        assert_eq!(target, Path::new("../../blobs").join(sum));
        let blob = fs::symlink_metadata(bench.repo().join("blobs").join(sum)).unwrap();
        assert!(blob.is_file());
    }
    sums.sort();
    assert_eq!(names(&bench.repo().join("blobs")), sums, "nothing else is left");
    let locks = bench.folder.path().join(".locks/models--org--name");
    assert_eq!(names(&locks), sums.map(|sum| sum + ".lock"));
    let found = Cache::new(bench.folder.path().to_owned()).find(&"org/name".parse().unwrap());
    assert_eq!(found.unwrap(), bench.snapshot());
}

#[test]
fn what_is_here_is_not_fetched_again() {
    let bench = Bench::new(model());
    bench.pull("org/name").unwrap();
    bench.hub.seen();
    assert_eq!(bench.plan("org/name", &[]).unwrap().missing_bytes(), 0);
    bench.pull("org/name").unwrap();
    let paths: Vec<String> = bench.hub.seen().into_iter().map(|seen| seen.path).collect();
    assert!(
        paths.iter().all(|path| path.starts_with("/api/models/org/name/revision/main")),
        "{paths:?}"
    );

    // A cache that may only be read will do for that.
    fs::remove_dir_all(bench.folder.path().join(".locks")).unwrap();
    bench.pull("org/name").unwrap();
    assert!(!bench.folder.path().join(".locks").exists());

    // A new commit that changes one file fetches that file.
    let other = "f".repeat(40);
    let changed = HubRepo { commit: other.clone(), ..model().file("config.json", b"{}", false) };
    bench.hub.put("org/name", changed);
    assert_eq!(bench.plan("org/name", &[]).unwrap().missing_bytes(), 2);
    assert!(bench.pull("org/name").unwrap().ends_with(&other));
    assert_eq!(fs::read_to_string(bench.repo().join("refs/main")).unwrap(), other);
    assert!(bench.ranges().is_empty());
    assert_eq!(fs::read(bench.snapshot().join("config.json")).unwrap(), b"{\"a\": 1}\n");
}

#[test]
fn a_file_in_a_folder_and_a_revision_with_slashes() {
    let repo = HubRepo { revisions: vec!["refs/pr/7".to_owned()], ..HubRepo::default() }
        .file("q/m-Q8_0-00001-of-00002.gguf", b"one", true)
        .file("q/m-Q8_0-00002-of-00002.gguf", b"two", true)
        .file("m-F16.gguf", b"other", true);
    let bench = Bench::new(repo);
    let file = bench.pull("org/name@refs/pr/7:q8_0").unwrap();
    assert_eq!(file, bench.snapshot().join("q/m-Q8_0-00001-of-00002.gguf"));
    assert_eq!(fs::read(&file).unwrap(), b"one");
    assert!(fs::read_link(&file).unwrap().starts_with("../../../blobs"));
    assert_eq!(names(&bench.snapshot()), ["q"]);
    assert_eq!(fs::read_to_string(bench.repo().join("refs/refs/pr/7")).unwrap(), COMMIT);

    let other = bench.pull(&format!("org/name@{COMMIT}:m-F16.gguf")).unwrap();
    assert_eq!(other, bench.snapshot().join("m-F16.gguf"));
    assert_eq!(names(&bench.repo().join("refs")), ["refs"], "a commit needs no name");
}

#[test]
fn patterns_choose_any_files() {
    let bench = Bench::new(model());
    let plan = bench.plan("org/name", &["original/*", "*.bin"]).unwrap();
    let files: Vec<&str> = plan.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(files, ["original/model.safetensors", "pytorch_model.bin"]);
    let error = bench.plan("org/name", &["*.bin", "*.onnx"]).unwrap_err();
    assert!(error.to_string().contains("*.onnx"), "{error}");
}

#[test]
fn a_list_without_checksums_is_completed_by_asking() {
    let bench = Bench::new(HubRepo { terse: true, ..model() });
    bench.pull("org/name").unwrap();
    let seen = bench.hub.seen();
    assert_eq!(seen.iter().filter(|seen| seen.method == "HEAD").count(), 3);
    assert!(!seen.iter().any(|seen| seen.method == "HEAD" && seen.at_cdn));
    assert_eq!(fs::read(bench.snapshot().join("model.safetensors")).unwrap(), bytes(LARGE));
}

#[test]
fn two_pulls_at_once_fetch_once() {
    let bench = Bench::new(model());
    std::thread::scope(|scope| {
        let pulls = [0; 3].map(|_| scope.spawn(|| bench.pull("org/name").unwrap()));
        for pull in pulls {
            assert_eq!(pull.join().unwrap(), bench.snapshot());
        }
    });
    assert_eq!(bench.ranges(), [None]);
    assert_eq!(fs::read(bench.snapshot().join("model.safetensors")).unwrap(), bytes(LARGE));
}

#[test]
fn links_that_lead_nowhere_are_replaced() {
    let bench = Bench::new(model());
    bench.pull("org/name").unwrap();
    fs::remove_file(bench.repo().join("blobs").join(model().files["config.json"].checksum()))
        .unwrap();
    bench.pull("org/name").unwrap();
    assert_eq!(fs::read(bench.snapshot().join("config.json")).unwrap(), b"{\"a\": 1}\n");
}

#[test]
fn files_of_the_same_content_and_of_none() {
    let repo = HubRepo::default()
        .file("config.json", b"", false)
        .file("model-1.safetensors", &bytes(9_000), true)
        .file("model-2.safetensors", &bytes(9_000), true);
    let bench = Bench { hub: FakeHub::with("org/name", repo), ..Bench::new(model()) };
    bench.pull("org/name").unwrap();
    assert_eq!(fs::read(bench.snapshot().join("config.json")).unwrap(), b"");
    for file in ["model-1.safetensors", "model-2.safetensors"] {
        assert_eq!(fs::read(bench.snapshot().join(file)).unwrap(), bytes(9_000));
    }
    assert_eq!(bench.ranges(), [None]);
}
