//! Responses that are kept: found again, gone on with, deleted, and pushed out.

use serde_json::{Value, json};
use throng_server::{ApiKeys, ResponseLimits, ServerConfig};

use crate::support::responses::{PATH, body, calculator, events};
use crate::support::{Server, Setup, http};

fn with(responses: ResponseLimits) -> Server {
    let server = ServerConfig { responses, ..ServerConfig::default() };
    Server::with(Setup { server, ..Setup::default() })
}

fn delete(server: &Server, id: &Value) -> http::Response {
    let path = format!("{PATH}/{}", id.as_str().unwrap());
    http::request(server.address, "DELETE", &path, &[], b"")
}

fn input_tokens(response: &Value) -> u64 {
    response["usage"]["input_tokens"].as_u64().unwrap()
}

fn items(server: &Server, id: &Value, query: &str) -> Value {
    server.retrieve(id, &format!("/input_items{query}")).ok()
}

#[test]
fn what_is_kept_is_found_until_it_is_deleted() {
    let server = Server::start();
    let whole = server.respond("think", json!({})).ok();
    let streamed = events(&server.respond("think", json!({ "stream": true })));
    let streamed = streamed.last().unwrap()["response"].clone();
    for response in [&whole, &streamed] {
        let id = &response["id"];
        assert_eq!(&server.retrieve(id, "").ok(), response);
        assert_eq!(server.retrieve(id, "?include[]=reasoning.encrypted_content").ok(), *response);
        let gone = delete(&server, id).ok();
        assert_eq!(gone, json!({ "id": id, "object": "response", "deleted": true }));
        for refused in [server.retrieve(id, ""), delete(&server, id)] {
            assert_eq!(refused.error(404)["code"], "response_not_found");
        }
    }
    let unkept = server.respond("think", json!({ "store": false })).ok();
    assert_eq!(unkept["store"], false);
    server.retrieve(&unkept["id"], "").error(404);
}

#[test]
fn a_conversation_goes_on_with_its_thoughts_until_it_is_answered() {
    let server = Server::start();
    let tools = json!([calculator()]);
    let first = json!({ "tools": tools, "instructions": "Count." });
    let first = server.respond("calculate", first).ok();
    let call = &first["output"][1];
    assert_eq!((&call["type"], &call["name"]), (&json!("function_call"), &json!("calculator")));
    assert_eq!(call["arguments"], "{\"expression\":\"6*7\"}");
    let result =
        json!([{ "type": "function_call_output", "call_id": call["call_id"], "output": "42" }]);
    let second = json!({ "tools": tools, "previous_response_id": first["id"] });
    let second = server.respond(result.clone(), second).ok();
    assert_eq!(second["output"][0]["content"][0]["text"], "It is 42.");
    assert_eq!(second["previous_response_id"], first["id"]);
    assert_eq!(second["instructions"], Value::Null, "they are each request's own");

    // The same by hand: the client replays what it got.
    let question = json!({ "role": "user", "content": "calculate" });
    let mut by_hand = vec![question.clone()];
    by_hand.extend(first["output"].as_array().unwrap().iter().cloned());
    by_hand.extend(result.as_array().unwrap().iter().cloned());
    let replayed = server.respond(json!(by_hand), json!({ "tools": tools })).ok();
    assert_eq!(input_tokens(&replayed), input_tokens(&second));
    let thoughtless: Vec<&Value> =
        by_hand.iter().filter(|item| item["type"] != "reasoning").collect();
    let thoughtless = server.respond(json!(thoughtless), json!({ "tools": tools })).ok();
    assert!(input_tokens(&thoughtless) < input_tokens(&second), "the thought was told again");

    // Once it is answered, thoughts have served.
    let third = json!({ "tools": tools, "previous_response_id": second["id"] });
    let third = server.respond("think", third).ok();
    let mut by_hand: Vec<Value> =
        by_hand.into_iter().filter(|item| item["type"] != "reasoning").collect();
    by_hand.extend(second["output"].as_array().unwrap().iter().cloned());
    by_hand.push(json!({ "role": "user", "content": "think" }));
    let replayed = server.respond(json!(by_hand), json!({ "tools": tools })).ok();
    assert_eq!(input_tokens(&replayed), input_tokens(&third));
    assert_eq!(third["output"][1]["content"][0]["text"], "Done: né!");

    // What a response goes on behind may be deleted: it has its own copy.
    delete(&server, &first["id"]).ok();
    delete(&server, &second["id"]).ok();
    let fourth = json!({ "tools": tools, "previous_response_id": third["id"] });
    assert!(input_tokens(&server.respond("think", fourth).ok()) > input_tokens(&third));
    let refused = server.respond("think", json!({ "previous_response_id": first["id"] }));
    assert_eq!(refused.error(400)["code"], "previous_response_not_found");
}

