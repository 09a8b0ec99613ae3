//! What is served besides answers.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;

use crate::support::Server;

#[test]
fn the_model_is_listed_and_described() {
    let server = Server::start();
    let list = server.get("/v1/models").ok();
    assert_eq!(list["object"], "list");
    let model = &list["data"][0];
    assert_eq!(model["id"], "scripted");
    assert_eq!(model["object"], "model");
    assert_eq!(model["max_model_len"], crate::support::CONTEXT);
    assert_eq!(model["reasoning_efforts"], json!(["low", "medium", "high"]));
    assert_eq!(&server.get("/v1/models/scripted").ok(), model);
    assert_eq!(&server.get("/v1/models/org/other").ok(), model, "an alias with a slash");
}

#[test]
fn the_server_tells_its_health_and_version() {
    let server = Server::start();
    assert_eq!(server.get("/health").ok(), json!({ "status": "ok" }));
    assert_eq!(server.get("/version").ok()["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn the_pages_ask_only_for_files_that_are_served() {
    let server = Server::start();
    let mut seen = BTreeSet::new();
    let mut unread = Vec::new();
    for path in ["/", "/docs"] {
        let page = server.get(path);
        assert_eq!(page.status, 200);
        assert_eq!(page.header("Content-Type"), Some("text/html; charset=utf-8"));
        let policy = page.header("Content-Security-Policy").unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        unread.push((path.to_owned(), page.text().to_owned()));
    }
    while let Some((path, text)) = unread.pop() {
        if !path.ends_with(".svg") {
            assert!(
                !text.contains("http://") && !text.contains("https://"),
                "{path} asks elsewhere"
            );
        }
        // What attributes and imports name, besides the API.
        let named = text.split(['"', '\'', '`']).filter_map(|name| resolve(&path, name));
        for path in named.filter(|path| seen.insert(path.clone())) {
            let file = server.get(&path);
            assert_eq!(file.status, 200, "{path}");
            let wanted = match path.rsplit('.').next().unwrap() {
                "js" => "text/javascript; charset=utf-8",
                "css" => "text/css; charset=utf-8",
                _ => "image/svg+xml",
            };
            assert_eq!(file.header("Content-Type"), Some(wanted), "{path}");
            unread.push((path, file.text().to_owned()));
        }
    }
    let there = files_below(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/page")), "/page/");
    assert_eq!(seen, there, "each file of the pages is asked for");
}

/// The path that a file means by a name, if it is another file's: scripts name others from where
/// they stand.
fn resolve(file: &str, name: &str) -> Option<String> {
    let folder = &file[..=file.rfind('/')?];
    let path = match name.strip_prefix("./") {
        Some(rest) => format!("{folder}{rest}"),
        None => name.replacen("../", "/page/", 1),
    };
    (path.starts_with("/page/") && path.contains('.')).then_some(path)
}

/// What the pages consist of besides themselves, as it is asked for.
fn files_below(folder: &Path, path: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .flat_map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            if entry.file_type().unwrap().is_dir() {
                return files_below(&entry.path(), &format!("{path}{name}/"));
            }
            let beside = name.ends_with(".rs") || name.ends_with(".html");
            (!beside).then(|| format!("{path}{name}")).into_iter().collect()
        })
        .collect()
}
