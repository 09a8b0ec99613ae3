//! What comes out beside what one writes down by hand, on scripted models and on a tiny real one.

use std::num::NonZeroUsize;

use throng_checkpoint::Checkpoint;
use throng_model::{
    BLOCK_TOKENS, Batch, BlockTables, KvBlocks, LoadOptions, Precision, Row, Runner, load,
};
use throng_spec::{ModelSpec, Quantisation};
use throng_testkit::{ScriptedRunner, TinyGptOss, hashed_logits};

use super::*;

/// Room for the whole context, and for the window of steps of up to 64 tokens.
const BLOCKS: KvBlocks = KvBlocks { full: 512 / BLOCK_TOKENS, window: 8 };

fn number(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap()
}

fn plan(context: usize, stride: usize, chunk: usize) -> QualityPlan {
    let windows = Windows::Sliding { context: number(context), stride: number(stride) };
    QualityPlan { windows, chunk: number(chunk) }
}

fn document(tokens: usize) -> Document {
    let tokens = (0..tokens as u32).map(|place| place * place % 251).collect();
    Document { tokens, ..Document::default() }
}

fn spec() -> ModelSpec {
    ModelSpec::from_config(&TinyGptOss::default().config()).unwrap()
}

fn scripted() -> ScriptedRunner {
    ScriptedRunner::new(spec(), BLOCKS)
}

fn tiny(precision: Precision) -> Box<dyn Runner> {
    let checkpoint = Checkpoint::embedded(&TinyGptOss::default().embedded()).unwrap();
    let options = LoadOptions {
        threads: 1,
        precision,
        quantisation: Quantisation::default(),
        kv_dtype: precision.kv_dtype(),
        isa: None,
        kv_blocks: BLOCKS,
        step_tokens: 64,
    };
    load(&checkpoint, options, &mut |_| ()).unwrap()
}

fn alone(runner: &mut dyn Runner, documents: &[Document], plan: QualityPlan) -> Quality {
    measure_quality(runner, None, documents, plan, &mut |_, _| ()).unwrap()
}

fn softmax(logits: &[f32]) -> Vec<f64> {
    let weights: Vec<f64> = logits.iter().map(|&logit| f64::from(logit).exp()).collect();
    let total: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / total).collect()
}

/// As one writes perplexity down: each token from the beginning of its window.
#[test]
fn perplexity_is_what_the_windows_say() {
    let (spec, tokens) = (spec(), document(50).tokens);
    let mut sum = 0.0;
    for place in 1..50_usize {
        // The first window of 16 that has it begins at a multiple of 6.
        let begin = place.saturating_sub(15).div_ceil(6) * 6;
        let probabilities = softmax(&hashed_logits(spec.vocab, &tokens[begin..place]));
        sum -= probabilities[tokens[place] as usize].ln();
    }
    let found = alone(&mut scripted().strict(), &[document(50)], plan(16, 6, 5));
    assert_eq!(found.surprises.count(), 49);
    assert!((found.perplexity() - (sum / 49.0).exp()).abs() < 1e-9, "{found:?}");
    assert_eq!(found.windows, 7);
    assert_eq!(found.agreement, None);
}

#[test]
fn a_real_model_read_in_chunks_is_the_model_read_at_once() {
    let tokens = document(40).tokens;
    let mut runner = tiny(Precision::Fast);
    let blocks = BlockTables { full: vec![0, 1, 2], window: vec![0, 1, 2] };
    let row = Row { tokens: tokens.clone(), position: 0, blocks, wanted_logits: 40 };
    let logits = runner.run(&Batch { rows: vec![row] }).unwrap();
    let rows = logits.chunks_exact(logits.len() / 40);
    let surprise = |(row, &token): (&[f32], &u32)| -softmax(row)[token as usize].ln();
    let mean = rows.zip(&tokens[1..]).map(surprise).sum::<f64>() / 39.0;
    let found = alone(runner.as_mut(), &[document(40)], plan(64, 32, 7));
    assert!((found.surprises.mean() - mean).abs() < 1e-9);
}

#[test]
fn no_result_depends_on_the_chunk() {
    let documents = [document(90), document(3), Document { counted_from: 50, ..document(70) }];
    let mut model = tiny(Precision::Fast);
    let mut reference = tiny(Precision::Exact);
    let mut measure = |chunk| {
        let plan = plan(40, 15, chunk);
        let mut calls = Vec::new();
        let mut progress = |done, steps| calls.push((done, steps));
        let reference: Option<&mut dyn Runner> = Some(reference.as_mut());
        let found = measure_quality(model.as_mut(), reference, &documents, plan, &mut progress);
        let steps = calls.len();
        assert_eq!(calls, (1..=steps).map(|step| (step, steps)).collect::<Vec<_>>());
        found.unwrap()
    };
    let whole = measure(64);
    assert_eq!(whole.surprises.count(), 89 + 2 + 20);
    for chunk in [1, 2, 13, 39] {
        assert_eq!(measure(chunk), whole, "chunks of {chunk}");
    }
}

