//! Of files of keys.

use std::sync::Arc;

use super::{ApiKeys, ApiKeysError, KeyFlaw};

fn of(keys: &ApiKeys, key: &str) -> Option<(String, u32)> {
    let tenant = keys.find(key)?.tenant;
    Some((tenant.name.to_string(), tenant.weight.get()))
}

#[test]
fn a_digest_stands_for_its_key_and_is_none_itself() {
    // By sha256sum.
    let digits = "cb026fa8b5113bf6f9e2e757b1c244fb6be715cb824a0c9bcd78b68ee16060ce";
    let digest = format!("sha256:{digits}");
    for line in [format!("{digest} eve 5"), format!("sha256:{} eve 5", digits.to_uppercase())] {
        let keys = ApiKeys::parse(&line).unwrap();
        assert_eq!(of(&keys, "sk-five"), Some(("eve".to_owned(), 5)));
        assert_eq!((of(&keys, &digest), of(&keys, digits)), (None, None));
    }
    let twice = ApiKeys::parse(&format!("sk-five\n{digest}")).unwrap_err();
    assert_eq!(twice, ApiKeysError::Line { line: 2, flaw: KeyFlaw::Again });
}

#[test]
fn keys_are_replaced_in_all_clones_and_no_name_passes_to_another_key() {
    let keys = ApiKeys::parse("sk-a\nsk-b\nsk-c carol").unwrap();
    let clone = keys.clone();
    keys.replace("sk-b\nsk-new\nsk-c carol 3\nsk-a anna").unwrap();
    let name = |key: &str| of(&clone, key).map(|(name, _)| name);
    assert_eq!(name("sk-a"), Some("anna".to_owned()));
    assert_eq!(name("sk-b"), Some("key#2".to_owned()));
    assert_eq!(name("sk-new"), Some("key#5".to_owned()), "3 were there, and it is the second");
    assert_eq!(of(&clone, "sk-c"), Some(("carol".to_owned(), 3)));
    keys.replace("sk-a\nsk-other").unwrap();
    assert_eq!(name("sk-b"), None);
    let (one, other) = (name("sk-a").unwrap(), name("sk-other").unwrap());
    let before = ["key#1", "key#2", "key#5", one.as_str()];
    assert!(!before[..3].contains(&&*one) && !before.contains(&&*other), "{one} {other}");
    assert_eq!(keys.replace("# nobody"), Err(ApiKeysError::None));
    assert_eq!(name("sk-a"), Some(one), "as it was");
}

#[test]
fn a_line_is_a_key_a_name_and_a_weight() {
    let text = "# ours\n\nsk-one\nsk-two alice # her first\n\tsk-three  alice\r\nsk-4 bob 10";
    let keys = ApiKeys::parse(text).unwrap();
    let of = |key: &str| of(&keys, key);
    assert_eq!(of("sk-one"), Some(("key#1".to_owned(), 1)));
    assert_eq!(of("sk-two"), Some(("alice".to_owned(), 1)));
    assert_eq!(of("sk-three"), of("sk-two"));
    assert_eq!(of("sk-4"), Some(("bob".to_owned(), 10)));
    for other in ["", "sk-", "sk-one ", "SK-ONE", "#", "alice"] {
        assert_eq!(of(other), None, "{other:?}");
    }
    assert_eq!(format!("{keys:?}"), "ApiKeys(4)");
}

