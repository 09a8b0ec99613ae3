//! What a Rust file looks like: it says what it is for, it is one noun long, its functions fit a
//! screen, and `unsafe` stays in the rooms made for it.

use std::path::Path;

use anyhow::{Context, Result};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

const FILE_LINES: usize = 300;
const FUNCTION_LINES: usize = 70;

/// Where `unsafe` may be written.
const UNSAFE_ROOMS: [&str; 2] = ["crates/throng-ops/", "crates/throng-checkpoint/src/mmap.rs"];

/// Violations in one file, as `line: text`.
///
/// # Errors
/// The file is not Rust.
pub fn check(path: &Path, text: &str) -> Result<Vec<String>> {
    let file = syn::parse_file(text).with_context(|| path.display().to_string())?;
    let mut violations = Vec::new();
    if !text.starts_with("//!") {
        violations.push("1: begin with `//!` and what the file is for".to_owned());
    }
    let lines = text.lines().count();
    if lines > FILE_LINES {
        violations.push(format!("{FILE_LINES}: {lines} lines; a file has at most {FILE_LINES}"));
    }
    let may_be_unsafe = UNSAFE_ROOMS.iter().any(|room| path.starts_with(room));
    let mut visitor = Visitor { violations, may_be_unsafe };
    visitor.visit_file(&file);
    Ok(visitor.violations)
}

struct Visitor {
    violations: Vec<String>,
    may_be_unsafe: bool,
}

impl Visitor {
    fn function(&mut self, name: &syn::Ident, block: &syn::Block, is_unsafe: bool) {
        let (start, end) = (block.span().start().line, block.span().end().line);
        let lines = end - start + 1;
        if lines > FUNCTION_LINES {
            self.violations.push(format!(
                "{start}: `{name}` has {lines} lines; a function has at most {FUNCTION_LINES}"
            ));
        }
        if is_unsafe {
            self.unsafe_at(start);
        }
    }

    fn unsafe_at(&mut self, line: usize) {
        if !self.may_be_unsafe {
            self.violations.push(format!("{line}: `unsafe` lives in throng-ops and mmap.rs only"));
        }
    }
}

impl<'ast> Visit<'ast> for Visitor {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig.ident, &item.block, item.sig.unsafety.is_some());
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig.ident, &item.block, item.sig.unsafety.is_some());
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_expr_unsafe(&mut self, block: &'ast syn::ExprUnsafe) {
        self.unsafe_at(block.span().start().line);
        visit::visit_expr_unsafe(self, block);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if item.unsafety.is_some() {
            self.unsafe_at(item.span().start().line);
        }
        visit::visit_item_impl(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violations(path: &str, text: &str) -> usize {
        check(Path::new(path), text).unwrap().len()
    }

    #[test]
    fn finds_what_it_should() {
        assert_eq!(violations("crates/a/src/b.rs", "//! Docs.\nfn f() {}\n"), 0);
        assert_eq!(violations("crates/a/src/b.rs", "fn f() {}\n"), 1);
        let long = format!("//! Docs.\nfn f() {{\n{}}}\n", "    g();\n".repeat(FUNCTION_LINES));
        assert_eq!(violations("crates/a/src/b.rs", &long), 1);
        let longer = format!("//! Docs.\n{}", "const A: u8 = 1;\n".repeat(FILE_LINES));
        assert_eq!(violations("crates/a/src/b.rs", &longer), 1);
        let risky = "//! Docs.\nfn f() { unsafe { g() } }\n";
        assert_eq!(violations("crates/a/src/b.rs", risky), 1);
        assert_eq!(violations("crates/throng-ops/src/b.rs", risky), 0);
    }
}
