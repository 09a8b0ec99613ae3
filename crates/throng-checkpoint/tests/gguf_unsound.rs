//! GGUF files that cannot be used: each is a named error, and none a panic.

#![allow(clippy::unwrap_used, reason = "a panic fails the test, which is what it should do")]

#[path = "common/gguf.rs"]
mod gguf;

use gguf::{F32, Gguf, Q2_K, Q4_1, f32_value, list_value, text_bytes, text_value, u32_value};
use proptest::prelude::*;
use throng_checkpoint::Checkpoint;

fn open(bytes: Vec<u8>) -> Result<Checkpoint, String> {
    Checkpoint::embedded(&[("model.gguf", bytes)]).map_err(|error| error.to_string())
}

/// The error's message, without the name of the file.
fn message(gguf: &Gguf) -> String {
    let message = open(gguf.bytes()).map(|_| ()).unwrap_err();
    message.replace("embedded model.gguf", "FILE")
}

#[test]
fn headers_that_make_no_sense() {
    let sound = Gguf::llama();
    let with = |change: &dyn Fn(&mut Gguf)| {
        let mut file = sound.clone();
        change(&mut file);
        message(&file)
    };
    let corrupt = |reason: &str| format!("FILE is not a sound GGUF file: {reason}");
    assert_eq!(with(&|f| f.magic = *b"GGML"), corrupt("it does not begin with GGUF"));
    assert_eq!(with(&|f| f.version = 1), corrupt("version 1, expected 2 or 3"));
    let big_endian = corrupt("version 3, big-endian, expected 2 or 3");
    assert_eq!(with(&|f| f.version = 3u32.swap_bytes()), big_endian);
    let ends = corrupt("it ends within its header");
    for counts in [(u64::MAX, 13), (11, u64::MAX), (1 << 60, 13), (11, 14)] {
        let message = with(&|f| f.counts = Some(counts));
        assert!(message.starts_with("FILE is not a sound GGUF file: "), "{counts:?}: {message}");
    }
    let long = |f: &mut Gguf| f.metadata[1].1 = (8, (u64::MAX / 2).to_le_bytes().to_vec());
    assert_eq!(with(&long), ends);
    assert_eq!(with(&|f| f.metadata[1].1.0 = 77), corrupt("a value of the unknown type 77"));
    assert_eq!(with(&|f| f.metadata[1].1 = (7, vec![2])), corrupt("a truth value of 2"));
    let nested = |f: &mut Gguf| f.metadata[1].1 = list_value(9, &[]);
    assert_eq!(with(&nested), corrupt("a list of lists"));
    let no_text = |f: &mut Gguf| f.metadata[0].1.1[8] = 0xFF;
    assert_eq!(with(&no_text), corrupt("a text that is not UTF-8"));
    let twice = |f: &mut Gguf| f.metadata.push(f.metadata[0].clone());
    assert_eq!(with(&twice), corrupt("the key general.architecture twice"));
    assert_eq!(with(&|f| f.metadata[0].0.clear()), corrupt("a name of 0 bytes"));
    for alignment in [0, 3, 1 << 30] {
        let message = message(&sound.clone().set("general.alignment", u32_value(alignment)));
        assert!(message.contains("general.alignment is no power of two"), "{message}");
    }
}

#[test]
fn a_list_longer_than_any_vocabulary_is_not_made() {
    let file = Gguf::llama().set("x", list_value(0, &[vec![0; (1 << 23) + 1]]));
    // What it says is the number of items, one for each byte here.
    let mut file = file;
    let count = ((1u64 << 23) + 1).to_le_bytes();
    file.metadata.last_mut().unwrap().1.1[4..12].copy_from_slice(&count);
    assert!(message(&file).contains("lists with more than 8388608 elements"), "{}", message(&file));
}

#[test]
fn tensors_that_lie() {
    let with = |name: &str, change: &dyn Fn(&mut gguf::Tensor)| {
        let mut file = Gguf::llama();
        change(file.tensor(name));
        message(&file)
    };
    let corrupt = |reason: &str| format!("FILE is not a sound GGUF file: {reason}");
    let (norm, query) = ("output_norm.weight", "blk.0.attn_q.weight");
    assert_eq!(with(norm, &|t| t.1.clear()), corrupt(&format!("tensor {norm} with 0 dimensions")));
    assert_eq!(
        with(norm, &|t| t.1 = vec![1; 5]),
        corrupt(&format!("tensor {norm} with 5 dimensions"))
    );
    for dims in [vec![u64::MAX, 4], vec![1 << 32, 1 << 32], vec![u64::MAX]] {
        let message = with(query, &|t| t.1 = dims.clone());
        assert!(
            message.contains("huge shape") || message.contains("overlap"),
            "{dims:?} {message}"
        );
    }
    assert_eq!(
        with(query, &|t| t.3 = Some(1)),
        corrupt(&format!("tensor {query} at 1, expected a multiple of 32"))
    );
    assert!(with(query, &|t| t.3 = Some(0)).contains("overlap"));
    assert!(with(query, &|t| t.3 = Some(u64::MAX - 31)).contains(&format!("tensor {query} at ")));
    assert!(with(query, &|t| t.3 = Some(1 << 40)).contains("FILE is truncated"));
    assert!(with(query, &|t| t.0 = norm.to_owned()).contains(&format!("tensor {norm} twice")));
    assert_eq!(
        with(query, &|t| t.2 = Q4_1),
        corrupt(&format!("tensor {query} with rows of 4 in q4_1, whose blocks have 32"))
    );
    let expected = "f32, f16, bf16, mxfp4, q8_0, q4_0, q4_1, q5_0, q5_1, q4_k, q5_k or q6_k";
    assert_eq!(
        with(query, &|t| t.2 = Q2_K),
        format!("FILE: tensor {query} has dtype q2_k, expected {expected}")
    );
    assert!(with(query, &|t| t.2 = 99).contains("has dtype type 99"));
    assert!(with(query, &|t| t.1 = vec![4, 2]).ends_with("has shape [2, 4], expected [4, 4]"));
    assert_eq!(with(query, &|t| t.0 = "blk.0.q".to_owned()), format!("FILE has no tensor {query}"));
    let mut stray = Gguf::llama();
    stray.tensors.push(("blk.0.attn_q.bias".to_owned(), vec![4], F32, None));
    assert!(message(&stray).contains("has no tensor blk.0.attn_k.bias"), "{}", message(&stray));
    let mut stray = Gguf::llama();
    stray.tensors.push(("blk.1.attn_q.weight".to_owned(), vec![4], F32, None));
    assert!(message(&stray).contains("a tensor blk.1.attn_q.weight that the model does not"));
    let described = format!("its header describes {}", Gguf::llama().bytes().len());
    assert!(message(&Gguf { missing: 200, ..Gguf::llama() }).ends_with(&described));
}

