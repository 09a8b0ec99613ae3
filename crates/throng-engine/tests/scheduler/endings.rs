//! Deadlines, and clients that do not read.

use super::machine::*;

#[test]
fn a_deadline_ends_what_runs_and_what_waits() {
    let config = EngineConfig { max_sequences: 1, ..EngineConfig::default() };
    let mut machine = Machine::new(config, blocks(64, 64));
    let late = |seed| {
        let mut request = request(&prompt(seed, 20), 100);
        request.limits.deadline = Some(Duration::from_secs(10));
        request
    };
    let (running, waiting) = (machine.submit(&late(1)), machine.submit(&late(2)));
    machine.run();
    let (running, waiting) = (events(running), events(waiting));
    assert_eq!((answer(&running).len(), reason(&running)), (9, &FinishReason::Expired));
    assert_eq!((waiting.len(), reason(&waiting)), (1, &FinishReason::Expired));
    assert_eq!(machine.scheduler.stats().finished.expired, 2);
}

#[test]
fn a_client_that_does_not_read_makes_way_until_it_does() {
    let tiny = TinyGptOss { vocab: VOCAB, context: 4096, window: WINDOW, ..Default::default() };
    let spec = ModelSpec::from_config(&tiny.config()).unwrap();
    let config = EngineConfig { max_sequences: 1, ..EngineConfig::default() };
    let mut machine = Machine {
        scheduler: Scheduler::new(&spec, blocks(256, 64), config).unwrap(),
        runner: ScriptedRunner::new(spec, blocks(256, 64)),
        now: Duration::ZERO,
    };
    let mut sleeper = machine.submit(&request(&prompt(1, 20), 3000));
    while machine.step() {}
    assert!(!machine.scheduler.is_idle(), "it waits for its client");
    assert_eq!(machine.scheduler.stats().full.used, 0);
    let other = machine.answer_beside(&request(&prompt(2, 20), 5));
    assert_eq!(answer(&other).len(), 5);
    let mut seen = Vec::new();
    loop {
        seen.extend(std::iter::from_fn(|| sleeper.try_next()));
        if !machine.step() && machine.scheduler.is_idle() {
            break;
        }
    }
    seen.extend(events(sleeper));
    assert_eq!((answer(&seen).len(), reason(&seen)), (3000, &FinishReason::Length));
}
