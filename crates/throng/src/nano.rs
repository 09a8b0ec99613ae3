//! The model inside the binary, so that an installed `throng` needs no file and no network.

/// The name it is served under.
pub const NAME: &str = "nano";

/// Its shape.
pub const CONFIG: &[u8] = include_bytes!("../../../models/nano/config.json");

/// Its files, as in `models/nano`.
pub const FILES: [(&str, &[u8]); 4] = [
    ("config.json", CONFIG),
    ("generation_config.json", include_bytes!("../../../models/nano/generation_config.json")),
    ("model.safetensors", include_bytes!("../../../models/nano/model.safetensors")),
    ("tokenizer.json", include_bytes!("../../../models/nano/tokenizer.json")),
];
