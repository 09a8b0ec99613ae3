//! Predicted answers, right or wrong, beside every other source of drafts: the answer is the same.

use std::thread;

use throng_engine::{
    Drafter, Engine, EngineConfig, Event, Method, Ngram, Prediction, Request, Speculation,
    SubmitError,
};

use super::{VOCAB, answer, by_model, ids, model, request, wrong};

/// Always as many drafts as there may be, of predictions alone: no text has such n-grams twice.
fn eager() -> Option<Speculation> {
    let drafter = Drafter::Ngram(Ngram { min: 64, max: 64 });
    Some(Speculation { drafter, tokens: 1, adaptive: false })
}

fn predicting(request: &Request, ids: &[u32]) -> Request {
    let prediction = Prediction { ids: ids.to_vec(), openings: vec![Vec::new()] };
    Request { prediction: Some(prediction.into()), ..request.clone() }
}

#[test]
fn a_right_prediction_saves_steps_whatever_else_drafts() {
    for temperature in [0.0, 1.0] {
        let plain = request(temperature, 61);
        let (expected, _) = answer(None, None, &plain);
        let predicted = predicting(&plain, &ids(&expected));
        let (events, stats) = answer(eager(), None, &predicted);
        assert_eq!(events, expected);
        // The first step reads the prompt; 16 drafts and one more token are a step.
        assert_eq!(stats.steps, 1 + 60_u64.div_ceil(17));
        assert_eq!(stats.speculation.total(), stats.speculation.by_method[Method::Prediction]);
        // Where the operator has set nothing, and where a model is always wrong.
        for (speculation, draft) in [(None, None), (by_model(3), Some(wrong()))] {
            let (events, stats) = answer(speculation, draft, &predicted);
            assert_eq!(events, expected);
            let drafts = &stats.speculation.by_method[Method::Prediction];
            assert!(drafts.accepted_tokens > 0, "{drafts:?}");
            assert_eq!(drafts.accepted_tokens, drafts.drafted_tokens, "all of it is right");
        }
    }
}

#[test]
fn a_wrong_prediction_changes_nothing() {
    let plain = request(1.0, 61);
    let (expected, _) = answer(None, None, &plain);
    let wrong: Vec<u32> = ids(&expected).iter().map(|id| (id + 1) % VOCAB as u32).collect();
    for speculation in [None, eager()] {
        let (events, stats) = answer(speculation, None, &predicting(&plain, &wrong));
        assert_eq!(events, expected);
        assert!(stats.speculation.total().drafts > 0);
    }
    let (events, stats) = answer(eager(), None, &predicting(&plain, &[]));
    assert_eq!((events, stats.speculation.total().drafts), (expected, 0));
}

#[test]
fn behind_each_change_the_prediction_is_found_again() {
    let plain = request(0.0, 61);
    let (expected, _) = answer(None, None, &plain);
    let mut edited = ids(&expected);
    // In the answer five tokens are there that nobody foresaw, three are not, and one is another.
    edited.drain(40..45);
    edited.splice(20..20, [3, 1, 4]);
    edited[10] = (edited[10] + 1) % VOCAB as u32;
    let (events, stats) = answer(eager(), None, &predicting(&plain, &edited));
    assert_eq!(events, expected);
    let drafts = stats.speculation.total();
    assert!(drafts.accepted_tokens >= 40, "{drafts:?}");
    assert!(stats.steps < 20, "{} steps", stats.steps);
}

#[test]
fn what_is_not_predicted_is_drafted_as_always() {
    let plain = request(1.0, 61);
    let (expected, _) = answer(None, None, &plain);
    let half = predicting(&plain, &ids(&expected)[..30]);
    let (events, stats) = answer(by_model(4), Some(model()), &half);
    assert_eq!(events, expected);
    let of = |method| &stats.speculation.by_method[method];
    let (predicted, drafted) = (of(Method::Prediction), of(Method::DraftModel));
    assert_eq!(predicted.accepted_tokens, predicted.drafted_tokens);
    assert_eq!(drafted.accepted_tokens, drafted.drafted_tokens, "it has read what was predicted");
    assert!(predicted.accepted_tokens >= 25 && drafted.accepted_tokens >= 20, "{stats:?}");
    // A model that has failed takes no prediction with it.
    let (events, stats) = answer(by_model(4), Some(model().failing_after(0)), &half);
    assert_eq!(events, expected);
    let of = |method| &stats.speculation.by_method[method];
    assert_eq!((stats.speculation.failures, of(Method::DraftModel).drafts), (1, 0));
    assert!(of(Method::Prediction).accepted_tokens >= 25, "{stats:?}");
}

#[test]
fn it_begins_where_its_header_ends() {
    let plain = request(1.0, 61);
    let (expected, _) = answer(None, None, &plain);
    let said = ids(&expected);
    let openings = vec![said[18..20].to_vec()];
    let prediction = Prediction { ids: said[20..].to_vec(), openings };
    let predicted = Request { prediction: Some(prediction.into()), ..plain };
    let (events, stats) = answer(eager(), None, &predicted);
    assert_eq!(events, expected);
    let drafts = stats.speculation.total();
    assert!(drafts.accepted_at[0] >= 2 && drafts.accepted_tokens >= 36, "{drafts:?}");
}

#[test]
fn many_users_have_each_their_own() {
    let request = |seed: u64| {
        let mut request = request(1.0, 40);
        request.sampling.seed = seed;
        request
    };
    let expected: Vec<Vec<Event>> =
        (0..8).map(|seed| answer(None, None, &request(seed)).0).collect();
    let config = EngineConfig { max_batched_tokens: 48, ..EngineConfig::default() };
    for speculation in [None, eager()] {
        let config = EngineConfig { speculation, ..config };
        let engine = Engine::start(Box::new(model()), config).unwrap();
        // Right for the even ones, and another's for the odd ones.
        let streams = (0..8_usize).map(|index| {
            let foreseen = ids(&expected[index - index % 2]);
            let request = predicting(&request(index as u64), &foreseen);
            engine.submit_all(&[request], 2).unwrap().remove(0)
        });
        let streams: Vec<_> = streams.collect();
        let answers: Vec<Vec<Event>> = thread::scope(|scope| {
            let read = |mut stream: throng_engine::EventStream| {
                scope.spawn(move || std::iter::from_fn(|| stream.next_blocking()).collect())
            };
            let readers: Vec<_> = streams.into_iter().map(read).collect();
            readers.into_iter().map(|reader| reader.join().unwrap()).collect()
        });
        for (index, (ours, alone)) in answers.iter().zip(&expected).enumerate() {
            assert_eq!(ours[1..], alone[1..], "user {index}");
        }
        // Whether drafts pay is a matter of time.
        let accepted = engine.stats().speculation.total().accepted_tokens;
        assert!(accepted > 0 || speculation.is_none_or(|drafts| drafts.adaptive));
    }
}

#[test]
fn a_token_that_the_model_lacks_is_refused() {
    let engine = Engine::start(Box::new(model()), EngineConfig::default()).unwrap();
    let error = engine.submit(predicting(&request(0.0, 5), &[1, 40])).unwrap_err();
    assert_eq!(error, SubmitError::UnknownPrediction { id: 40, vocab: VOCAB });
}
