//! Any `config.json` is read or refused, and what is read can be counted.

#![no_main]

use libfuzzer_sys::fuzz_target;
use throng_spec::{KvDtype, ModelSpec, bytes_by_dtype};

fuzz_target!(|input: &[u8]| {
    let Ok(config) = serde_json::from_slice(input) else { return };
    match ModelSpec::from_config(&config) {
        Ok(spec) => {
            assert!(spec.active_parameters() <= spec.parameters());
            assert!(spec.linear_macs() > 0);
            assert!(!bytes_by_dtype(&spec.released()).is_empty());
            spec.attention_macs(spec.context);
            for dtype in KvDtype::ALL {
                spec.kv_bytes(dtype);
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
