//! The tokenizer: special tokens in text, malformed files, text token by token.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{SPECIALS, alphabet, load, small, tokenizer_json};
use proptest::prelude::*;
use serde_json::{Value, json};
use throng_chat::{Detokenizer, Tokenizer, TokenizerError, encode_rendered};

/// Whether no id is an added token's.
fn is_ordinary(tokenizer: &Tokenizer, ids: &[u32], added: &[&str]) -> bool {
    let added: Vec<u32> = added.iter().map(|name| tokenizer.special(name).unwrap()).collect();
    ids.iter().all(|id| !added.contains(id))
}

#[test]
fn text_never_becomes_an_added_token() {
    let mut added: Vec<&str> = SPECIALS.to_vec();
    added.extend(["<|endoftext|>", "<think>", "plain", " ", "\n\n"]);
    let flags: Vec<(&str, bool)> =
        added.iter().map(|&name| (name, name.starts_with("<|"))).collect();
    let mut file = tokenizer_json(&[("p", "l"), ("<", "|")], &flags);
    // The worst that a file can do: the added tokens are in the model's vocabulary as well, and
    // whole words are looked up there before anything is merged.
    for token in file["added_tokens"].as_array().unwrap().clone() {
        let name = token["content"].as_str().unwrap().to_owned();
        file["model"]["vocab"][name] = token["id"].clone();
    }
    file["model"]["ignore_merges"] = json!(true);
    file["pre_tokenizer"] = json!({"type": "ByteLevel", "add_prefix_space": false,
                                   "trim_offsets": true, "use_regex": false});
    let tokenizer = load(&file);
    for name in &added {
        for text in [
            (*name).to_owned(),
            format!(" {name} "),
            format!("{name}{name}"),
            format!("a{name}b\n{name}"),
            name.replace("<|", "<||").replace("|>", "||>"),
        ] {
            let ids = tokenizer.encode(&text).unwrap();
            assert!(is_ordinary(&tokenizer, &ids, &added), "{text:?} became {ids:?}");
            assert_eq!(tokenizer.decode(&ids), text);
        }
    }
    let everything = added.concat();
    assert!(is_ordinary(&tokenizer, &tokenizer.encode(&everything).unwrap(), &added));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_text_comes_back_and_holds_no_added_token(
        pieces in prop::collection::vec(
            prop_oneof![prop::sample::select(&SPECIALS[..]).prop_map(str::to_owned), ".{0,8}", "\\PC{0,8}"],
            0..6,
        )
    ) {
        let tokenizer = small();
        let text = pieces.concat();
        let ids = tokenizer.encode(&text).unwrap();
        prop_assert!(is_ordinary(&tokenizer, &ids, &SPECIALS));
        prop_assert!(tokenizer.least_tokens(&text) <= ids.len());
        prop_assert_eq!(tokenizer.decode(&ids), text);
    }

    #[test]
    fn any_bytes_decode_to_what_is_lossy_of_them(bytes in prop::collection::vec(any::<u8>(), 0..24)) {
        // The small tokenizer's first 256 tokens are the bytes.
        let tokenizer = small();
        let ids: Vec<u32> = bytes.iter().map(|&byte| u32::from(byte)).collect();
        prop_assert_eq!(tokenizer.decode(&ids), String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn a_character_comes_with_its_last_byte() {
    let mut detokenizer = Detokenizer::new(small());
    let mut push = |id: u32| {
        let mut text = String::new();
        detokenizer.push(id, &mut text);
        text
    };
    // U+1F642 is F0 9F 99 82.
    assert_eq!([0xF0, 0x9F, 0x99].map(&mut push), ["", "", ""]);
    assert_eq!(push(0x82), "🙂");
    // A beginning that goes on wrongly is replaced at once, and what follows is not swallowed.
    assert_eq!(push(0xE2), "");
    assert_eq!(push(u32::from(b'x')), "\u{FFFD}x");
    assert_eq!(push(0xE2), "");
    let mut text = String::new();
    detokenizer.finish(&mut text);
    assert_eq!(text, "\u{FFFD}");
}

#[test]
fn tokens_tell_their_bytes() {
    let tokenizer = small();
    let final_id = tokenizer.encode("final").unwrap();
    assert_eq!(final_id.len(), 1);
    assert_eq!(tokenizer.token_bytes(final_id[0]), b"final");
    assert_eq!(tokenizer.token_bytes(0xE2), [0xE2]);
    assert_eq!(tokenizer.token_text(0xE2), "\u{FFFD}");
    let end = tokenizer.special("<|end|>").unwrap();
    assert_eq!(tokenizer.token_text(end), "<|end|>");
    assert_eq!(tokenizer.decode(&[end]), "");
    assert_eq!(tokenizer.special("final"), None);
    // A model's logits may have more entries than the tokenizer has tokens.
    let beyond = u32::try_from(tokenizer.vocab_size()).unwrap();
    assert_eq!(tokenizer.token_bytes(beyond), b"");
    assert_eq!(tokenizer.decode(&[beyond, u32::MAX]), "");
}

#[test]
fn the_least_number_of_tokens_is_never_more_than_there_are() {
    let tokenizer = small();
    // The longest token, of which a text may consist.
    let text = "assistant".repeat(100);
    let (least, ids) = (tokenizer.least_tokens(&text), tokenizer.encode(&text).unwrap().len());
    assert!(0 < least && least <= ids, "{least} {ids}");
    assert_eq!(tokenizer.least_tokens(""), 0);
    // A text that is shortened first says nothing by its length.
    let mut file = tokenizer_json(&[], &[]);
    file["normalizer"] = json!({"type": "NFC"});
    assert_eq!(load(&file).least_tokens(&text), 0);
}

#[test]
fn an_added_token_that_is_not_special_is_text() {
    let tokenizer = small();
    let think = tokenizer.special("<think>").unwrap();
    assert_eq!(tokenizer.decode(&[think]), "<think>");
}

#[test]
fn long_texts_are_encoded_in_full() {
    let tokenizer = small();
    for text in
        ["word ".repeat(40_000), "x".repeat(100_000), " ".repeat(100_000), "é🙂\n".repeat(20_000)]
    {
        let ids = tokenizer.encode(&text).unwrap();
        assert_eq!(tokenizer.decode(&ids), text);
    }
}

#[test]
fn truncation_and_templates_of_the_file_are_not_applied() {
    let mut file = tokenizer_json(&[], &[("<|s|>", true)]);
    file["truncation"] =
        json!({"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0});
    file["padding"] = json!({"strategy": {"Fixed": 64}, "direction": "Right",
        "pad_to_multiple_of": null, "pad_id": 0, "pad_type_id": 0, "pad_token": "!"});
    assert_eq!(load(&file).encode("four").unwrap().len(), 4);
}

/// A post-processor that puts the token `<|s|>`, which has this id, in front and behind.
fn around(id: usize) -> Value {
    json!({"type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "<|s|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
            {"SpecialToken": {"id": "<|s|>", "type_id": 0}}],
        "pair": [], "special_tokens": {"<|s|>": {"id": "<|s|>", "ids": [id], "tokens": ["<|s|>"]}}})
}

#[test]
fn a_text_that_stands_alone_gets_the_tokens_that_its_file_puts_around() {
    let mut file = tokenizer_json(&[], &[("<|s|>", true)]);
    let text = u32::from(b'x');
    assert_eq!(load(&file).encode_alone("x").unwrap(), [text]);
    file["post_processor"] = json!({"type": "ByteLevel", "trim_offsets": true});
    assert_eq!(load(&file).encode_alone("x").unwrap(), [text]);
    file["post_processor"] = around(256);
    assert_eq!(load(&file).encode_alone("x").unwrap(), [256, text, 256]);
    assert_eq!(load(&file).encode_alone("").unwrap(), [256, 256]);
    assert_eq!(load(&file).encode("x").unwrap(), [text], "text within a conversation");
    let parts = json!([{"type": "ByteLevel"}, around(256)]);
    file["post_processor"] = json!({"type": "Sequence", "processors": parts});
    assert_eq!(load(&file).encode_alone("x").unwrap(), [256, text, 256]);
}

#[test]
fn a_malformed_post_processor_is_refused() {
    let refused = |processor: Value| {
        let mut file = tokenizer_json(&[], &[("<|s|>", true)]);
        file["post_processor"] = processor;
        error(&file)
    };
    let without = |member: &str| {
        let mut processor = around(256);
        processor[member] = Value::Null;
        refused(processor)
    };
    use TokenizerError as E;
    assert!(matches!(refused(json!({"type": "Lua"})), E::Unsupported("post-processor", _)));
    assert!(matches!(refused(json!("x")), E::Unsupported("post-processor", _)));
    assert!(matches!(without("single"), E::Model(_)));
    assert!(matches!(without("special_tokens"), E::Model(_)));
    assert!(refused(around(257)).to_string().contains("names the id 257, which has no token"));
    assert!(matches!(refused(around(usize::MAX)), E::Model(_)));
    let mut twice = around(256);
    twice["single"] = json!([{"Sequence": {"id": "A"}}, {"Sequence": {"id": "A"}}]);
    assert!(matches!(refused(twice), E::Model(_)));
    let many = json!({"type": "Sequence", "processors": vec![around(256); 9]});
    assert!(refused(many).to_string().contains("more than 16 tokens"));
}

fn error(file: &Value) -> TokenizerError {
    Tokenizer::from_json(file.to_string().as_bytes()).unwrap_err()
}

#[test]
fn malformed_files_are_refused_with_a_reason() {
    let good = tokenizer_json(&[("a", "b")], &[("<|x|>", true)]);
    let with = |path: &str, value: Value| {
        let mut file = good.clone();
        *file.pointer_mut(path).unwrap() = value;
        error(&file)
    };
    use TokenizerError as E;
    assert!(matches!(with("/model/type", json!("Unigram")), E::Unsupported("model", _)));
    assert!(matches!(with("/model", json!({})), E::Json(_)));
    assert!(matches!(with("/model/vocab", json!([1])), E::Json(_)));
    assert!(matches!(with("/model/vocab/a", json!(-1)), E::Json(_)));
    assert!(matches!(with("/model/vocab/a", json!(4_000_000_000_u32)), E::IdTooLarge { .. }));
    assert!(matches!(with("/model/vocab/a", json!(5)), E::SharedId { id: 5, .. }));
    assert!(matches!(with("/added_tokens/0/id", json!(5)), E::SharedId { id: 5, .. }));
    assert!(matches!(with("/model/merges", json!(["ab"])), E::Merge(_)));
    assert!(matches!(with("/model/merges", json!([["a", "zz"]])), E::Model(_)));
    assert!(matches!(with("/model/merges", json!([["a", "c"]])), E::Model(_)));
    assert!(matches!(with("/pre_tokenizer", Value::Null), E::NotByteLevel));
    assert!(matches!(
        with("/pre_tokenizer", json!({"type": "Metaspace", "replacement": "_"})),
        E::Unsupported("pre-tokenizer", _)
    ));
    assert!(matches!(
        with("/pre_tokenizer", json!({"type": "Digits", "individual_digits": true})),
        E::NotByteLevel
    ));
    assert!(matches!(
        with("/pre_tokenizer/pretokenizers/0/pattern", json!({"Regex": "(unclosed"})),
        E::Json(_)
    ));
    assert!(matches!(with("/normalizer", json!({"type": "Lua"})), E::Unsupported("normalizer", _)));
    for text in ["", "{", "[]", "null", "{\"model\": 3}", "\u{0}"] {
        assert!(matches!(Tokenizer::from_json(text.as_bytes()), Err(E::Json(_))), "{text}");
    }
    assert!(matches!(Tokenizer::from_json(&[0xFF, 0xFE]), Err(E::Json(_))));

    let mut incomplete = good.clone();
    let newline = alphabet()[usize::from(b'\n')].to_string();
    incomplete["model"]["vocab"].as_object_mut().unwrap().remove(&newline);
    assert!(matches!(error(&incomplete), E::MissingByte(b'\n')));
}

/// As `transformers` has it; SmolLM2's vocabulary lacks 21 bytes, this one among them.
#[test]
fn a_byte_without_a_token_is_left_out() {
    let mut file = tokenizer_json(&[], &[]);
    let lost = alphabet()[4].to_string();
    file["model"]["vocab"].as_object_mut().unwrap().remove(&lost);
    let tokenizer = Tokenizer::from_json(file.to_string().as_bytes()).unwrap();
    let ids = tokenizer.encode("a\u{4}b").unwrap();
    assert_eq!(tokenizer.decode(&ids), "ab");
    assert!(tokenizer.least_tokens("a\u{4}\u{4}\u{4}b") <= ids.len());
}

#[test]
fn a_truncated_file_is_refused_wherever_it_ends() {
    let file = tokenizer_json(&[("a", "b")], &[("<|x|>", true)]).to_string();
    for end in (0..file.len()).step_by(37) {
        assert!(Tokenizer::from_json(&file.as_bytes()[..end]).is_err(), "{end} bytes");
    }
}

#[test]
fn a_rendered_text_names_its_tokens() {
    let tokenizer = small();
    let [start, end] = ["<|start|>", "<|end|>"].map(|name| tokenizer.special(name).unwrap());
    let text = |text| tokenizer.encode(text).unwrap();
    let ids = encode_rendered(&tokenizer, "<|start|>a<|end|><|en<|end|>").unwrap();
    assert_eq!(ids, [vec![start], text("a"), vec![end], text("<|en"), vec![end]].concat());
    assert!(encode_rendered(&tokenizer, "").unwrap().is_empty());
    assert!(encode_rendered(&tokenizer, "\u{10FFFF}").is_ok());
}
