//! A request of a simulation and the clients who read its answers, as plain data.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use throng_engine::{Limits, Logprobs, Prediction, Request, Sampling, Tenant};

use crate::world::World;

/// A request, when it comes, and what becomes of its streams.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub at_ms: u64,
    pub tenant: usize,
    pub prompt: Vec<u32>,
    pub max_tokens: usize,
    pub stop_tokens: Vec<u32>,
    pub deadline_ms: Option<u64>,
    pub temperature: f32,
    pub seed: u64,
    pub logprobs: Logprobs,
    /// What it says that the answer will be.
    pub prediction: Option<Vec<u32>>,
    /// One for each choice of an answer.
    pub clients: Vec<Client>,
}

/// Who reads one stream of events. Times count from the arrival.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// Reads nothing before.
    pub reads_ms: u64,
    /// Drops the stream: an odd number does so while a step runs, an even one between steps.
    pub leaves_ms: Option<u64>,
}

impl Arrival {
    /// The request as the engine takes it.
    pub fn request(&self, world: &World) -> Request {
        let weight = NonZeroU32::new(world.weights[self.tenant]).expect("weights are positive");
        let name = tenant_name(self.tenant);
        let cache_salt = if world.one_salt { "all".into() } else { name.as_str().into() };
        Request {
            prompt: self.prompt.clone(),
            sampling: Sampling {
                temperature: self.temperature,
                seed: self.seed,
                ..Sampling::default()
            },
            limits: Limits {
                max_tokens: self.max_tokens,
                min_tokens: 0,
                stop_tokens: self.stop_tokens.clone(),
                deadline: self.deadline_ms.map(Duration::from_millis),
            },
            constraint: None,
            prediction: self.prediction.clone().map(|ids| {
                // Behind some tokens it seems to begin anew.
                let openings = vec![Vec::new(), ids.iter().rev().take(2).copied().collect()];
                Arc::new(Prediction { ids, openings })
            }),
            logprobs: self.logprobs,
            tenant: Tenant { name: name.into(), weight },
            cache_salt,
        }
    }
}

/// What a tenant is called.
pub fn tenant_name(tenant: usize) -> String {
    format!("tenant {tenant}")
}

impl fmt::Display for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at_ms, tenant, prompt, max_tokens, temperature, seed, .. } = self;
        write!(
            f,
            "at {at_ms} ms tenant {tenant} asks for {max_tokens} tokens after {} {prompt:?}",
            prompt.len()
        )?;
        if *temperature > 0.0 {
            write!(f, ", temperature {temperature}, seed {seed}")?;
        }
        if !self.stop_tokens.is_empty() {
            write!(f, ", stop at {:?}", self.stop_tokens)?;
        }
        if let Some(deadline_ms) = self.deadline_ms {
            write!(f, ", within {deadline_ms} ms")?;
        }
        if self.logprobs != Logprobs::default() {
            write!(f, ", {:?}", self.logprobs)?;
        }
        if let Some(prediction) = &self.prediction {
            write!(f, ", predicts {prediction:?}")?;
        }
        if self.clients.len() > 1 {
            write!(f, ", {} choices", self.clients.len())?;
        }
        for (choice, client) in self.clients.iter().enumerate() {
            if client.reads_ms > 0 {
                write!(f, "; choice {choice} is not read for {} ms", client.reads_ms)?;
            }
            if let Some(leaves_ms) = client.leaves_ms {
                write!(f, "; choice {choice} is dropped after {leaves_ms} ms")?;
            }
        }
        Ok(())
    }
}