#[test]
fn a_model_agrees_with_itself_and_less_with_its_rounded_self() {
    let compare = |model: Precision| {
        let (mut model, mut reference) = (tiny(model), tiny(Precision::Exact));
        let reference: Option<&mut dyn Runner> = Some(reference.as_mut());
        let documents = [document(100)];
        let plan = plan(64, 32, 32);
        measure_quality(model.as_mut(), reference, &documents, plan, &mut |_, _| ()).unwrap()
    };
    let same = compare(Precision::Exact);
    let agreement = same.agreement.as_ref().unwrap();
    assert_eq!(agreement.divergences.max(), 0.0);
    assert_eq!((agreement.differences.min(), agreement.differences.max()), (0.0, 0.0));
    assert_eq!((agreement.top_1(), agreement.perplexity()), (1.0, same.perplexity()));

    let rounded = compare(Precision::Fast).agreement.unwrap();
    assert!(rounded.divergences.mean() > 0.0, "rounding costs something");
    assert!(rounded.divergences.max() < 0.1, "{rounded:?}");
    assert_eq!(rounded.perplexity(), same.perplexity());
}

/// Two scripts, so that each figure has an obvious value.
#[test]
fn agreement_is_what_two_distributions_say() {
    let vocab = spec().vocab;
    let certain = |weight: f32| {
        let script = move |history: &[u32]| {
            let mut logits = vec![0.0; vocab];
            // The model follows the reference at every other token.
            let odd = usize::from(weight < 2.0 && history.len().is_multiple_of(2));
            logits[3 + odd] = weight;
            logits
        };
        ScriptedRunner::with_script(spec(), BLOCKS, Box::new(script))
    };
    let (mut model, mut reference) = (certain(1.0), certain(2.0));
    let found = measure_quality(
        &mut model,
        Some(&mut reference),
        &[document(21)],
        plan(64, 32, 8),
        &mut |_, _| (),
    );
    let agreement = found.unwrap().agreement.unwrap();
    assert_eq!((agreement.same_best, agreement.divergences.count()), (10, 20));
    let row = |id: usize, weight| {
        let mut logits = vec![0.0_f32; vocab];
        logits[id] = weight;
        softmax(&logits)
    };
    let kl =
        |q: Vec<f64>| -> f64 { row(3, 2.0).iter().zip(q).map(|(p, q)| p * (p / q).ln()).sum() };
    let (near, far) = (kl(row(3, 1.0)), kl(row(4, 1.0)));
    assert!((agreement.divergences.min() - near).abs() < 1e-12);
    assert!((agreement.divergences.max() - far).abs() < 1e-12);
    assert!((agreement.divergences.mean() - (near + far) / 2.0).abs() < 1e-12);
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let refused = |documents: &[Document], plan| {
        measure_quality(&mut scripted(), None, documents, plan, &mut |_, _| ()).unwrap_err()
    };
    for documents in [&[][..], &[document(0)], &[document(1)]] {
        let error = refused(documents, plan(16, 8, 8));
        assert!(matches!(error, QualityError::NothingCounts { .. }), "{error}");
    }
    let disjoint = Windows::Disjoint { context: number(32) };
    let error = refused(&[document(31)], QualityPlan { windows: disjoint, chunk: number(8) });
    assert_eq!(error.to_string(), "of 31 tokens none counts");
    let error = refused(&[document(600)], plan(513, 8, 8));
    assert!(matches!(error, QualityError::NoRoom { context: 513, room: 512 }), "{error}");
    // A window that is never filled needs no room.
    assert_eq!(alone(&mut scripted(), &[document(5)], plan(10_000, 8, 8)).windows, 1);

    let config = TinyGptOss { vocab: 300, ..TinyGptOss::default() }.config();
    let mut other = ScriptedRunner::new(ModelSpec::from_config(&config).unwrap(), BLOCKS);
    let measure = |other: &mut dyn Runner| {
        let plan = plan(16, 8, 8);
        measure_quality(&mut scripted(), Some(other), &[document(9)], plan, &mut |_, _| ())
    };
    let error = measure(&mut other).unwrap_err();
    assert!(matches!(error, QualityError::Vocabularies { model: 272, reference: 300 }), "{error}");
    let error = measure(&mut scripted().failing_after(0)).unwrap_err();
    assert!(matches!(error, QualityError::Read(ReadError::Run(_))), "{error}");
    let nan = Box::new(|_: &[u32]| vec![f32::NAN; 272]);
    let error = measure(&mut ScriptedRunner::with_script(spec(), BLOCKS, nan)).unwrap_err();
    assert!(matches!(error, QualityError::Read(ReadError::NotFinite)), "{error}");
}
