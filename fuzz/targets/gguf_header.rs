//! Any GGUF file is opened or refused. Behind an input come as many zeros as the tensors of the
//! largest seed have bytes, so that inputs are headers only.

#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use throng_chat::Tokenizer;
use throng_checkpoint::Checkpoint;

const DATA_BYTES: usize = 64 << 10;

fuzz_target!(|input: &[u8]| {
    let mut file = input.to_vec();
    file.resize(file.len() + DATA_BYTES, 0);
    match Checkpoint::embedded(&[("model.gguf", Arc::<[u8]>::from(file))]) {
        Ok(checkpoint) => {
            throng_fuzz::check(&checkpoint);
            if let Err(error) = Tokenizer::from_json(checkpoint.tokenizer_json()) {
                assert!(!error.to_string().is_empty());
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
