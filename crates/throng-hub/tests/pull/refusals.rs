//! What a hub may refuse, who may see the token, and what is said about it.

use std::sync::Mutex;

use throng_hub::{Event, Hub, HubError, Settings};
use throng_testkit::{HubFault, HubRepo};

use crate::support::{Bench, model};

fn code(code: &str) -> Vec<(&'static str, String)> {
    vec![("X-Error-Code", code.to_owned())]
}

#[test]
fn the_token_goes_to_the_hub_and_nowhere_else() {
    let repo = HubRepo { token: Some("hf_secret".to_owned()), ..model() };
    let bench = Bench { token: Some("hf_secret"), ..Bench::new(repo) };
    bench.pull("org/name").unwrap();
    let seen = bench.hub.seen();
    assert!(seen.iter().any(|seen| seen.at_cdn));
    for seen in seen {
        let expected = (!seen.at_cdn).then(|| "Bearer hf_secret".to_owned());
        assert_eq!(seen.authorization, expected, "{}", seen.path);
    }
}

#[test]
fn a_renamed_repository_is_followed_with_the_token() {
    let bench = Bench { token: Some("hf_secret"), ..Bench::new(model()) };
    bench.hub.put("org/new", HubRepo { token: Some("hf_secret".to_owned()), ..model() });
    let to = "/api/models/org/new/revision/main?blobs=true".to_owned();
    bench.hub.fail("/api/models/org/name", HubFault::Status(307, vec![("Location", to)]), 1);
    bench.plan("org/name", &[]).unwrap();
    let seen = bench.hub.seen();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|seen| seen.authorization.is_some()));
}

#[test]
fn redirections_that_lead_nowhere_are_errors() {
    for (location, what) in [
        ("file:///etc/passwd", "redirects to \"file:///etc/passwd\""),
        ("/api/models/org/name/revision/main?blobs=true", "redirects more than 8 times"),
    ] {
        let bench = Bench::new(model());
        let fault = HubFault::Status(302, vec![("Location", location.to_owned())]);
        bench.hub.fail("/api/", fault, usize::MAX);
        let error = bench.pull("org/name").unwrap_err().to_string();
        assert!(error.ends_with(what), "{error}");
    }
    let bench = Bench::new(model());
    bench.hub.fail("/api/", HubFault::Status(302, Vec::new()), 1);
    assert!(matches!(bench.pull("org/name"), Err(HubError::BadRedirect { .. })));
}

#[test]
fn what_does_not_exist_is_said_to() {
    let bench = Bench::new(model());
    let error = bench.pull("org/other").unwrap_err();
    assert!(matches!(error, HubError::RepoNotFound { with_token: false, .. }), "{error}");
    assert!(error.to_string().ends_with("org/other, or does not show it to strangers"), "{error}");
    assert!(error.hint().unwrap().contains("HF_TOKEN"));
    let error = bench.pull("org/name@v2").unwrap_err();
    assert_eq!(error.to_string(), "org/name has no revision v2");
    bench.hub.seen();

    bench.hub.fail("/resolve/", HubFault::Status(404, code("EntryNotFound")), usize::MAX);
    assert!(matches!(bench.pull("org/name"), Err(HubError::FileNotFound { .. })));
    assert!(bench.hub.seen().len() <= 4, "what is not there is not asked for again");
}

#[test]
fn hidden_repositories_and_wrong_tokens() {
    let secret = HubRepo { token: Some("hf_secret".to_owned()), ..model() };
    let bench = Bench::new(secret.clone());
    assert!(matches!(bench.pull("org/name"), Err(HubError::RepoNotFound { .. })));
    let bench = Bench { token: Some("hf_wrong"), ..Bench::new(secret) };
    let error = bench.pull("org/name").unwrap_err();
    assert!(matches!(error, HubError::TokenRefused { .. }), "{error}");
    assert!(!format!("{error:?} {error}").contains("hf_wrong"));
}

#[test]
fn gated_repositories_say_where_to_ask() {
    for (token, status, hint) in
        [(None, 401, "then set HF_TOKEN"), (Some("hf_a"), 403, "as the owner")]
    {
        let bench = Bench { token, ..Bench::new(model()) };
        bench.hub.fail("/resolve/", HubFault::Status(status, code("GatedRepo")), usize::MAX);
        let error = bench.pull("org/name").unwrap_err();
        assert!(matches!(error, HubError::Gated { .. }), "{error}");
        let said = error.hint().unwrap();
        assert!(said.contains(hint) && said.contains(&bench.hub.endpoint()), "{said}");
    }
}

#[test]
fn offline_asks_nobody() {
    let bench = Bench::new(model());
    let settings = Settings { offline: true, ..bench.settings() };
    assert!(matches!(Hub::new(&settings), Err(HubError::Offline)));
    assert!(bench.hub.seen().is_empty());
}

#[test]
fn a_hub_that_is_not_there_is_named() {
    let bench = Bench::new(model());
    // A port that was free a moment ago, and that nobody listens on.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let settings = Settings { endpoint: format!("http://{address}"), ..bench.settings() };
    let hub = Hub::new(&settings).unwrap();
    let told = Mutex::new(Vec::new());
    let notify = |event: Event<'_>| {
        if let Event::Retry { error, .. } = event {
            told.lock().unwrap().push(error.to_string());
        }
    };
    let error = hub.plan(&"org/name".parse().unwrap(), &[], &notify).unwrap_err();
    let expected = format!("the hub at {address} cannot be reached: connection refused");
    assert_eq!(error.to_string(), expected);
    assert!(error.hint().unwrap().contains("HF_ENDPOINT"));
    assert_eq!(told.into_inner().unwrap(), vec![expected; 4], "once a wait");
}
