//! The byte tokenizer is one that the tokenizers crate accepts.

use throng_testkit::{SPECIALS, byte_tokenizer, special};
use tokenizers::Tokenizer;

#[test]
fn every_byte_and_special_token_is_itself() {
    let tokenizer = Tokenizer::from_bytes(byte_tokenizer()).unwrap();
    let text = "Grüße, 世界!\n\t\u{0}\u{7f}\u{ad}";
    let ids = tokenizer.encode(text, false).unwrap().get_ids().to_vec();
    assert_eq!(ids, text.bytes().map(u32::from).collect::<Vec<_>>());
    assert_eq!(tokenizer.decode(&ids, false).unwrap(), text);
    for name in SPECIALS {
        assert_eq!(tokenizer.token_to_id(name), Some(special(name)));
    }
    let marked = tokenizer.encode("a<|end|>", false).unwrap();
    assert_eq!(marked.get_ids(), [97, special("<|end|>")]);
}
