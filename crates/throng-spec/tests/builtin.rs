//! The built-in shapes have the sizes that their makers published.

#![allow(clippy::unwrap_used, reason = "a panic fails the test, which is what it should do")]

use throng_spec::{ModelSpec, builtin};

fn spec(name: &str) -> ModelSpec {
    ModelSpec::from_config(&builtin::config(name).unwrap()).unwrap()
}

#[test]
fn every_name_has_as_many_parameters_as_published() {
    let published = [
        ("gpt2", 124_439_808),
        ("gpt2-medium", 354_823_168),
        ("gpt2-large", 774_030_080),
        ("gpt2-xl", 1_557_611_200),
        ("gpt-oss-20b", 20_914_757_184),
        ("gpt-oss-120b", 116_829_156_672),
        ("qwen3-0.6b", 596_049_920),
        ("qwen3-1.7b", 1_720_574_976),
        ("qwen3-4b", 4_022_468_096),
        ("qwen3-8b", 8_190_735_360),
        ("qwen3-14b", 14_768_307_200),
        ("qwen3-32b", 32_762_123_264),
        ("qwen3-30b-a3b", 30_532_122_624),
        ("qwen3-235b-a22b", 235_093_634_560),
        ("llama-3.2-1b", 1_235_814_400),
        ("llama-3.1-8b", 8_030_261_248),
        ("llama-3.1-70b", 70_553_706_496),
        ("smollm2-135m", 134_515_008),
        ("smollm2-360m", 361_821_120),
        ("smollm2-1.7b", 1_711_376_384),
    ];
    assert!(builtin::names().eq(published.map(|(name, _)| name)));
    for (name, parameters) in published {
        assert_eq!(spec(name).parameters(), parameters, "{name}");
    }
}

#[test]
fn names_are_found_whatever_their_case_and_others_are_not() {
    assert_eq!(builtin::config("GPT-OSS-20B"), builtin::config("gpt-oss-20b"));
    assert_eq!(builtin::config("gpt-oss"), None);
}
