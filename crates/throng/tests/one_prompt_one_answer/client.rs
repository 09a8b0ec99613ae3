//! Sixty-four clients, no two alike: conversations of all kinds and lengths, efforts, seeds,
//! temperatures and filters, some that score, some that want several choices, some that are held to a
//! form, some that leave.

use std::num::NonZeroU32;
use std::sync::Arc;

use throng_chat::{Chat, Conversation, Effort, Message};
use throng_engine::{
    Engine, EventStream, Limits, Logprobs, Penalties, Prediction, Request, Sampling, Tenant,
};
use throng_model::BLOCK_TOKENS;
use throng_testkit::Random;

use crate::answer::Answer;
use crate::held;

/// What one client asks for and does.
pub struct Client {
    /// What it asks for.
    pub request: Request,
    /// How many answers it wants.
    pub choices: usize,
    /// It goes after so many tokens.
    pub leaves_after: Option<usize>,
}

/// How much the clients ask for.
#[derive(Clone, Copy)]
pub struct Sizes {
    /// Tokens left out at the beginning of every chat, which is the same for all.
    pub skipped: usize,
    /// Words of long texts; few are five times as long.
    pub words: usize,
    /// Tokens of the longest answers.
    pub answer: usize,
}

impl Client {
    /// Asks.
    pub fn submit(&self, engine: &Engine) -> Vec<EventStream> {
        engine.submit_all(std::slice::from_ref(&self.request), self.choices).unwrap()
    }

    /// Asks for one choice after the other, as if they were different requests.
    pub fn ask_one_by_one(&self, engine: &Engine) -> Vec<Answer> {
        let choices = 0..self.choices as u64;
        let answers = choices.map(|choice| {
            let mut request = Request { prediction: None, ..self.request.clone() };
            request.sampling.seed = request.sampling.seed_of_choice(choice);
            Answer::read(engine.submit(request).unwrap(), self.leaves_after)
        });
        answers.collect()
    }

    /// Positions of the prompt and what is read of the answer.
    pub fn reach(&self) -> usize {
        let answer = self.leaves_after.unwrap_or(self.request.limits.max_tokens);
        self.request.prompt.len() + answer
    }

    /// Tokens of the prompt that can come out of the prefix cache: those of full blocks, if none
    /// is to be scored, and not the last, which the first token of the answer comes from.
    pub fn cacheable(&self) -> usize {
        match self.request.logprobs.prompt {
            Some(_) => 0,
            None => (self.request.prompt.len() - 1) / BLOCK_TOKENS * BLOCK_TOKENS,
        }
    }

    /// Reads what it is answered.
    pub fn read(&self, streams: Vec<EventStream>) -> Vec<Answer> {
        streams.into_iter().map(|stream| Answer::read(stream, self.leaves_after)).collect()
    }
}

/// The clients of every test; `index` decides what kind each is, the seed all else.
pub fn clients(chat: &Chat, sizes: Sizes) -> Vec<Client> {
    let mut random = Random::new(20_261_122);
    let clients = (0..64).map(|index| client(chat, sizes, index, &mut random));
    clients.collect()
}

fn client(chat: &Chat, sizes: Sizes, index: usize, random: &mut Random) -> Client {
    let leaves_after = (index % 13 == 5).then(|| 1 + random.below(sizes.answer - 1));
    let scores_alone = index % 16 == 7;
    let max_tokens = match leaves_after {
        _ if scores_alone => 0,
        Some(_) => usize::MAX,
        None => 1 + random.below(sizes.answer),
    };
    // Who leaves would otherwise be answered for ever.
    let stop_tokens = if leaves_after.is_some() { &[] } else { chat.stop_tokens() };
    let logprobs = Logprobs {
        answer: [None, Some(0), Some(5), Some(1)][index % 4],
        prompt: (scores_alone || index % 9 == 4).then_some(index % 3),
    };
    let tenant = format!("tenant {}", index % 5);
    let prompt = prompt(chat, sizes, index, random);
    let request = Request {
        prediction: (index % 3 == 1).then(|| prediction(&prompt)),
        prompt,
        sampling: sampling(index, random),
        limits: Limits {
            max_tokens,
            min_tokens: [0, 0, 12][index % 3],
            stop_tokens: stop_tokens.to_vec(),
            deadline: None,
        },
        // Who leaves is told when, so its answer must not end before.
        constraint: if leaves_after.is_none() { held::constraint(chat, index) } else { None },
        logprobs,
        // Some keep their prefixes to themselves.
        cache_salt: if index % 5 < 2 { (*tenant).into() } else { "all".into() },
        tenant: Tenant {
            name: tenant.into(),
            weight: NonZeroU32::new(1 + index as u32 % 3).unwrap(),
        },
    };
    let choices = if index % 11 == 2 { 3 } else { 1 };
    Client { request, choices, leaves_after }
}

