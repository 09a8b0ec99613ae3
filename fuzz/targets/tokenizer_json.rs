//! Any `tokenizer.json` is read or refused, and what is read takes any text.

#![no_main]

use libfuzzer_sys::fuzz_target;
use throng_chat::Tokenizer;

const TEXT: &str = "It's 12345 o'clock,\n\n  naïve 東京 <|end|>\u{0}🙂";

fuzz_target!(|input: &[u8]| {
    match Tokenizer::from_json(input) {
        Ok(tokenizer) => {
            if let Ok(ids) = tokenizer.encode(TEXT) {
                tokenizer.decode(&ids);
                assert!(ids.iter().all(|&id| (id as usize) < tokenizer.vocab_size()));
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
