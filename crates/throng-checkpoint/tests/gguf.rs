//! GGUF files: what sound ones give, alone and split.

#![allow(clippy::unwrap_used, reason = "a panic fails the test, which is what it should do")]

#[path = "common/gguf.rs"]
mod gguf;

use gguf::{F32, Gguf, f32_value, text_value, u32_value};
use throng_checkpoint::Checkpoint;
use throng_spec::{DType, LayerRole, Layout, Positions, Role, RopeScaling};

fn open(bytes: Vec<u8>) -> Result<Checkpoint, String> {
    Checkpoint::embedded(&[("model.gguf", bytes)]).map_err(|error| error.to_string())
}

#[test]
fn a_sound_file() {
    let checkpoint = open(Gguf::llama().bytes()).unwrap();
    let spec = checkpoint.spec();
    assert_eq!((spec.architecture, spec.hidden, spec.vocab), ("llama", 4, 256));
    assert!(spec.tied_head, "there is no output.weight");
    assert_eq!(checkpoint.generation().stop_tokens, [10]);
    assert!(checkpoint.chat_template().is_none());
    let query = checkpoint.tensor(Role::Layer(0, LayerRole::Query));
    assert_eq!((query.dtype, query.layout), (DType::F32, Layout::Pairs { head: 2 }));
    let tokenizer: serde_json::Value = serde_json::from_slice(checkpoint.tokenizer_json()).unwrap();
    assert_eq!(tokenizer["model"]["vocab"]["a"], 97);
    assert!(open(Gguf { version: 2, ..Gguf::llama() }.bytes()).is_ok());
    let wide = Gguf { alignment: 64, ..Gguf::llama().set("general.alignment", u32_value(64)) };
    assert!(open(wide.bytes()).is_ok());
}

#[test]
fn a_head_of_its_own_and_what_the_tokenizer_says() {
    let mut file = Gguf::llama()
        .set("tokenizer.chat_template", text_value("{{ messages }}"))
        .set("tokenizer.ggml.bos_token_id", u32_value(7))
        .set("tokenizer.ggml.add_bos_token", (7, vec![1]))
        .set("general.sampling.temp", f32_value(0.5))
        .set("tokenizer.ggml.eot_token_id", u32_value(11));
    file.tensors.push(("output.weight".to_owned(), vec![4, 256], F32, None));
    let checkpoint = open(file.bytes()).unwrap();
    assert!(!checkpoint.spec().tied_head);
    assert_eq!(checkpoint.generation().stop_tokens, [10, 11]);
    assert_eq!(checkpoint.generation().temperature, Some(0.5));
    let template = checkpoint.chat_template().unwrap();
    assert_eq!(template.source, "{{ messages }}");
    assert!(template.bos_token.is_some() && template.eos_token.is_some());
    let tokenizer: serde_json::Value = serde_json::from_slice(checkpoint.tokenizer_json()).unwrap();
    assert_eq!(tokenizer["post_processor"]["type"], "TemplateProcessing");
}

#[test]
fn control_tokens_that_end_a_turn_are_known_by_their_text() {
    let (normal, control) = (1i32, 3i32);
    let with = |kind: i32| {
        let mut file = Gguf::llama();
        file.tensor("token_embd.weight").1 = vec![4, 257];
        let tokens = [gguf::alphabet(), vec![gguf::text_bytes("<|eot_id|>")]].concat();
        let kinds = [vec![normal; 256], vec![kind]].concat();
        let kinds: Vec<_> = kinds.iter().map(|kind| kind.to_le_bytes().to_vec()).collect();
        let file = file.set("tokenizer.ggml.tokens", gguf::list_value(8, &tokens));
        let file = file.set("tokenizer.ggml.token_type", gguf::list_value(5, &kinds));
        open(file.bytes()).unwrap().generation().stop_tokens.clone()
    };
    assert_eq!(with(control), [10, 256]);
    assert_eq!(with(normal), [10]);
}

/// Files do not say that Qwen's tokenizer composes characters first, and it does.
#[test]
fn a_name_of_a_pre_tokenizer_stands_for_all_that_happens_before_the_merges() {
    let tokenizer = |pre: &str| -> serde_json::Value {
        let file = Gguf::llama().set("tokenizer.ggml.pre", text_value(pre));
        serde_json::from_slice(open(file.bytes()).unwrap().tokenizer_json()).unwrap()
    };
    assert_eq!(tokenizer("qwen2")["normalizer"]["type"], "NFC");
    assert!(tokenizer("deepseek-r1-qwen")["normalizer"].is_null());
    assert_eq!(tokenizer("llama-bpe")["model"]["ignore_merges"], true);
    let parts = |pre: &str| tokenizer(pre)["pre_tokenizer"]["pretokenizers"].clone();
    assert_eq!(parts("smollm")[0]["type"], "Digits");
    assert_eq!(parts("gpt-4o")[0]["type"], "Split");
    assert_eq!(parts("gpt-4o")[1]["use_regex"], false);
    assert!(parts("gpt-2").is_null());
}