/// What an answer never says as a whole, and at times in parts: its own prompt.
fn prediction(prompt: &[u32]) -> Arc<Prediction> {
    Arc::new(Prediction { ids: prompt.to_vec(), openings: vec![Vec::new()] })
}

fn sampling(index: usize, random: &mut Random) -> Sampling {
    let mut pick = |from: &[f32]| from[random.below(from.len())];
    let none = Penalties::default();
    let penalties = match index % 7 {
        1 => Penalties { repetition: 1.2, ..none },
        3 => Penalties { frequency: 0.7, presence: -0.4, ..none },
        6 => Penalties { repetition: 1.1, frequency: -0.1, presence: 0.5 },
        _ => none,
    };
    let biases = (0..index as u32 % 6).map(|nth| (40 * nth + index as u32, nth as f32 - 3.0));
    Sampling {
        logit_bias: if index % 4 == 1 { biases.collect() } else { Arc::default() },
        penalties,
        temperature: [0.0, 0.6, 1.0, 1.5, 0.2][index % 5],
        top_p: pick(&[1.0, 1.0, 0.95, 0.5]),
        min_p: pick(&[0.0, 0.0, 0.02]),
        top_k: pick(&[0.0, 0.0, 40.0, 3.0]) as usize,
        seed: random.bits(),
    }
}

fn prompt(chat: &Chat, sizes: Sizes, index: usize, random: &mut Random) -> Vec<u32> {
    let effort = [Effort::Low, Effort::Medium, Effort::High][index % 3];
    let user = |text| Message::User(text);
    let messages = match index % 8 {
        // The same question by all, with other efforts and seeds.
        0 => vec![user("What is 37 * 48?".to_owned())],
        // Long instructions that are the same for all.
        1 | 4 => {
            let instructions = words(sizes.words, &mut Random::new(1));
            vec![Message::Instructions(instructions), user(question(random))]
        }
        // One conversation, each time a turn further.
        2 => turns(1 + index / 8, sizes, &mut Random::new(2)),
        3 if index % 24 == 3 => vec![user(words(5 * sizes.words, random))],
        3 => vec![user(words(1 + random.below(sizes.words), random))],
        // No chat, and as many tokens as fill blocks, or nearly so.
        5 => {
            let ids = chat.tokenizer().encode(&words(64, random)).unwrap();
            return ids[..[1, 2, 15, 16, 17, 31, 32, 48][index / 8]].to_vec();
        }
        _ => vec![user(question(random))],
    };
    let conversation = Conversation { messages, effort, ..Conversation::default() };
    chat.render(&conversation).unwrap().ids.split_off(sizes.skipped)
}

/// A conversation of so many turns of the person.
fn turns(count: usize, sizes: Sizes, random: &mut Random) -> Vec<Message> {
    let mut messages = vec![Message::User(question(random))];
    for _ in 1..count {
        messages.push(Message::Assistant {
            reasoning: None,
            content: words(1 + random.below(sizes.words / 6), random),
            tool_calls: Vec::new(),
        });
        messages.push(Message::User(question(random)));
    }
    messages
}

fn question(random: &mut Random) -> String {
    let (a, b) = (random.below(900), random.below(90));
    match random.below(3) {
        0 => format!("What is {a} + {b}?"),
        1 => format!("{a} times {b}, please."),
        _ => format!("Why is {} read once for {b} users?", words(3, random)),
    }
}

fn words(count: usize, random: &mut Random) -> String {
    const WORDS: [&str; 12] = [
        "weights", "of", "the", "cache", "many", "tokens", "an", "expert", "is", "window", "in",
        "blocks",
    ];
    let words: Vec<_> = (0..count).map(|_| WORDS[random.below(WORDS.len())]).collect();
    words.join(" ")
}
