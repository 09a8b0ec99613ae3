//! A hub on this machine: it speaks the protocol of the Hugging Face hub, sends large files from
//! another host as the real one does, and fails when it is told to.

mod http;
mod repo;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{Answer, Asked};
pub use repo::{HubFile, HubRepo};

/// What goes wrong with an answer.
#[derive(Clone, Debug)]
pub enum HubFault {
    /// This status with these headers in place of an answer.
    Status(u16, Vec<(&'static str, String)>),
    /// The connection breaks after so many bytes of the body.
    Cut(usize),
    /// After so many bytes of the body nothing comes any more, until the client goes away.
    Stall(usize),
    /// The first byte of the body is another one.
    Corrupt,
    /// A range that was asked for is ignored.
    NoRange,
    /// As [`HubFault::NoRange`], and the connection breaks after so many bytes.
    NoRangeAndCut(usize),
}

/// A request that came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// `GET` or `HEAD`.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The header `Range`.
    pub range: Option<String>,
    /// The header `Authorization`.
    pub authorization: Option<String>,
    /// Whether it came to the host of the large files.
    pub at_cdn: bool,
    /// Bytes of the body that was sent.
    pub sent_bytes: usize,
}

#[derive(Default)]
struct State {
    repos: BTreeMap<String, HubRepo>,
    /// A part of a path, a fault, and how many requests it still strikes.
    faults: Vec<(String, HubFault, usize)>,
    seen: Vec<Seen>,
}

/// The hub. It answers until the program ends.
pub struct FakeHub {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl FakeHub {
    /// A hub with one repository.
    pub fn with(name: &str, repo: HubRepo) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        lock(&state).repos.insert(name.to_owned(), repo);
        let shared = state.clone();
        let cdn = http::serve(move |asked| answer(&shared, &asked, None));
        let shared = state.clone();
        let address = http::serve(move |asked| answer(&shared, &asked, Some(cdn)));
        Self { address, state }
    }

    /// What `HF_ENDPOINT` is to be.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Replaces or adds a repository.
    pub fn put(&self, name: &str, repo: HubRepo) {
        lock(&self.state).repos.insert(name.to_owned(), repo);
    }

    /// The next `times` requests whose path contains `part` meet this fault. Large files have paths
    /// that begin with `/cdn/`.
    pub fn fail(&self, part: &str, fault: HubFault, times: usize) {
        lock(&self.state).faults.push((part.to_owned(), fault, times));
    }

    /// The requests since the last call.
    pub fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut lock(&self.state).seen)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers a request to the hub, which knows where the large files are, or to that place itself.
fn answer(state: &Mutex<State>, asked: &Asked, cdn: Option<SocketAddr>) -> Answer {
    let mut state = lock(state);
    let struck = state
        .faults
        .iter_mut()
        .find(|(part, _, times)| asked.path.contains(part.as_str()) && *times > 0);
    let fault = struck.map(|(_, fault, times)| {
        *times -= 1;
        fault.clone()
    });
    let mut answer = match &fault {
        Some(HubFault::Status(status, headers)) => {
            let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
            Answer { status: *status, headers: headers.collect(), ..Answer::default() }
        }
        _ => {
            let range = asked
                .header("range")
                .filter(|_| !matches!(fault, Some(HubFault::NoRange | HubFault::NoRangeAndCut(_))));
            repo::answer(&state.repos, asked, range, cdn)
        }
    };
    match fault {
        Some(HubFault::Cut(bytes) | HubFault::NoRangeAndCut(bytes)) => answer.cut = Some(bytes),
        Some(HubFault::Stall(bytes)) => (answer.cut, answer.stalls) = (Some(bytes), true),
        Some(HubFault::Corrupt) => {
            if let Some(byte) = answer.body.first_mut() {
                *byte ^= 1;
            }
        }
        _ => {}
    }
    let sent_bytes = answer.cut.unwrap_or(usize::MAX).min(answer.body.len());
    state.seen.push(Seen {
        method: asked.method.clone(),
        path: asked.path.clone(),
        range: asked.header("range").map(str::to_owned),
        authorization: asked.header("authorization").map(str::to_owned),
        at_cdn: cdn.is_none(),
        sent_bytes: if asked.method == "HEAD" { 0 } else { sent_bytes },
    });
    answer
}
