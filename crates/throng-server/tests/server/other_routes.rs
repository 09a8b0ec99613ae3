//! What is served besides answers.

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
fn the_page_asks_only_for_files_that_are_served() {
    let server = Server::start();
    let page = server.get("/");
    assert_eq!(page.status, 200);
    assert_eq!(page.header("Content-Type"), Some("text/html; charset=utf-8"));
    let policy = page.header("Content-Security-Policy").unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let mut seen = vec![page.text().to_owned()];
    let mut served = 0;
    while let Some(text) = seen.pop() {
        // What attributes and imports name, besides the API.
        for name in text.split(['"', '\'']).filter(|name| {
            name.starts_with("/page/") || name.starts_with("./") && name.ends_with(".js")
        }) {
            let path = name.replace("./", "/page/");
            let file = server.get(&path);
            assert_eq!(file.status, 200, "{path}");
            let kind = file.header("Content-Type").unwrap();
            let wanted = match path.rsplit('.').next().unwrap() {
                "js" => "text/javascript; charset=utf-8",
                "css" => "text/css; charset=utf-8",
                _ => "image/svg+xml",
            };
            assert_eq!(kind, wanted, "{path}");
            served += 1;
            if path.ends_with("app.js") || path.ends_with("answer.js") {
                seen.push(file.text().to_owned());
            }
        }
        assert!(!text.contains("http://") && !text.contains("https://"), "asks elsewhere");
    }
    assert!(served >= 6, "the page's files were not found");
}
