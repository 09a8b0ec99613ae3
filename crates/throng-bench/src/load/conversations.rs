//! Conversations of many turns over one system prompt: what a cache of prefixes saves.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::crew;
use super::error::LoadError;
use super::exchange::Exchange;
use super::prompt;
use super::random::Random;
use super::session::Session;

/// Separates the draws of this scenario from those of others.
const CONVERSATIONS: u64 = u64::MAX - 3;
/// The number of the text that all conversations share.
const SYSTEM: u64 = u64::MAX;

/// Conversations that take turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conversations {
    /// How many there are.
    pub count: usize,
    /// Questions in each.
    pub turns: usize,
    /// Tokens of the system prompt that all share, about.
    pub system_tokens: usize,
    /// Questions that are asked at once, at most.
    pub users: usize,
}

/// One question of one conversation.
#[derive(Debug)]
pub struct Turn {
    /// Which turn of its conversation this is, from 0.
    pub turn: usize,
    /// Tokens of the conversation's prompt one turn before: an endless cache has them all.
    pub before: u64,
    /// What came of it.
    pub exchange: Exchange,
}

/// What was measured.
#[derive(Debug)]
pub struct Talk {
    /// Tokens of the shared system prompt, about.
    pub system_tokens: u64,
    /// How many conversations there were.
    pub conversations: usize,
    /// Every question, in the order of their answers.
    pub turns: Vec<Turn>,
    /// From the first question to the last answer.
    pub elapsed: Duration,
    /// How often the peer said that it was full, and was asked again later.
    pub refusals: usize,
}

/// Where a conversation stands.
struct Conversation {
    number: u64,
    turn: usize,
    messages: Vec<Value>,
    before: u64,
}

impl Session {
    /// Holds all conversations: each is continued with the server's own answer, and they take turns
    /// in a circle. One whose question fails is over. `each` sees every turn.
    ///
    /// # Errors
    /// There is no thread for so many users.
    pub fn talk(
        &self,
        plan: Conversations,
        mut each: impl FnMut(&Turn),
    ) -> Result<Talk, LoadError> {
        let circle: VecDeque<Conversation> =
            (0..plan.count).map(|number| self.opening(plan, number as u64)).collect();
        let circle = Mutex::new(circle);
        let mut talk = Talk {
            system_tokens: (self.words.per_word * self.system_words(plan) as f64) as u64,
            conversations: plan.count,
            turns: Vec::new(),
            elapsed: Duration::ZERO,
            refusals: 0,
        };
        let start = Instant::now();
        // With no more users than conversations, whoever is without one finds one in the circle
        // until only those that others hold are left.
        let users = plan.users.min(plan.count);
        let user = |_, sender: &Sender<(Turn, usize)>| self.converse(plan, &circle, sender);
        crew::run(&self.client, users, &self.stop, user, |(turn, refusals)| {
            each(&turn);
            let end = turn.exchange.sent + turn.exchange.total;
            talk.elapsed = talk.elapsed.max(end.saturating_duration_since(start));
            talk.refusals += refusals;
            talk.turns.push(turn);
        })?;
        Ok(talk)
    }

    /// One user: takes the next conversation of the circle, asks, and puts it back at its end.
    fn converse(
        &self,
        plan: Conversations,
        circle: &Mutex<VecDeque<Conversation>>,
        sender: &Sender<(Turn, usize)>,
    ) {
        let circle = || circle.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let next = circle().pop_front();
            let Some(mut conversation) = next.filter(|_| !self.client.is_hung_up()) else { return };
            let (number, turn) = (conversation.number, conversation.turn);
            conversation.messages.push(self.question(number, turn));
            let seed = self.workload.draw_seed(CONVERSATIONS, number * 1000 + turn as u64);
            let body = self.workload.chat(json!(conversation.messages), seed);
            let key = self.workload.key(number as usize);
            let (mut exchange, refusals) = self.insist(&body, key);
            let content = std::mem::take(&mut exchange.content);
            let usage = exchange.usage.unwrap_or_default();
            let go_on = exchange.is_complete() && turn + 1 < plan.turns;
            let before = std::mem::replace(&mut conversation.before, usage.prompt);
            // Where a thread could not be had, nobody gathers any more.
            let _ = sender.send((Turn { turn, before, exchange }, refusals));
            if go_on {
                conversation.messages.push(json!({ "role": "assistant", "content": content }));
                conversation.turn += 1;
                circle().push_back(conversation);
            }
        }
    }

    fn opening(&self, plan: Conversations, number: u64) -> Conversation {
        let mut random = Random::new(self.workload.seed, &[CONVERSATIONS, SYSTEM]);
        let text = prompt::words(&mut random, self.system_words(plan));
        let messages = vec![json!({ "role": "system", "content": text })];
        Conversation { number, turn: 0, messages, before: 0 }
    }

    fn system_words(&self, plan: Conversations) -> usize {
        (plan.system_tokens as f64 / self.words.per_word).round() as usize
    }

    fn question(&self, number: u64, turn: usize) -> Value {
        let words = (self.workload.prompt_tokens as f64 / self.words.per_word).round() as usize;
        let purpose = [CONVERSATIONS, number, turn as u64];
        let mut random = Random::new(self.workload.seed, &purpose);
        json!({ "role": "user", "content": prompt::words(&mut random, words.max(1)) })
    }
}
