//! The models inside the binary, so that an installed `throng` needs no file and no network.

/// The name that the model is served under.
pub const NAME: &str = "nano";

/// The name of the smaller one that drafts for it.
pub const DRAFT_NAME: &str = "nano-draft";

/// Its shape.
pub const CONFIG: &[u8] = include_bytes!("../../../models/nano/config.json");

/// The model's files, as in `models/nano`.
pub const FILES: [(&str, &[u8]); 4] = [
    ("config.json", CONFIG),
    ("generation_config.json", include_bytes!("../../../models/nano/generation_config.json")),
    ("model.safetensors", include_bytes!("../../../models/nano/model.safetensors")),
    ("tokenizer.json", TOKENIZER),
];

/// Both have one tokenizer.
const TOKENIZER: &[u8] = include_bytes!("../../../models/nano/tokenizer.json");

/// The files of the model that drafts, as in `models/nano-draft`.
const DRAFT_FILES: [(&str, &[u8]); 4] = [
    ("config.json", include_bytes!("../../../models/nano-draft/config.json")),
    ("generation_config.json", include_bytes!("../../../models/nano-draft/generation_config.json")),
    ("model.safetensors", include_bytes!("../../../models/nano-draft/model.safetensors")),
    ("tokenizer.json", TOKENIZER),
];

/// The files of the model of this name, if it is one of these.
pub fn files(name: &str) -> Option<&'static [(&'static str, &'static [u8]); 4]> {
    match name {
        NAME => Some(&FILES),
        DRAFT_NAME => Some(&DRAFT_FILES),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn both_have_one_tokenizer() {
        let draft = include_bytes!("../../../models/nano-draft/tokenizer.json");
        assert!(draft == super::TOKENIZER);
    }
}
