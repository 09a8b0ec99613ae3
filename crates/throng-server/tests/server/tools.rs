//! Calls that are forced, forbidden or held to a schema, over HTTP.

use serde_json::{Value, json};
use throng_engine::EngineConfig;
use throng_testkit::Random;

use crate::support::schemas::{flaw, random_schema};
use crate::support::{Server, Setup, chat_body, http};

const CHAT: &str = "/v1/chat/completions";
const REQUESTS: u64 = 16;

/// The ways in which models call: Harmony, tags, and JSON alone.
fn setups() -> [Setup; 3] {
    [
        Setup::default(),
        Setup { tagged: true, ..Setup::default() },
        Setup { tagged: true, json_calls: true, ..Setup::default() },
    ]
}

fn tool(name: &str, parameters: Value, strict: bool) -> Value {
    let function = json!({ "name": name, "parameters": parameters, "strict": strict });
    json!({ "type": "function", "function": function })
}

fn calculator(strict: bool) -> Value {
    let parameters = json!({
        "type": "object",
        "properties": { "expression": { "type": "string" } },
        "required": ["expression"],
        "additionalProperties": false,
    });
    tool("calculator", parameters, strict)
}

/// A function without arguments.
fn clock() -> Value {
    json!({ "type": "function", "function": { "name": "clock" } })
}

/// Names and arguments of the calls that an answer makes.
fn calls(choice: &Value) -> Vec<(&str, &str)> {
    let calls = choice["message"]["tool_calls"].as_array().map_or(&[][..], Vec::as_slice);
    let read = |call| (member(call, "name"), member(call, "arguments"));
    calls.iter().map(read).collect()
}

fn member<'a>(call: &'a Value, key: &str) -> &'a str {
    call["function"][key].as_str().unwrap()
}

/// A request of a call of one of a few random functions, some of them strict.
fn random_request(number: u64) -> (Value, Vec<(String, Value)>) {
    let mut random = Random::new(number);
    let count = 1 + random.below(3);
    let functions: Vec<(String, Value)> = (0..count)
        .map(|index| {
            (format!("f{}.get-{index}", "_x".repeat(index)), random_schema(&mut random, 1))
        })
        .collect();
    let tools: Vec<Value> = functions
        .iter()
        .map(|(name, schema)| tool(name, schema.clone(), random.below(2) == 0))
        .collect();
    let members = json!({
        "temperature": 1,
        "seed": number,
        "tools": tools,
        "tool_choice": "required",
        "parallel_tool_calls": random.below(2) == 0,
    });
    (chat_body("anything", members), functions)
}

/// Whatever a model would say, it makes a call that its function's schema accepts, or comes to no
/// end; and the same in company.
#[test]
fn required_calls_fit_their_schemas_alone_and_in_company() {
    for setup in setups() {
        let start = |config| {
            let Setup { tagged, json_calls, .. } = setup;
            Server::with(Setup { config, tagged, json_calls, random: true, ..Setup::default() })
        };
        let alone = start(EngineConfig { max_sequences: 1, ..EngineConfig::default() });
        let mut finished = 0;
        let mut answers = Vec::new();
        for number in 0..REQUESTS {
            let (body, functions) = random_request(number);
            let answer = alone.post(CHAT, &body).ok();
            let choice = &answer["choices"][0];
            if choice["finish_reason"] != "length" {
                finished += 1;
                assert_eq!(choice["finish_reason"], "tool_calls", "{answer}");
                let calls = calls(choice);
                assert!(calls.len() == 1 || body["parallel_tool_calls"] == true && calls.len() > 1);
                for (name, arguments) in calls {
                    let (_, schema) = functions.iter().find(|(other, _)| *other == name).unwrap();
                    let value: Value = serde_json::from_str(arguments).unwrap();
                    assert_eq!(flaw(schema, &value), None, "{arguments} for {schema}");
                }
            }
            answers.push(answer);
        }
        assert!(finished * 2 > REQUESTS, "{finished} of {REQUESTS} came to an end");
        let config =
            EngineConfig { max_sequences: 16, max_batched_tokens: 64, ..Default::default() };
        let crowd = start(config);
        let streams: Vec<_> = (0..REQUESTS)
            .map(|number| http::send(crowd.address, CHAT, &random_request(number).0.to_string()))
            .collect();
        for (stream, expected) in streams.into_iter().zip(&answers) {
            let mut answer = http::read_response(stream).ok();
            let mut choices = [answer["choices"].take(), expected["choices"].clone()];
            for choice in &mut choices {
                // Each time another one.
                for call in choice[0]["message"]["tool_calls"].as_array_mut().into_iter().flatten()
                {
                    call["id"].take();
                }
            }
            assert_eq!(choices[0], choices[1]);
        }
    }
}

