//! Runs a case and turns a panic into its message, without a backtrace on the screen for each.

use std::any::Any;
use std::cell::RefCell;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

/// A run whose panics are caught.
struct Caught {
    /// Where it panicked.
    place: Option<String>,
    /// What runs.
    about: String,
}

thread_local! {
    static CAUGHT: RefCell<Option<Caught>> = const { RefCell::new(None) };
}

/// What `run` returns, or what it says as it panics, with the place. A second panic on the way out
/// of the first ends the process; then `about` is printed, or nothing would tell what ran.
pub fn caught<T>(about: &impl Display, run: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let default = take_hook();
        set_hook(Box::new(move |info| {
            let is_caught = CAUGHT.with_borrow_mut(|caught| {
                let Some(Caught { place, about }) = caught else { return false };
                if let Some(first) = place {
                    eprintln!("a panic at {first}, and one more on the way out, in\n{about}");
                    return false;
                }
                *place = info.location().map(ToString::to_string);
                true
            });
            if !is_caught {
                default(info);
            }
        }));
    });
    CAUGHT.set(Some(Caught { place: None, about: about.to_string() }));
    let result = catch_unwind(AssertUnwindSafe(run));
    let place = CAUGHT.take().and_then(|caught| caught.place).unwrap_or_default();
    result.map_err(|payload| format!("{}\n  at {place}", text(payload.as_ref())))
}

fn text(payload: &(dyn Any + Send)) -> &str {
    let owned = payload.downcast_ref::<String>().map(String::as_str);
    owned.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("a panic without words")
}
