//! The models inside the binary, so that an installed `throng` needs no file and no network.

/// The name that the model is served under.
pub const NAME: &str = "nano";

/// The name of the smaller one that drafts for it.
pub const DRAFT_NAME: &str = "nano-draft";

/// Names and contents of a model's files.
pub type Files = [(&'static str, &'static [u8]); 4];

/// The model's files, as in `models/nano`.
pub const FILES: Files = [
    ("config.json", include_bytes!("../../../models/nano/config.json")),
    ("generation_config.json", include_bytes!("../../../models/nano/generation_config.json")),
    ("model.safetensors", include_bytes!("../../../models/nano/model.safetensors")),
    ("tokenizer.json", TOKENIZER),
];

/// Both have one tokenizer.
const TOKENIZER: &[u8] = include_bytes!("../../../models/nano/tokenizer.json");

/// The files of the model that drafts, as in `models/nano-draft`.
const DRAFT_FILES: Files = [
    ("config.json", include_bytes!("../../../models/nano-draft/config.json")),
    ("generation_config.json", include_bytes!("../../../models/nano-draft/generation_config.json")),
    ("model.safetensors", include_bytes!("../../../models/nano-draft/model.safetensors")),
    ("tokenizer.json", TOKENIZER),
];

/// The files of the model of this name, if it is one of these.
pub fn files(name: &str) -> Option<&'static Files> {
    match name {
        NAME => Some(&FILES),
        DRAFT_NAME => Some(&DRAFT_FILES),
        _ => None,
    }
}

/// The `config.json` of the model of this name.
pub fn config(name: &str) -> Option<&'static [u8]> {
    files(name).map(|[(_, config), ..]| *config)
}

#[cfg(test)]
mod tests {
    #[test]
    fn both_have_one_tokenizer() {
        let draft = include_bytes!("../../../models/nano-draft/tokenizer.json");
        assert!(draft == super::TOKENIZER);
    }
}