#[test]
fn items_can_be_named_instead_of_sent_again() {
    let server = Server::start();
    let first = server.respond("calculate", json!({ "tools": [calculator()] })).ok();
    let mut sent = vec![json!({ "role": "user", "content": "calculate" })];
    let mut named = sent.clone();
    for item in first["output"].as_array().unwrap() {
        sent.push(item.clone());
        named.push(json!({ "type": "item_reference", "id": item["id"] }));
    }
    let call_id = &first["output"][1]["call_id"];
    let result = json!({ "type": "function_call_output", "call_id": call_id, "output": "42" });
    let [sent, named] = [sent, named].map(|mut input| {
        input.push(result.clone());
        server.respond(json!(input), json!({})).ok()
    });
    assert_eq!(input_tokens(&sent), input_tokens(&named));
}

#[test]
fn input_items_come_page_by_page() {
    let server = Server::start();
    let first = server.respond("think", json!({})).ok();
    let more = json!([
        { "role": "user", "content": "one" },
        { "role": "assistant", "content": "two", "id": "msg_mine" },
        { "role": "user", "content": "list" },
    ]);
    let members = json!({ "previous_response_id": first["id"] });
    let id = server.respond(more, members).ok()["id"].clone();
    let all = items(&server, &id, "?order=asc&limit=100");
    assert_eq!((&all["object"], &all["has_more"]), (&json!("list"), &json!(false)));
    let data = all["data"].as_array().unwrap();
    assert_eq!(data[1..3], first["output"].as_array().unwrap()[..]);
    let text = |item: &Value| item["content"][0]["text"].as_str().unwrap().to_owned();
    let texts: Vec<String> = data.iter().map(text).collect();
    assert_eq!(texts, ["think", "Hmm.", "Done: né!", "one", "two", "list"]);
    assert_eq!(data[4]["id"], "msg_mine");
    assert_eq!((&all["first_id"], &all["last_id"]), (&data[0]["id"], &data[5]["id"]));

    // As a client reads them: newest first, behind the last one of each page.
    let mut seen = Vec::new();
    let mut query = "?limit=4".to_owned();
    loop {
        let page = items(&server, &id, &query);
        seen.extend(page["data"].as_array().unwrap().iter().map(text));
        if page["has_more"] == false {
            break;
        }
        query = format!("?limit=4&after={}", page["last_id"].as_str().unwrap());
    }
    assert_eq!(seen, ["list", "two", "one", "Done: né!", "Hmm.", "think"]);
}

#[test]
fn queries_are_checked() {
    let server = Server::start();
    let id = server.respond("think", json!({})).ok()["id"].clone();
    for (rest, param) in [
        ("?nonsense=1", "nonsense"),
        ("?stream=yes", "stream"),
        ("?stream=true", "stream"),
        ("?starting_after=0", "starting_after"),
        ("?starting_after=-1", "starting_after"),
        ("?include=nonsense", "include"),
        ("/input_items?limit=0", "limit"),
        ("/input_items?limit=101", "limit"),
        ("/input_items?order=up", "order"),
        ("/input_items?after=x", "after"),
        ("/input_items?before=x", "before"),
    ] {
        let error = server.retrieve(&id, rest).error(400);
        assert_eq!(error["param"], param, "{rest}: {error}");
    }
    server.retrieve(&json!("%ff"), "").error(404);
    server.retrieve(&json!("resp_x"), "/input_items").error(404);
    let path = format!("{PATH}/{}/nonsense", id.as_str().unwrap());
    server.get(&path).error(404);
}