#[test]
fn every_line_is_checked_and_no_error_says_a_key() {
    let long = "x".repeat(300);
    let cases = [
        ("sécret".to_owned(), KeyFlaw::Key),
        ("secret\u{7f}".to_owned(), KeyFlaw::Key),
        (long.clone(), KeyFlaw::Key),
        ("sha256:secret".to_owned(), KeyFlaw::Digest),
        (format!("sha256:{}g", "0".repeat(63)), KeyFlaw::Digest),
        (format!("sha256:+{}", "0".repeat(63)), KeyFlaw::Digest),
        ("secret a\"b".to_owned(), KeyFlaw::Name),
        (format!("secret {long}"), KeyFlaw::Name),
        ("secret a 0".to_owned(), KeyFlaw::Weight),
        ("secret a -1".to_owned(), KeyFlaw::Weight),
        ("secret a 1.5".to_owned(), KeyFlaw::Weight),
        ("secret a 1001".to_owned(), KeyFlaw::Weight),
        ("secret a 1 2".to_owned(), KeyFlaw::Words),
        ("secret a rpm=1 2 tpm=1 3".to_owned(), KeyFlaw::Words),
        ("secret rps=1".to_owned(), KeyFlaw::Setting),
        ("secret =secret".to_owned(), KeyFlaw::Setting),
        ("secret rpm=1 tpm=2 rpm=1".to_owned(), KeyFlaw::SettingTwice),
        ("secret rpm=0".to_owned(), KeyFlaw::Rate),
        ("secret tpm=1e6".to_owned(), KeyFlaw::Rate),
        ("secret tpm=4294967296".to_owned(), KeyFlaw::Rate),
        ("secret models=".to_owned(), KeyFlaw::Models),
        ("secret models=a,,b".to_owned(), KeyFlaw::Models),
        (format!("secret models={long}"), KeyFlaw::Models),
        ("first b".to_owned(), KeyFlaw::Again),
        ("secret one 3".to_owned(), KeyFlaw::TwoWeights),
    ];
    for (line, flaw) in cases {
        let error = ApiKeys::parse(&format!("first one 2\n{line}\n")).unwrap_err();
        assert_eq!(error, ApiKeysError::Line { line: 2, flaw }, "{line}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    assert_eq!(ApiKeys::parse("# none\n \n").unwrap_err(), ApiKeysError::None);
}

#[test]
fn a_line_may_say_how_much_a_key_may_ask_and_which_models() {
    let text =
        "sk-1 rpm=60 # tpm=5\nsk-2 bob tpm=100000 models=nano,org/big\nsk-3 rpm=1 eve 7 tpm=2";
    let keys = ApiKeys::parse(text).unwrap();
    let rates = |key: &str| {
        let limits = keys.find(key).unwrap().limits;
        [limits.requests, limits.tokens].map(|limit| limit.map_or(0, |limit| limit.get()))
    };
    assert_eq!((rates("sk-1"), rates("sk-2"), rates("sk-3")), ([60, 0], [0, 100_000], [1, 2]));
    assert_eq!(of(&keys, "sk-3"), Some(("eve".to_owned(), 7)));
    let models = |key: &str| keys.find(key).unwrap().models;
    assert_eq!((models("sk-1"), models("sk-3")), (None, None));
    assert_eq!(*models("sk-2").unwrap(), ["nano", "org/big"]);
}

#[test]
fn a_key_that_stays_keeps_what_it_used_and_one_that_comes_back_has_used_nothing() {
    let keys = ApiKeys::parse("sk-a alice rpm=2\nsk-b rpm=2").unwrap();
    let used = |key: &str| keys.find(key).unwrap().used;
    let (a, b) = (used("sk-a"), used("sk-b"));
    assert!(!Arc::ptr_eq(&a, &b), "each key has its own");
    keys.replace("sk-a anna rpm=5 tpm=7").unwrap();
    assert!(Arc::ptr_eq(&used("sk-a"), &a));
    keys.replace("sk-a\nsk-b rpm=2").unwrap();
    assert!(Arc::ptr_eq(&used("sk-a"), &a) && !Arc::ptr_eq(&used("sk-b"), &b));
}

#[test]
fn keys_of_their_own_are_there_whatever_the_file_says() {
    let own = ["sk-own".to_owned(), "sk-both".to_owned()];
    let alone = ApiKeys::with_own(&own[..1], None).unwrap();
    assert_eq!(of(&alone, "sk-own"), Some(("key#1".to_owned(), 1)));
    let keys = ApiKeys::with_own(&own, Some("sk-file\nsk-both bob 3")).unwrap();
    assert_eq!(of(&keys, "sk-both"), Some(("bob".to_owned(), 3)), "the file says more");
    let before = of(&keys, "sk-own");
    assert_eq!(before, Some(("key#3".to_owned(), 1)));
    keys.replace("# none").unwrap();
    assert_eq!((of(&keys, "sk-own"), of(&keys, "sk-file")), (before, None));
    assert!(of(&keys, "sk-both").is_some());
    let error = ApiKeys::with_own(&["sk secret".to_owned()], None).unwrap_err();
    assert_eq!(error, ApiKeysError::Own(KeyFlaw::Key));
    assert!(!error.to_string().contains("secret"), "{error}");
    assert_eq!(ApiKeys::with_own(&[], None).unwrap_err(), ApiKeysError::None);
}
