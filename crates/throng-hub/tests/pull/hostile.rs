//! Lists and answers that no honest hub gives.

use serde_json::{Value, json};
use throng_hub::HubError;
use throng_testkit::{HubFault, HubRepo};

use crate::support::{Bench, COMMIT, model};

fn lying(siblings: Value) -> Bench {
    let listing = Some(json!({ "sha": COMMIT, "siblings": siblings }));
    Bench::new(HubRepo { listing, ..model() })
}

#[test]
fn names_that_leave_the_folder_fetch_nothing() {
    let sum = model().files["config.json"].checksum();
    for name in ["../../../config.json", "/tmp/config.json", "a/../../x", "..\\x", "x\u{1b}[2J"] {
        let bench = lying(json!([
            { "rfilename": "model.safetensors", "size": 9, "blobId": sum },
            { "rfilename": name, "size": 9, "blobId": sum },
        ]));
        let error = bench.pull("org/name").unwrap_err();
        assert!(matches!(error, HubError::UnsafeName { .. }), "{error}");
        assert!(!error.to_string().contains('\u{1b}'));
        assert_eq!(bench.hub.seen().len(), 1);
        assert!(!bench.repo().exists());
    }
}

#[test]
fn sizes_that_no_disk_has_fetch_nothing() {
    let sum = model().files["config.json"].checksum();
    let file = |name: &str, size: u64| json!({ "rfilename": name, "size": size, "blobId": sum });
    let bench = lying(json!([file("model.safetensors", 1 << 60)]));
    let error = bench.pull("org/name").unwrap_err();
    assert!(matches!(error, HubError::DiskFull { needed, .. } if needed == 1 << 60), "{error}");
    let bench =
        lying(json!([file("model-1.safetensors", u64::MAX), file("model-2.safetensors", 1)]));
    assert!(matches!(bench.pull("org/name"), Err(HubError::BadListing { .. })));
    assert_eq!(bench.hub.seen().len(), 1);
    assert!(!bench.repo().exists());
}

#[test]
fn a_size_that_is_not_the_lists_is_an_error() {
    let real = &model().files["config.json"];
    for size in [real.content.len() - 1, real.content.len() + 1] {
        let bench = lying(json!([
            { "rfilename": "model.safetensors", "size": 0, "blobId": real.checksum() },
            { "rfilename": "config.json", "size": size, "blobId": real.checksum() },
        ]));
        let error = bench.plan("org/name", &["config.json"]).map(|plan| plan.total_bytes);
        assert_eq!(error.unwrap(), size as u64);
        let (hub, reference) = (throng_hub::Hub::new(&bench.settings()).unwrap(), "org/name");
        let patterns = ["config.json".to_owned()];
        let plan = hub.plan(&reference.parse().unwrap(), &patterns, &|_| {}).unwrap();
        let error = hub.fetch(&plan, &|_| {}).unwrap_err();
        let sizes = (real.content.len() as u64, size as u64);
        assert!(
            matches!(error, HubError::WrongSize { found, expected, .. } if (found, expected) == sizes),
            "{error}"
        );
    }
}

#[test]
fn a_list_without_an_end_is_not_read_to_it() {
    let long = Value::String("x".repeat(33 << 20));
    let bench = Bench::new(HubRepo { listing: Some(long), ..model() });
    let error = bench.pull("org/name").unwrap_err();
    assert!(matches!(error, HubError::BadListing { .. }), "{error}");
}

#[test]
fn a_file_without_checksum_is_not_taken() {
    let bench = Bench::new(HubRepo { terse: true, ..model() });
    let fault = HubFault::Status(200, vec![("ETag", "\"no-checksum\"".to_owned())]);
    bench.hub.fail("/resolve/", fault, usize::MAX);
    let error = bench.pull("org/name").unwrap_err().to_string();
    assert!(error.ends_with("has no size or no checksum"), "{error}");
}

#[test]
fn a_repository_without_a_model_offers_a_way() {
    let bench = Bench::new(HubRepo::default().file("README.md", b"hi", false));
    let error = bench.pull("org/name").unwrap_err();
    assert!(matches!(error, HubError::NoModel { .. }), "{error}");
    assert!(error.hint().unwrap().contains("--include"));
}
