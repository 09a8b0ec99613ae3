//! One request on its way: its tokens so far, and how many of them the KV cache holds.

mod draws;
mod speculated;

use std::sync::Arc;
use std::time::Duration;

use async_channel::Sender;

use crate::cache::Salt;
use crate::constraint::Constrained;
use crate::drafts::DraftCounter;
use crate::event::{Event, FinishReason, TokenLogprobs, Usage};
use crate::origin::{Origin, PromptFlag};
use crate::penalties::Occurrences;
use crate::queue::QueueSlot;
use crate::request::Request;
use crate::sampler::Chosen;
use crate::speculation::{Acceptance, Lookup, Method, Predicted};

/// A client that has so many events to read is waited for.
const MAX_UNREAD: usize = 1024;

/// A request and its answer so far.
#[derive(Debug)]
pub(crate) struct Sequence {
    /// Given by the scheduler: who came first has the lower one.
    pub(crate) arrival: u64,
    request: Request,
    /// The prompt and the answer so far.
    tokens: Vec<u32>,
    prompt_tokens: usize,
    /// Tokens whose keys and values are in the cache.
    computed: usize,
    /// Tokens whose computation was charged to the tenant: a second time costs nothing.
    charged: usize,
    /// Tokens that the answer may have: `max_tokens` or what the context leaves.
    answer_limit: usize,
    /// Until the whole prompt is scored.
    prompt_logprobs: Option<Vec<TokenLogprobs>>,
    /// Of its tokens, whether they are in the KV cache or not: to lose a place changes nothing.
    occurrences: Option<Occurrences>,
    /// The form of its answer, if it must have one. It too follows the tokens alone.
    constrained: Option<Constrained>,
    /// Where its n-grams are, once one was looked for.
    lookup: Option<Lookup>,
    /// What its answer is predicted to say.
    predicted: Option<Predicted>,
    /// Where its last drafts came from.
    method: Method,
    drafts: DraftCounter,
    /// How often drafts are right of late, those that were predicted apart.
    acceptance: Acceptance,
    /// A token that would have been drafted: who is not drafted for is looked at all the same.
    foreseen: Option<u32>,
    events: Sender<Event>,
    salt: Salt,
    prompt: PromptFlag,
    leads: bool,
    submitted: Duration,
    /// Until it begins.
    slot: Option<QueueSlot>,
    /// On what terms its blocks are kept when it ends, once it has begun.
    pub(crate) gap: u64,
    finished: bool,
}

impl Sequence {
    pub(crate) fn new(mut request: Request, origin: Origin, events: Sender<Event>) -> Self {
        let tokens = std::mem::take(&mut request.prompt);
        let prompt_tokens = tokens.len();
        let prediction = request.prediction.take();
        let predicted = prediction.map(|prediction| Predicted::new(prediction, &tokens));
        Self {
            arrival: 0,
            answer_limit: request.limits.max_tokens.min(origin.context - prompt_tokens),
            prompt_logprobs: request.logprobs.prompt.map(|_| Vec::new()),
            constrained: request.constraint.take().map(Constrained::new),
            request,
            tokens,
            prompt_tokens,
            computed: 0,
            charged: 0,
            occurrences: origin.occurrences,
            lookup: None,
            predicted,
            method: Method::Ngram,
            drafts: origin.drafts,
            acceptance: Acceptance::default(),
            foreseen: None,
            events,
            salt: origin.salt,
            prompt: origin.prompt,
            leads: origin.leads,
            submitted: origin.submitted,
            slot: Some(origin.slot),
            gap: 0,
            finished: false,
        }
    }

    pub(crate) fn request(&self) -> &Request {
        &self.request
    }

    pub(crate) fn tenant(&self) -> &Arc<str> {
        &self.request.tenant.name
    }

    pub(crate) fn salt(&self) -> &Salt {
        &self.salt
    }

    /// The prompt and the answer so far.
    pub(crate) fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    pub(crate) fn prompt_tokens(&self) -> usize {
        self.prompt_tokens
    }

    /// Tokens of the answer so far.
    pub(crate) fn answer_tokens(&self) -> usize {
        self.tokens.len() - self.prompt_tokens
    }

    /// Tokens whose keys and values are in the cache.
    pub(crate) fn computed(&self) -> usize {
        self.computed
    }

    /// Tokens that are not in the KV cache yet.
    pub(crate) fn pending(&self) -> usize {
        self.tokens.len() - self.computed
    }

