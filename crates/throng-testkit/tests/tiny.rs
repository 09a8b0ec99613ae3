//! Tiny checkpoints: what is written is what is embedded, and follows from sizes and seed.

use throng_testkit::TinyGptOss;

#[test]
fn folder_and_memory_hold_the_same_files() -> std::io::Result<()> {
    let folder = std::env::temp_dir().join(format!("throng-tiny-{}", std::process::id()));
    let tiny = TinyGptOss::default();
    tiny.write(&folder)?;
    for (name, content) in tiny.embedded() {
        assert_eq!(std::fs::read(folder.join(name))?, content, "{name}");
    }
    std::fs::remove_dir_all(folder)
}

#[test]
fn the_seed_decides_the_weights() {
    let weights = |seed| TinyGptOss { seed, ..TinyGptOss::default() }.files().pop();
    assert_eq!(weights(1), weights(1));
    assert_ne!(weights(1), weights(2));
}