/// A named function is called, whatever the model would say.
#[test]
fn the_named_function_is_called() {
    let named = json!({ "type": "function", "function": { "name": "clock" } });
    let allowed = json!({ "type": "allowed_tools", "allowed_tools": {
        "mode": "required",
        "tools": [{ "type": "function", "function": { "name": "clock" } }],
    } });
    for setup in setups() {
        let server = Server::with(Setup { random: true, ..setup });
        let mut made = 0;
        for (choice, seed) in [&named, &allowed].into_iter().cycle().zip(0..12) {
            let members = json!({
                "tools": [calculator(true), clock()],
                "tool_choice": choice,
                "parallel_tool_calls": false,
                "temperature": 1,
                "seed": seed,
            });
            let mut answer = server.chat("think", members).ok();
            let choice = answer["choices"][0].take();
            if choice["finish_reason"] == "tool_calls" {
                made += 1;
                let calls = calls(&choice);
                assert!(calls.len() == 1 && calls[0].0 == "clock", "{choice}");
                assert_eq!(serde_json::from_str::<Value>(calls[0].1).unwrap(), json!({}));
            } else {
                assert_eq!(choice["finish_reason"], "length");
            }
        }
        assert!(made >= 6, "{made} came to an end");
    }
}

/// A model that may call only others than it would does not call them.
#[test]
fn functions_that_are_not_allowed_are_not_called() {
    let server = Server::start();
    let choice = json!({ "type": "allowed_tools", "allowed_tools": {
        "mode": "auto",
        "tools": [{ "type": "function", "function": { "name": "clock" } }],
    } });
    let members = json!({ "tools": [calculator(false), clock()], "tool_choice": choice });
    let answer = server.chat("calculate", members).ok();
    assert!(calls(&answer["choices"][0]).iter().all(|(name, _)| *name == "clock"), "{answer}");
    // Nor are those that nobody offered.
    let answer = server.chat("calculate", json!({ "tools": [clock()] })).ok();
    assert!(calls(&answer["choices"][0]).iter().all(|(name, _)| *name == "clock"), "{answer}");
    let answer = server.chat("calculate", json!({ "tool_choice": "none", "tools": [clock()] }));
    assert!(calls(&answer.ok()["choices"][0]).is_empty());
}

/// What a model writes as it should is what it would be without a grammar, strict or not, streamed
/// or not.
#[test]
fn well_made_calls_are_left_as_they_are() {
    for setup in setups() {
        let (words, tagged) =
            (if setup.json_calls { "compute" } else { "calculate" }, setup.tagged);
        let server = Server::with(setup);
        let free = server.chat(words, json!({ "tools": [calculator(false)] })).ok();
        let free = &free["choices"][0];
        let call = calls(free)[0];
        let arguments: Value = serde_json::from_str(call.1).unwrap();
        assert_eq!((call.0, arguments), ("calculator", json!({ "expression": "6*7" })));
        let single = json!({ "tools": [calculator(true), clock()], "parallel_tool_calls": false });
        // Of the script's two calls in tags the second lacks what a strict function needs.
        let both = (!tagged).then(|| json!({ "tools": [calculator(true)] }));
        for members in both.into_iter().chain([single]) {
            let held = server.chat(words, members.clone()).ok();
            let held = &held["choices"][0];
            assert_eq!(calls(held), [call], "{held}");
            assert_eq!(held["message"]["reasoning"], free["message"]["reasoning"]);
            assert_eq!(held["message"]["content"], free["message"]["content"]);
            let mut streamed = members;
            streamed["stream"] = json!(true);
            let chunks = server.chat(words, streamed).chunks();
            assert_eq!(chunks.last().unwrap()["choices"][0]["finish_reason"], "tool_calls");
        }
    }
}

