//! Makes a failing case smaller while it still fails in the same way.

use std::time::{Duration, Instant};

use crate::arrival::{Arrival, Client};
use crate::case::Case;
use crate::drafts::Draft;
use crate::world::{Shape, World};

/// Nobody waits longer for a smaller case.
const PATIENCE: Duration = Duration::from_secs(20);

/// A smaller case, or nothing if this one cannot be made smaller in this way.
type Smaller<T> = fn(&T) -> Option<T>;

/// The smallest case found, and how it fails. `failure` runs a case and tells how it fails, if it
/// does; failures that differ in numbers alone are alike.
pub fn shrink(
    case: Case,
    message: String,
    failure: impl Fn(&Case) -> Option<String>,
) -> (Case, String) {
    let start = Instant::now();
    let (mut best, mut best_message) = (case, message);
    loop {
        let kind = kind_of(&best_message);
        let smaller = candidates(&best).into_iter().find_map(|candidate| {
            if start.elapsed() > PATIENCE {
                return None;
            }
            let message = failure(&candidate).filter(|message| kind_of(message) == kind)?;
            Some((candidate, message))
        });
        let Some(smaller) = smaller else { return (best, best_message) };
        (best, best_message) = smaller;
    }
}

/// A message without what differs from run to run.
fn kind_of(message: &str) -> String {
    let first = message.lines().next().unwrap_or_default();
    first.chars().filter(|c| !c.is_ascii_digit()).take(60).collect()
}

/// Every case that is one cut smaller, the deepest cuts first.
fn candidates(case: &Case) -> Vec<Case> {
    let mut all = Vec::new();
    let count = case.arrivals.len();
    let mut size = count / 2;
    while size > 0 {
        for start in (0..count).step_by(size) {
            let mut smaller = case.clone();
            smaller.arrivals.drain(start..(start + size).min(count));
            all.push(smaller);
        }
        size /= 2;
    }
    for index in 0..case.failures.len() {
        let mut smaller = case.clone();
        smaller.failures.remove(index);
        all.push(smaller);
    }
    all.extend(
        WORLDS
            .iter()
            .filter_map(|cut| cut(&case.world))
            .map(|world| Case { world, ..case.clone() }),
    );
    for (index, arrival) in case.arrivals.iter().enumerate() {
        let smaller = ARRIVALS.iter().filter_map(|cut| cut(arrival));
        all.extend(smaller.chain(fewer_clients(arrival)).map(|arrival| {
            let mut smaller = case.clone();
            smaller.arrivals[index] = arrival;
            smaller.arrivals.sort_by_key(|arrival| arrival.at_ms);
            smaller
        }));
    }
    all
}

/// Cuts of a world.
const WORLDS: [Smaller<World>; 13] = [
    |world| match world.shape {
        Shape::Both(window) => Some(World { shape: Shape::Window(window), ..world.clone() }),
        _ => None,
    },
    |world| match world.shape {
        Shape::Both(_) => Some(World { shape: Shape::Full, ..world.clone() }),
        _ => None,
    },
    |world| (world.poison > 0).then(|| World { poison: 0, ..world.clone() }),
    |world| (!world.one_salt).then(|| World { one_salt: true, ..world.clone() }),
    |world| (world.step_ms > 1).then(|| World { step_ms: 1, ..world.clone() }),
    |world| {
        let mut smaller = world.clone();
        std::mem::replace(&mut smaller.config.prefix_cache, false).then_some(smaller)
    },
    |world| {
        let mut smaller = world.clone();
        smaller.config.speculation.take().map(|_| smaller)
    },
    |world| {
        (world.draft.shape != Shape::Full).then(|| {
            let draft = Draft { shape: Shape::Full, ..world.draft };
            World { draft, ..world.clone() }
        })
    },
    |world| {
        let mut smaller = world.clone();
        let speculation = smaller.config.speculation.as_mut()?;
        speculation.tokens = speculation.tokens.checked_sub(1).filter(|&tokens| tokens > 0)?;
        Some(smaller)
    },
    |world| {
        let mut smaller = world.clone();
        std::mem::replace(&mut smaller.config.fair_share, false).then_some(smaller)
    },
    |world| {
        let mut smaller = world.clone();
        smaller.config.max_sequences = world.config.max_sequences.checked_sub(1)?.max(1);
        (smaller.config.max_sequences < world.config.max_sequences).then_some(smaller)
    },
    |world| {
        let mut smaller = world.clone();
        smaller.spare.full = world.spare.full.checked_sub(1)?;
        Some(smaller)
    },
    |world| {
        let mut smaller = world.clone();
        smaller.spare.window = world.spare.window.checked_sub(1)?;
        Some(smaller)
    },
];