#[test]
fn llama_3s_divisors_become_what_they_follow_from() {
    let mut file = Gguf::llama();
    file.tensors.push(("rope_freqs.weight".to_owned(), vec![1], F32, None));
    // Its one value is 0, which divides nothing.
    let error = open(file.bytes()).unwrap_err();
    assert!(error.contains("rope_freqs.weight is something else"), "{error}");
    let scaling = |divisors: &[f32], theta: f32| {
        let mut file = Gguf::llama()
            .set("llama.rope.freq_base", f32_value(theta))
            .set("llama.attention.head_count", u32_value(1))
            .set("llama.attention.key_length", u32_value(2 * divisors.len() as u32))
            .set("llama.rope.dimension_count", u32_value(2 * divisors.len() as u32));
        let width = 2 * divisors.len() as u64;
        for (name, dims) in
            [("q", [4, width]), ("k", [4, width]), ("v", [4, width]), ("output", [width, 4])]
        {
            file.tensor(&format!("blk.0.attn_{name}.weight")).1 = dims.to_vec();
        }
        file.tensors.push(("rope_freqs.weight".to_owned(), vec![divisors.len() as u64], F32, None));
        let mut bytes = file.bytes();
        let start = bytes.len() - 4 * divisors.len();
        bytes.truncate(start);
        bytes.extend(divisors.iter().flat_map(|divisor| divisor.to_le_bytes()));
        open(bytes).map(|checkpoint| match checkpoint.spec().positions {
            Positions::Rope(rope) => rope.scaling,
            Positions::Learned => None,
        })
    };
    assert_eq!(scaling(&[1.0, 1.0], 1e4).unwrap(), None);
    let Some(RopeScaling::Llama3(llama3)) = scaling(&[1.0, 1.0, 8.0], 5e5).unwrap() else {
        panic!("no scaling as Llama 3's");
    };
    assert_eq!((llama3.factor, llama3.original_context), (8.0, 8192));
    assert!(scaling(&[8.0, 1.0, 8.0], 5e5).is_err());
    assert!(scaling(&[f32::NAN, 1.0, f32::INFINITY], 5e5).is_err());
}

#[test]
fn split_files_are_one_model() {
    let folder = tempfile::tempdir().unwrap();
    let split = |number: u16, count: u16, file: Gguf| {
        file.set("split.no", (2, number.to_le_bytes().to_vec()))
            .set("split.count", (2, count.to_le_bytes().to_vec()))
            .bytes()
    };
    let (mut first, mut second) = (Gguf::llama(), Gguf::llama());
    first.tensors.truncate(5);
    second.tensors.drain(..5);
    second.metadata.clear();
    let path = |name: &str| folder.path().join(name);
    let write = |name: &str, bytes: &[u8]| std::fs::write(path(name), bytes).unwrap();
    write("m-00001-of-00002.gguf", &split(0, 2, first.clone()));
    let missing = Checkpoint::open(&path("m-00001-of-00002.gguf")).unwrap_err().to_string();
    assert!(missing.ends_with("m-00002-of-00002.gguf is missing"), "{missing}");
    write("m-00002-of-00002.gguf", &split(1, 2, second.clone()));
    assert!(Checkpoint::open(&path("m-00001-of-00002.gguf")).is_ok());
    assert!(Checkpoint::open(folder.path()).is_ok(), "the folder has one model");
    assert!(Checkpoint::open(&path("m-00002-of-00002.gguf")).is_err());
    write("m-00002-of-00002.gguf", &split(0, 2, second.clone()));
    let wrong = Checkpoint::open(folder.path()).unwrap_err().to_string();
    assert!(wrong.contains("split.no is 0, expected 1"), "{wrong}");
    second.tensors.push(first.tensors[0].clone());
    write("m-00002-of-00002.gguf", &split(1, 2, second));
    let twice = Checkpoint::open(folder.path()).unwrap_err().to_string();
    assert!(twice.starts_with("tensor token_embd.weight is in "), "{twice}");
    assert!(twice.ends_with("m-00002-of-00002.gguf"), "{twice}");
    write("other.gguf", &Gguf::llama().bytes());
    let several = Checkpoint::open(folder.path()).unwrap_err();
    assert!(several.to_string().contains("has several models: m-00001-of-00002.gguf, other.gguf"));
    assert!(several.hint().unwrap().contains("name one"));
    std::fs::rename(path("m-00001-of-00002.gguf"), path("renamed.gguf")).unwrap();
    let renamed = Checkpoint::open(&path("renamed.gguf")).unwrap_err().to_string();
    assert!(renamed.contains("a file whose name ends in -00001-of-00002.gguf"), "{renamed}");
}
