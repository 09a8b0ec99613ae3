//! What is computed once and what is computed again: the prefix cache, choices and preemption.

use super::machine::*;

#[test]
fn what_was_computed_is_found_again_up_to_the_last_whole_block() {
    let mut machine = Machine::new(EngineConfig::default(), blocks(64, 64));
    let first = request(&prompt(1, 100), 20);
    let alone = machine.answer(&first);
    assert_eq!(cached_tokens(&alone), 0);
    let again = machine.answer(&first);
    assert_eq!((cached_tokens(&again), answer(&again)), (96, answer(&alone)));

    // A conversation goes on where the answer ended: 119 of its tokens were computed.
    let turn = [&first.prompt[..], &answer(&alone), &prompt(2, 30)].concat();
    assert_eq!(cached_tokens(&machine.answer(&request(&turn, 1))), 112);

    let other_salt = Request { cache_salt: "other".into(), ..first.clone() };
    assert_eq!(cached_tokens(&machine.answer(&other_salt)), 0);
    let scored = Logprobs { prompt: Some(0), answer: None };
    assert_eq!(cached_tokens(&machine.answer(&Request { logprobs: scored, ..first })), 0);
    let stats = machine.scheduler.stats();
    assert_eq!((stats.full.used, stats.window.used), (0, 0));
    assert_eq!(stats.cached_tokens, 96 + 112);

    let config = EngineConfig { prefix_cache: false, ..EngineConfig::default() };
    let mut forgetful = Machine::new(config, blocks(64, 64));
    for _ in 0..2 {
        let events = forgetful.answer(&request(&prompt(1, 100), 20));
        assert_eq!((cached_tokens(&events), answer(&events)), (0, answer(&alone)));
    }
    assert_eq!(forgetful.scheduler.stats().full.cached, 0);
}

#[test]
fn prompts_that_turn_off_a_common_way_are_cached_from_the_third_on() {
    // Few blocks for windows: after other prompts, those in the middle of this one are gone.
    let mut machine = Machine::new(EngineConfig::default(), blocks(256, 24));
    let common = prompt(3, 160);
    let turning = |seed| request(&[&common[..], &prompt(seed, 40)].concat(), 4);
    let cached: Vec<usize> = (10..14)
        .map(|seed| {
            machine.answer(&request(&prompt(seed + 100, 300), 4));
            cached_tokens(&machine.answer(&turning(seed)))
        })
        .collect();
    assert_eq!(cached, [0, 0, 160, 160]);
}

#[test]
fn choices_share_their_prompt_and_draw_with_seeds_of_their_own() {
    for prefix_cache in [true, false] {
        let config = EngineConfig { prefix_cache, ..EngineConfig::default() };
        let mut machine = Machine::new(config, blocks(64, 64));
        let request = request(&prompt(4, 100), 12);
        let streams = machine.scheduler.submit(&request, 4, machine.now).unwrap();
        machine.run();
        let stats = machine.scheduler.stats();
        assert_eq!(stats.prompt_tokens, 100 + 3 * 4, "three found all whole blocks");
        for (choice, stream) in streams.into_iter().enumerate() {
            let seed = request.sampling.seed_of_choice(choice as u64);
            let sampling = Sampling { seed, ..Sampling::default() };
            let alone = Request { sampling, ..request.clone() };
            assert_eq!(answer(&events(stream)), answer(&machine.answer(&alone)));
        }
    }
}

#[test]
fn who_loses_its_place_gives_the_same_answer() {
    for prefix_cache in [true, false] {
        let config = EngineConfig { prefix_cache, ..EngineConfig::default() };
        let requests: Vec<Request> = (0..12)
            .map(|seed| Request {
                logprobs: Logprobs { answer: Some(2), prompt: (seed % 3 == 0).then_some(1) },
                ..request(&prompt(seed, 20 + 9 * seed), 100)
            })
            .collect();
        let mut alone = Machine::new(config, blocks(64, 64));
        let expected: Vec<_> = requests.iter().map(|request| alone.answer(request)).collect();
        let mut crowd = Machine::new(config, blocks(20, 40));
        let streams: Vec<_> = requests.iter().map(|request| crowd.submit(request)).collect();
        crowd.run();
        assert!(crowd.scheduler.stats().preemptions > 5, "{:?}", crowd.scheduler.stats());
        for (stream, expected) in streams.into_iter().zip(&expected) {
            assert_eq!(&events(stream)[1..], &expected[1..]);
        }
    }
}

#[test]
fn a_prompt_that_is_asked_often_stays_among_those_that_come_once() {
    let mut machine = Machine::new(EngineConfig::default(), blocks(64, 48));
    let often = request(&prompt(7, 200), 20);
    machine.answer(&often);
    for seed in 0..40 {
        machine.answer(&request(&prompt(1000 + 13 * seed, 150), 20));
        assert_eq!(cached_tokens(&machine.answer(&often)), 192, "after {seed} others");
    }
}
