//! Random arrivals: bursts, shared beginnings, conversations that go on, and people who leave.

use throng_engine::Logprobs;
use throng_testkit::{Random, greedy};

use crate::arrival::{Arrival, Client};
use crate::world::World;

/// What the arrivals of one simulation have in common.
pub struct Traffic<'a> {
    random: &'a mut Random,
    world: &'a World,
    /// Beginnings that many prompts share.
    openings: Vec<Vec<u32>>,
    /// Whether anyone leaves, is slow or has a deadline.
    patient: bool,
    /// Whether tenant 0 sends most of the requests.
    flood: bool,
    earlier: Vec<Arrival>,
}

impl<'a> Traffic<'a> {
    pub fn random(random: &'a mut Random, world: &'a World) -> Self {
        let openings = 1 + random.below(3);
        let openings = (0..openings)
            .map(|_| {
                let length = 1 + random.below(world.positions() / 2);
                tokens(random, world.vocab, length)
            })
            .collect();
        let (patient, flood) = (random.below(3) == 0, random.below(3) == 0);
        Self { random, world, openings, patient, flood, earlier: Vec::new() }
    }

    /// So many arrivals in the order of their times.
    pub fn arrivals(mut self, count: usize) -> Vec<Arrival> {
        let mut at_ms = 0;
        for _ in 0..count {
            // Half of them come in bursts.
            if self.random.below(2) == 0 {
                at_ms += self.random.below(30) as u64;
            }
            let arrival = self.arrival(at_ms);
            self.earlier.push(arrival);
        }
        self.earlier
    }

    /// Many small requests; all tenants have some waiting for most of the time, though they may
    /// begin at different times.
    pub fn rush(mut self) -> Vec<Arrival> {
        self.patient = true;
        let starts: Vec<usize> =
            self.world.weights.iter().map(|_| self.random.below(3) * 40).collect();
        let costs: Vec<usize> = starts.iter().map(|_| 1 + self.random.below(12)).collect();
        let mut arrivals = Vec::new();
        for _ in 0..30 + self.below(30) {
            let mut arrival = self.arrival(0);
            arrival.at_ms = (starts[arrival.tenant] + self.below(30)) as u64;
            arrival.prompt.truncate(20);
            arrival.max_tokens = arrival.max_tokens.min(costs[arrival.tenant]);
            arrivals.push(arrival);
        }
        arrivals.sort_by_key(|arrival| arrival.at_ms);
        arrivals
    }

    /// A few, of whom the first has a long answer and does not read it for long.
    pub fn with_one_unread(mut self) -> Vec<Arrival> {
        let first = self.arrival(0);
        let reads_ms = 1200 + self.below(800) as u64;
        let first = Arrival {
            prompt: self.tokens(9),
            max_tokens: usize::MAX,
            stop_tokens: Vec::new(),
            deadline_ms: None,
            clients: vec![Client { reads_ms, leaves_ms: None }],
            ..first
        };
        let count = self.below(4);
        let mut arrivals = self.arrivals(count);
        arrivals.insert(0, first);
        arrivals
    }

    fn arrival(&mut self, at_ms: u64) -> Arrival {
        let tenants = self.world.weights.len();
        let tenant = if self.flood && self.random.below(4) > 0 { 0 } else { self.below(tenants) };
        let positions = self.world.positions();
        let mut prompt = self.prompt();
        // Some are refused: nothing to continue, no room left, unknown tokens.
        match self.below(60) {
            0 => prompt.clear(),
            1 => prompt.resize(positions + self.below(3), 0),
            2 => prompt.push(self.world.vocab as u32),
            3 => prompt.truncate(positions),
            _ => prompt.truncate((positions - 1).max(1)),
        }
        let choices = if self.below(5) == 0 { 2 + self.below(3) } else { 1 };
        let max_tokens = match self.below(12) {
            0 => 0,
            1 => usize::MAX,
            2 | 3 => self.below(positions),
            _ => 1 + self.below(12),
        };
        let stop_tokens = 0..[0, 0, 1, 2][self.below(4)];
        let stop_tokens = stop_tokens.map(|_| self.below(self.world.vocab) as u32).collect();
        let deadline_ms = (!self.patient && self.below(8) == 0).then(|| self.below(80) as u64);
        let prediction = (self.below(4) == 0).then(|| self.prediction(&prompt));
        Arrival {
            at_ms,
            tenant,
            prompt,
            prediction,
            max_tokens,
            stop_tokens,
            deadline_ms,
            temperature: [0.0, 0.0, 1.0][self.below(3)],
            seed: self.random.bits() % 1000,
            logprobs: Logprobs {
                answer: (self.below(4) == 0).then_some(2),
                prompt: (self.below(8) == 0).then_some(1),
            },
            clients: (0..choices).map(|_| self.client()).collect(),
        }
    }

    /// Much of what the model says, with a few changes, or anything.
    fn prediction(&mut self, prompt: &[u32]) -> Vec<u32> {
        let sound = prompt.iter().all(|&token| (token as usize) < self.world.vocab);
        let length = if sound && !prompt.is_empty() { self.below(30) } else { 0 };
        let mut prediction = greedy(&self.world.script(), prompt, length);
        for _ in 0..self.below(4) {
            let at = self.below(prediction.len() + 1);
            match self.below(2) {
                0 => prediction.insert(at, self.random.below(self.world.vocab) as u32),
                _ => prediction.truncate(at),
            }
        }
        prediction
    }

    fn client(&mut self) -> Client {
        if self.patient {
            return Client::default();
        }
        // Where logits may be no numbers, only the stream tells when an answer has ended.
        let slow = self.below(6) == 0 && self.world.poison == 0;
        let reads_ms = if slow { self.below(200) as u64 } else { 0 };
        let leaves_ms = (self.below(6) == 0).then(|| self.below(60) as u64);
        Client { reads_ms, leaves_ms }
    }

    /// The world is small and its beginnings few, so that many prompts share something.
    fn prompt(&mut self) -> Vec<u32> {
        let length = 1 + self.below(self.world.positions());
        let short = 1 + self.below(20);
        match self.below(8) {
            0 => self.tokens(length),
            1 => self.tokens(short),
            2 | 3 => {
                let opening = self.openings[self.random.below(self.openings.len())].clone();
                [opening, self.tokens(short)].concat()
            }
            4 if !self.earlier.is_empty() => self.earlier().prompt.clone(),
            5 | 6 if !self.earlier.is_empty() => self.next_turn(short),
            _ => self.tokens(length / 2 + 1),
        }
    }

    /// An earlier prompt, what the model says to it, and more.
    fn next_turn(&mut self, more: usize) -> Vec<u32> {
        let earlier = self.earlier().clone();
        let sound = earlier.prompt.iter().all(|&token| (token as usize) < self.world.vocab);
        let said = earlier.max_tokens.min(self.world.positions()).min(40);
        let said = if sound { said } else { 0 };
        let answer = greedy(&self.world.script(), &earlier.prompt, said);
        [earlier.prompt, answer, self.tokens(more)].concat()
    }

    fn earlier(&mut self) -> &Arrival {
        &self.earlier[self.random.below(self.earlier.len())]
    }

    fn tokens(&mut self, count: usize) -> Vec<u32> {
        tokens(self.random, self.world.vocab, count)
    }

    fn below(&mut self, end: usize) -> usize {
        self.random.below(end)
    }
}

fn tokens(random: &mut Random, vocab: usize, count: usize) -> Vec<u32> {
    (0..count).map(|_| random.below(vocab) as u32).collect()
}