#[test]
fn nobody_finds_what_is_another_tenants() {
    let api_keys = Some(ApiKeys::parse("sk-alice-1 alice\nsk-alice-2 alice\nsk-bob bob").unwrap());
    let server = ServerConfig { api_keys, ..ServerConfig::default() };
    let server = Server::with(Setup { server, ..Setup::default() });
    let asked = server.post_as("sk-alice-1", PATH, &body(json!("think"), json!({}))).ok();
    let id = asked["id"].as_str().unwrap();
    let ask = |key: &str, method: &str, rest: &str| {
        let key = format!("Bearer {key}");
        let headers = [("Authorization", key.as_str())];
        http::request(server.address, method, &format!("{PATH}/{id}{rest}"), &headers, b"")
    };
    let on = body(json!("think"), json!({ "previous_response_id": id }));
    let item = json!([{ "type": "item_reference", "id": asked["output"][1]["id"] }]);
    let item = body(item, json!({}));
    for (method, rest) in
        [("GET", ""), ("GET", "/input_items"), ("POST", "/cancel"), ("DELETE", "")]
    {
        ask("sk-bob", method, rest).error(404);
        ask("sk-wrong", method, rest).error(401);
    }
    server.post_as("sk-bob", PATH, &on).error(400);
    server.post_as("sk-bob", PATH, &item).error(400);
    server.post_as("sk-alice-2", PATH, &on).ok();
    server.post_as("sk-alice-2", PATH, &item).ok();
    assert_eq!(ask("sk-alice-2", "GET", "").ok(), asked);
    ask("sk-alice-2", "DELETE", "").ok();
    ask("sk-alice-1", "GET", "").error(404);
}

#[test]
fn a_tenant_has_so_many_and_the_oldest_goes_first() {
    let server = with(ResponseLimits { per_tenant: 3, ..ResponseLimits::default() });
    let ids: Vec<Value> =
        (0..5).map(|_| server.respond("think", json!({})).ok()["id"].clone()).collect();
    let there = |id: &Value| server.retrieve(id, "").status == 200;
    assert_eq!(ids.iter().map(there).collect::<Vec<_>>(), [false, false, true, true, true]);
}

#[test]
fn what_is_too_much_for_memory_costs_whoever_has_most() {
    let server = with(ResponseLimits { bytes: 200 << 10, ..ResponseLimits::default() });
    let keep = |key: &str, words: &str| {
        let body = body(json!(words), json!({ "metadata": { "of": key } }));
        server.post_as(key, PATH, &body).ok()["id"].as_str().unwrap().to_owned()
    };
    let there = |key: &str, id: &str| {
        let key = format!("Bearer {key}");
        let headers = [("Authorization", key.as_str())];
        let path = format!("{PATH}/{id}");
        http::request(server.address, "GET", &path, &headers, b"").status == 200
    };
    let small = keep("sk-small", "think");
    let long = "x".repeat(3000);
    let large: Vec<String> = (0..60).map(|_| keep("sk-large", &long)).collect();
    assert!(there("sk-small", &small), "it is the oldest, and its owner has little");
    let kept: Vec<bool> = large.iter().map(|id| there("sk-large", id)).collect();
    assert!(kept.is_sorted(), "the oldest go first");
    let count = kept.iter().filter(|kept| **kept).count();
    // Each takes 3,000 bytes and what stands around them, and not ten times that.
    assert!((8..60).contains(&count), "{count}");
}

#[test]
fn a_server_may_keep_nothing() {
    let server = with(ResponseLimits { bytes: 0, ..ResponseLimits::default() });
    let response = server.respond("think", json!({})).ok();
    assert_eq!(response["store"], false);
    server.retrieve(&response["id"], "").error(404);
    server.respond("think", json!({ "store": false })).ok();
    let error = server.respond("think", json!({ "store": true })).error(400);
    assert_eq!(
        (&error["param"], &error["code"]),
        (&json!("store"), &json!("unsupported_parameter"))
    );
}
