//! No file speaks of the machine that it was written on.

/// Lines with a path into somebody's home, as `line: text`.
pub fn check(text: &str) -> Vec<String> {
    // Assembled here so that this file passes its own check.
    let homes = ["root", "home", "work", "Users"].map(|name| format!("/{name}/"));
    text.lines()
        .zip(1..)
        .filter(|(line, _)| homes.iter().any(|home| starts_a_path(line, home)))
        .map(|(_, number)| format!("{number}: a path of somebody's machine"))
        .collect()
}

/// Whether `home` stands where an absolute path begins.
fn starts_a_path(line: &str, home: &str) -> bool {
    line.match_indices(home).any(|(at, _)| {
        line[..at].chars().next_back().is_none_or(|before| {
            !before.is_alphanumeric() && !matches!(before, '.' | '_' | '-' | '}' | '/' | '~')
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sees_absolute_paths_only() {
        let path = |head: &str| format!("{head}/home/x");
        assert_eq!(check(&path("cd ")).len(), 1);
        assert_eq!(check(&path("\"")).len(), 1);
        assert!(check(&path("src")).is_empty());
        assert!(check(&path("..")).is_empty());
    }
}