/// JSON that is no call of an offered function is what the person reads.
#[test]
fn json_that_is_no_call_is_content() {
    let server = Server::with(Setup { tagged: true, json_calls: true, ..Setup::default() });
    for members in [json!({}), json!({ "tools": [calculator(false)] })] {
        let answer = server.chat("describe", members).ok();
        assert_eq!(answer["choices"][0]["message"]["content"], "{\"name\": \"Ann\", \"age\": 7}");
        assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    }
    let answer = server.chat("compute", json!({})).ok();
    assert!(calls(&answer["choices"][0]).is_empty());
}

/// The grammar of headers changes no token of a model that needs none, by chance or not.
#[test]
fn headers_that_are_well_formed_are_left_as_they_are() {
    let [held, free] = [true, false]
        .map(|header_grammar| Server::with(Setup { header_grammar, ..Setup::default() }));
    for seed in 0..12 {
        let words = ["think", "calculate", "list"][seed % 3];
        let body = json!({ "seed": seed, "temperature": 1, "tools": [calculator(false)],
            "logprobs": true });
        let [held, free] = [&held, &free].map(|server| {
            let mut answer = server.chat(words, body.clone()).ok();
            answer["choices"][0]["message"].as_object_mut().unwrap().remove("tool_calls");
            (answer["choices"].take(), answer["usage"].take())
        });
        assert_eq!(held, free, "{seed}");
    }
    // A model that writes anything ends no answer without a header.
    let random = Server::with(Setup { random: true, ..Setup::default() });
    let body = json!({ "temperature": 1, "max_tokens": 400 });
    let answers: Vec<Value> = (0..12)
        .map(|seed| {
            let mut body = body.clone();
            body["seed"] = json!(seed);
            random.chat("x", body).ok()["choices"][0].take()
        })
        .collect();
    assert!(answers.iter().any(|answer| answer["message"]["reasoning"].is_string()));
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let server = Server::start();
    let unenforceable = json!({ "type": "object", "not": {} });
    let cases = [
        (json!({ "tool_choice": "any" }), "tool_choice", "'required'"),
        (json!({ "tool_choice": "required" }), "tool_choice", "needs 'tools'"),
        (json!({ "tool_choice": 5 }), "tool_choice", "a string or an object"),
        (json!({ "tool_choice": { "type": "custom" } }), "tool_choice.type", "'custom'"),
        (json!({ "tool_choice": { "type": "function" } }), "tool_choice.function", "missing"),
        (
            json!({ "tools": [clock()],
                "tool_choice": { "type": "function", "function": { "name": "f" } } }),
            "tool_choice.function.name",
            "none of 'tools'",
        ),
        (
            json!({ "tools": [clock(), tool("f", unenforceable.clone(), true)] }),
            "tools[1].function.parameters",
            "not",
        ),
        (
            json!({ "tools": [tool("f", json!({ "type": "string" }), true)] }),
            "tools[0].function.parameters",
            "no object",
        ),
        (
            json!({ "tools": [clock()], "tool_choice": "required", "min_tokens": 3 }),
            "min_tokens",
            "'tool_choice'",
        ),
        (json!({ "tools": [calculator(true)], "ignore_eos": true }), "ignore_eos", "'tools'"),
    ];
    for (members, param, says) in cases {
        let error = server.chat("think", members.clone()).error(400);
        assert_eq!(error["param"], param, "{members}: {error}");
        assert!(error["message"].as_str().unwrap().contains(says), "{error}");
    }
    // What nobody needs to enforce may be anything.
    server.chat("think", json!({ "tools": [tool("f", unenforceable, false)] })).ok();
}
