//! Who is served when: shares of tenants.

use super::machine::*;

/// Steps until a single question is answered that comes after 200 prompts of someone else.
fn steps_of_a_question(fair_share: bool) -> usize {
    let config = EngineConfig { fair_share, max_sequences: 8, ..EngineConfig::default() };
    let mut machine = Machine::new(config, blocks(200, 100));
    let flood: Vec<_> = (0..200)
        .map(|seed| machine.submit(&of_tenant("many", 1, request(&prompt(seed, 60), 40))))
        .collect();
    for _ in 0..5 {
        machine.step();
    }
    let mut question = machine.submit(&of_tenant("one", 1, request(&prompt(300, 60), 10)));
    let steps = (1..).find(|_| {
        machine.step();
        std::iter::from_fn(|| question.try_next())
            .any(|event| matches!(event, Event::Finish { .. }))
    });
    machine.run();
    for stream in flood {
        assert_eq!(reason(&events(stream)), &FinishReason::Length);
    }
    steps.unwrap()
}

#[test]
fn one_question_does_not_wait_for_two_hundred() {
    let steps = steps_of_a_question(true);
    assert!(steps <= 12, "{steps} steps, alone it would be 10");
    assert!(steps_of_a_question(false) > 500);
}

#[test]
fn tenants_are_served_by_their_weights() {
    let config = EngineConfig { max_sequences: 4, ..EngineConfig::default() };
    let mut machine = Machine::new(config, blocks(200, 100));
    let streams: Vec<_> = (0..120)
        .map(|seed| {
            let (name, weight) = if seed < 60 { ("light", 1) } else { ("heavy", 3) };
            machine.submit(&of_tenant(name, weight, request(&prompt(seed, 20), 20)))
        })
        .collect();
    for _ in 0..200 {
        machine.step();
    }
    let tokens: Vec<u64> =
        machine.scheduler.stats().tenants.iter().map(|tenant| tenant.generated_tokens).collect();
    let ratio = tokens[0] as f64 / tokens[1] as f64;
    assert!((2.8..3.2).contains(&ratio), "heavy had {} and light {}", tokens[0], tokens[1]);
    machine.run();
    drop(streams);
}

#[test]
fn one_long_answer_earns_no_credit_for_a_flood() {
    let config = EngineConfig { max_sequences: 8, ..EngineConfig::default() };
    let mut machine = Machine::new(config, blocks(400, 100));
    let mut streams = vec![machine.submit(&of_tenant("slow", 1, request(&prompt(500, 20), 400)))];
    let flood = |machine: &mut Machine, name: &str, seeds: std::ops::Range<usize>| {
        seeds
            .map(|seed| machine.submit(&of_tenant(name, 1, request(&prompt(seed, 20), 20))))
            .collect::<Vec<_>>()
    };
    streams.extend(flood(&mut machine, "busy", 0..150));
    for _ in 0..200 {
        machine.step();
    }
    streams.extend(flood(&mut machine, "slow", 150..250));
    let tokens = |machine: &Machine| -> Vec<u64> {
        machine.scheduler.stats().tenants.iter().map(|tenant| tenant.generated_tokens).collect()
    };
    // What "busy" still has in flight when the others come is not counted against it yet.
    for _ in 0..50 {
        machine.step();
    }
    let before = tokens(&machine);
    for _ in 0..200 {
        machine.step();
    }
    let after = tokens(&machine);
    let (busy, slow) = (after[0] - before[0], after[1] - before[1]);
    assert!(busy * 4 > slow * 3 && slow * 4 > busy * 3, "busy had {busy} and slow {slow}");
    machine.run();
    drop(streams);
}
