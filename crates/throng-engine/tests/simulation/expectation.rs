//! What a request must get: what it gets alone, which in turn must be what the script says.

use std::mem::ManuallyDrop;
use std::time::Duration;

use throng_engine::{Event, FinishReason, Scheduler, TokenLogprobs, Usage, logprobs};
use throng_model::Runner;
use throng_testkit::ScriptedRunner;

use crate::arrival::Arrival;
use crate::world::World;

/// The events of each choice, `Started` left out, if nobody else is there and it has all the time
/// in the world.
pub fn alone(world: &World, arrival: &Arrival) -> Vec<Vec<Event>> {
    let quiet = world.alone();
    let script = Box::new(world.script());
    let mut runner = ScriptedRunner::with_script(quiet.spec(), quiet.blocks(), script);
    let scheduler = Scheduler::new(&quiet.spec(), quiet.blocks(), quiet.config);
    // Left alone by a panic, as in a simulation.
    let mut scheduler = ManuallyDrop::new(scheduler.expect("there is room"));
    let mut request = arrival.request(world);
    (request.limits.deadline, request.prediction) = (None, None);
    // The crowd's pool may hold less than the model's context.
    request.limits.max_tokens =
        arrival.max_tokens.min(world.positions().saturating_sub(arrival.prompt.len()));
    let choices = arrival.clients.len();
    let mut streams =
        scheduler.submit(&request, choices, Duration::ZERO).expect("it was accepted before");
    let mut answers = vec![Vec::new(); choices];
    loop {
        let step = scheduler.next_step(Duration::ZERO);
        // Nobody who does not read gets more than so much.
        for (stream, events) in streams.iter_mut().zip(&mut answers) {
            events.extend(std::iter::from_fn(|| stream.try_next()));
        }
        if step.batch.rows.is_empty() {
            break;
        }
        let logits = runner.run(&step.batch).expect("nothing fails here");
        scheduler.on_step_done(&step, logits);
    }
    drop(ManuallyDrop::into_inner(scheduler));
    for events in &mut answers {
        // Choices share the blocks of their prompt.
        let started = matches!(events.remove(0), Event::Started { .. });
        assert!(started, "alone: the first event");
        check_against_script(world, arrival, events);
    }
    answers
}

/// Checks an answer with the script alone, knowing nothing of schedulers.
fn check_against_script(world: &World, arrival: &Arrival, events: &[Event]) {
    let script = world.script();
    let mut history = arrival.prompt.clone();
    let mut events = events.iter();
    let limit = arrival.max_tokens.min(world.positions() - history.len());
    if let Some(top) = arrival.logprobs.prompt {
        // The last logits predict the answer: without one nobody looks at them.
        let scored = history.len() - usize::from(limit == 0);
        let scores: Option<Vec<TokenLogprobs>> = (0..scored)
            .map(|last| sound(script(&history[..=last])).map(|logits| (last, logits)))
            .map(|scored| {
                let (last, logits) = scored?;
                let next = history.get(last + 1).copied().unwrap_or(0);
                Some(logprobs(&logits, next, top))
            })
            .collect();
        let Some(mut scores) = scores else { return failed(events.next(), &history, 0) };
        scores.truncate(history.len() - 1);
        assert_eq!(events.next(), Some(&Event::Prompt(scores)), "the prompt's logprobs");
    }
    let mut said = 0;
    let reason = loop {
        if said == limit {
            break FinishReason::Length;
        }
        let Some(logits) = sound(script(&history)) else {
            return failed(events.next(), &arrival.prompt, said);
        };
        let Some(Event::Token { id, logprobs: scores }) = events.next() else {
            panic!("{said} tokens are too few alone");
        };
        let expected = arrival.logprobs.answer.map(|top| logprobs(&logits, *id, top));
        assert_eq!(scores, &expected, "the logprobs of token {said}");
        let best = logits.iter().all(|logit| *logit <= logits[*id as usize]);
        assert!(best || arrival.temperature > 0.0, "token {said} is not the most probable");
        history.push(*id);
        said += 1;
        if arrival.stop_tokens.contains(id) {
            break FinishReason::Stop;
        }
    };
    let usage = Usage { prompt_tokens: arrival.prompt.len(), completion_tokens: said };
    assert_eq!(events.next(), Some(&Event::Finish { reason, usage }), "alone");
    assert_eq!(events.next(), None, "alone, after the finish");
}

/// Logits without NaN, or none.
fn sound(logits: Vec<f32>) -> Option<Vec<f32>> {
    logits.iter().all(|logit| logit.is_finite()).then_some(logits)
}

fn failed(event: Option<&Event>, prompt: &[u32], said: usize) {
    let Some(Event::Finish { reason: FinishReason::Failed(_), usage }) = event else {
        panic!("{event:?} where the model computed what is no number");
    };
    let expected = Usage { prompt_tokens: prompt.len(), completion_tokens: said };
    assert_eq!(usage, &expected, "alone");
}