    /// Whether the client has gone.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.events.is_closed()
    }

    /// Whether its deadline has passed.
    pub(crate) fn is_expired(&self, now: Duration) -> bool {
        let deadline = self.request.limits.deadline;
        deadline.is_some_and(|deadline| now.saturating_sub(self.submitted) >= deadline)
    }

    /// Whether the client reads so slowly that its answer would fill the memory.
    pub(crate) fn is_unread(&self) -> bool {
        self.events.len() >= MAX_UNREAD
    }

    /// Whether it may begin, or begin again.
    pub(crate) fn is_ready(&self) -> bool {
        let prompt = self.leads || self.prompt.is_set();
        prompt && self.events.len() < MAX_UNREAD / 2
    }

    /// Whether the cache can stand in for tokens: not for those whose logits are wanted.
    pub(crate) fn may_use_cache(&self) -> bool {
        self.prompt_logprobs.is_none()
    }

    /// It has a place in the KV cache, where the first `found` of its tokens are already. Returns
    /// whether it never had one before.
    pub(crate) fn start(&mut self, found: usize) -> bool {
        self.computed = found;
        let is_first = self.slot.take().is_some();
        if is_first {
            self.charged = found;
            self.send(Event::Started { cached_tokens: found });
        }
        is_first
    }

    /// It has lost its place in the KV cache.
    pub(crate) fn stop(&mut self) {
        self.computed = 0;
        if let Some(scores) = &mut self.prompt_logprobs {
            scores.clear();
        }
    }

    /// How many logits a row of the next `count` pending tokens wants.
    pub(crate) fn wanted_logits(&self, count: usize) -> usize {
        if self.prompt_logprobs.is_some() {
            count
        } else {
            usize::from(count == self.pending() && self.answer_limit > 0)
        }
    }

    /// Takes note that `count` more tokens are computed. Returns how many of them belong to the
    /// prompt and were never computed before.
    pub(crate) fn advance(&mut self, count: usize) -> usize {
        self.computed += count;
        let computed = self.computed.min(self.prompt_tokens);
        let new = computed.saturating_sub(self.charged);
        self.charged += new;
        if self.computed >= self.prompt_tokens {
            self.prompt.set();
        }
        new
    }

    /// Whether the last row's last logits say what comes next.
    fn draws(&self) -> bool {
        self.pending() == 0 && self.answer_limit > 0
    }

    /// Takes in what the jobs gave. Returns why the sequence is over, if it is.
    pub(crate) fn take(&mut self, chosen: Vec<Option<Chosen>>) -> Option<FinishReason> {
        let Some(mut chosen) = chosen.into_iter().collect::<Option<Vec<_>>>() else {
            return Some(FinishReason::Failed("the model computed what is no number".to_owned()));
        };
        let next = if self.draws() { chosen.pop() } else { None };
        if let Some(error) = self.constrained.as_ref().and_then(Constrained::failure) {
            // What was said so far is the beginning of a text with the form, as where there are too
            // few tokens for all of it.
            let begun = self.answer_tokens() > 0;
            let failed = || FinishReason::Failed(error.to_string());
            return Some(if begun { FinishReason::Length } else { failed() });
        }
        if let Some(scores) = &mut self.prompt_logprobs {
            scores.extend(chosen.into_iter().filter_map(|chosen| chosen.logprobs));
        }
        if self.computed >= self.prompt_tokens
            && let Some(all) = self.prompt_logprobs.take()
        {
            self.send(Event::Prompt(all));
        }
        if self.pending() > 0 {
            return None;
        }
        next.map_or(Some(FinishReason::Length), |chosen| self.append(chosen))
    }

    /// Adds a token to the answer.
    fn append(&mut self, Chosen { id, logprobs }: Chosen) -> Option<FinishReason> {
        self.tokens.push(id);
        self.occurrences.iter_mut().for_each(|occurrences| occurrences.add(id));
        self.constrained.iter_mut().for_each(|constrained| constrained.commit(id));
        self.send(Event::Token { id, logprobs });
        if self.stops_at(id) {
            Some(FinishReason::Stop)
        } else if self.answer_tokens() == self.answer_limit {
            Some(FinishReason::Length)
        } else {
            None
        }
    }

    /// Says why it ended, as the last thing that is said.
    pub(crate) fn finish(mut self, reason: FinishReason) {
        self.end(reason);
    }

    fn end(&mut self, reason: FinishReason) {
        self.finished = true;
        let usage =
            Usage { prompt_tokens: self.prompt_tokens, completion_tokens: self.answer_tokens() };
        self.send(Event::Finish { reason, usage });
    }

    fn send(&self, event: Event) {
        // The channel is unbounded, so this fails only if the client has gone: then nobody waits
        // for the event, and the scheduler drops the sequence before the next step.
        let _ = self.events.try_send(event);
    }
}

impl Drop for Sequence {
    fn drop(&mut self) {
        // Whoever loses a sequence by a bug of ours does not leave its client waiting.
        if !self.finished {
            self.end(FinishReason::Failed("the engine lost the request".to_owned()));
        }
        // Whatever became of it, the other choices wait for it no longer.
        if self.leads {
            self.prompt.set();
        }
    }
}