#[test]
fn metadata_that_cannot_be_used() {
    let set = |key: &str, value| message(&Gguf::llama().set(key, value));
    let without = |key: &str| message(&Gguf::llama().without(key));
    assert_eq!(
        set("general.architecture", text_value("mamba")),
        "FILE: general.architecture is mamba, supported: gpt-oss, llama, qwen3, qwen3moe, gpt2"
    );
    assert!(without("general.architecture").starts_with("FILE: general.architecture is missing"));
    // Errors name the file's own keys, not those of the config that is made of them.
    assert!(without("llama.block_count").starts_with("FILE: llama.block_count is missing"));
    let heads = set("llama.attention.head_count_kv", u32_value(0));
    assert!(heads.starts_with("FILE: llama.attention.head_count_kv is 0"), "{heads}");
    let alternating = list_value(4, &[1u32.to_le_bytes().to_vec(), 2u32.to_le_bytes().to_vec()]);
    assert!(
        set("llama.attention.head_count_kv", alternating).contains("one number for all layers")
    );
    assert!(set("llama.rope.dimension_count", u32_value(1)).contains("is 1, expected 2"));
    assert!(
        set("llama.expert_count", u32_value(8)).contains("llama.expert_count is 8, expected 0")
    );
    assert!(set("tokenizer.ggml.model", text_value("llama")).contains("byte-level BPE"));
    assert!(set("tokenizer.ggml.pre", text_value("tekken")).contains("one of gpt-2, smollm"));
    assert!(without("tokenizer.ggml.tokens").contains("tokenizer.ggml.tokens is missing"));
    assert!(set("tokenizer.ggml.eos_token_id", u32_value(256)).contains("eos_token_id is 256"));
    let types = list_value(5, &[1i32.to_le_bytes().to_vec()]);
    assert!(set("tokenizer.ggml.token_type", types).contains("a number for each token"));
    let numbers = list_value(4, &[1u32.to_le_bytes().to_vec()]);
    assert!(set("tokenizer.ggml.tokens", numbers).contains("expected a list of texts"));
    let texts = list_value(8, &[text_bytes("a b")]);
    assert!(open(Gguf::llama().set("tokenizer.ggml.merges", texts).bytes()).is_ok());
}

/// Opens and reads everything, or gets an error of one line.
fn open_and_read(bytes: Vec<u8>) {
    match open(bytes) {
        Err(message) => assert!(!message.contains('\n'), "{message}"),
        Ok(checkpoint) => {
            for (role, _) in checkpoint.spec().tensors() {
                for piece in checkpoint.pieces(role) {
                    std::hint::black_box(piece.data.iter().fold(0u8, |sum, byte| sum ^ byte));
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn changed_bytes_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = Gguf::llama().bytes();
        // The header is where changes matter.
        let header = bytes.len() / 2;
        for (place, byte) in changes {
            bytes[place.index(header)] = byte;
        }
        open_and_read(bytes);
    }

    #[test]
    fn cut_files_are_refused(cut in any::<prop::sample::Index>()) {
        let mut bytes = Gguf::llama().bytes();
        let end = cut.index(bytes.len());
        bytes.truncate(end);
        prop_assert!(open(bytes).is_err());
    }
}

#[test]
fn a_type_that_cannot_be_read_has_a_way_out() {
    let mut file = Gguf::llama();
    file.tensor("blk.0.attn_q.weight").2 = Q2_K;
    let error = Checkpoint::embedded(&[("model.gguf", file.bytes())]).unwrap_err();
    assert!(error.hint().unwrap().contains("published in several"));
}

/// JSON would have null for them, which counts as absent.
#[test]
fn numbers_that_are_none_do_not_pass_for_missing_ones() {
    let scaled = Gguf::llama()
        .set("llama.rope.scaling.type", text_value("linear"))
        .set("llama.rope.scaling.factor", f32_value(2.0));
    assert!(Checkpoint::embedded(&[("model.gguf", scaled.bytes())]).is_ok());
    for key in ["llama.rope.freq_base", "llama.rope.scaling.factor", "general.sampling.temp"] {
        for (number, name) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf")] {
            let message = message(&scaled.clone().set(key, f32_value(number)));
            assert_eq!(message, format!("FILE: {key} is {name}, expected a finite number"));
        }
    }
}