/// Cuts of an arrival. Times go down by half, so that their order changes too.
const ARRIVALS: [Smaller<Arrival>; 15] = [
    |arrival| cut(arrival, &arrival.prompt[..arrival.prompt.len() / 2]),
    |arrival| cut(arrival, &arrival.prompt[arrival.prompt.len() / 2..]),
    |arrival| cut(arrival, &arrival.prompt[..arrival.prompt.len().saturating_sub(16)]),
    |arrival| cut(arrival, &arrival.prompt[..arrival.prompt.len().saturating_sub(1)]),
    |arrival| lower(arrival.max_tokens, |max_tokens| Arrival { max_tokens, ..arrival.clone() }),
    |arrival| {
        let max_tokens = arrival.max_tokens.checked_sub(1)?;
        Some(Arrival { max_tokens, ..arrival.clone() })
    },
    |arrival| {
        let none = arrival.stop_tokens.is_empty();
        (!none).then(|| Arrival { stop_tokens: Vec::new(), ..arrival.clone() })
    },
    |arrival| arrival.deadline_ms.map(|_| Arrival { deadline_ms: None, ..arrival.clone() }),
    |arrival| {
        let warm = arrival.temperature > 0.0;
        warm.then(|| Arrival { temperature: 0.0, ..arrival.clone() })
    },
    |arrival| {
        let mut smaller = arrival.clone();
        smaller.logprobs.answer.take().map(|_| smaller)
    },
    |arrival| {
        let mut smaller = arrival.clone();
        smaller.logprobs.prompt.take().map(|_| smaller)
    },
    |arrival| (arrival.at_ms > 0).then(|| Arrival { at_ms: 0, ..arrival.clone() }),
    |arrival| {
        let at_ms = arrival.at_ms - arrival.at_ms / 2;
        (at_ms < arrival.at_ms).then(|| Arrival { at_ms, ..arrival.clone() })
    },
    |arrival| {
        let mut smaller = arrival.clone();
        smaller.prediction.take().map(|_| smaller)
    },
    |arrival| (arrival.seed > 0).then(|| Arrival { seed: 0, ..arrival.clone() }),
];

fn cut(arrival: &Arrival, prompt: &[u32]) -> Option<Arrival> {
    let shorter = !prompt.is_empty() && prompt.len() < arrival.prompt.len();
    shorter.then(|| Arrival { prompt: prompt.to_vec(), ..arrival.clone() })
}

fn lower<T>(value: usize, with: impl Fn(usize) -> T) -> Option<T> {
    (value > 1).then(|| with(value.min(1000) / 2))
}

/// The arrival with one choice less, or with one that reads at once or stays.
fn fewer_clients(arrival: &Arrival) -> Vec<Arrival> {
    let mut all = Vec::new();
    let mut push = |change: &dyn Fn(&mut Vec<Client>)| {
        let mut smaller = arrival.clone();
        change(&mut smaller.clients);
        if smaller.clients != arrival.clients {
            all.push(smaller);
        }
    };
    for choice in 0..arrival.clients.len() {
        if arrival.clients.len() > 1 {
            push(&|clients| {
                clients.remove(choice);
            });
        }
        push(&|clients| clients[choice].reads_ms = 0);
        push(&|clients| clients[choice].leaves_ms = None);
        push(&|clients| {
            clients[choice].leaves_ms = clients[choice].leaves_ms.map(|ms| ms / 2);
        });
    }
    all
}
