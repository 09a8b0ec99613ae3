//! One prompt, one answer: a sequence's logits are the same bits however it is cut in chunks, who
//! runs beside it, where its blocks lie and how many threads there are.

mod common;

use common::{checkpoint, goldens, options, reference, row, run_chunked, runner, tables};
use throng_model::{BLOCK_TOKENS, Batch, Isa, Precision, load};

/// Every way of running that the promise holds for separately.
fn for_each_way(check: impl Fn(&str, Precision, Isa)) {
    for isa in Isa::ALL.into_iter().filter(|isa| isa.is_supported()) {
        for precision in [Precision::Exact, Precision::Fast] {
            goldens().iter().for_each(|name| check(name, precision, isa));
        }
    }
}

#[test]
fn in_any_chunks_and_on_any_number_of_threads() {
    for_each_way(|name, precision, isa| {
        let tokens = reference(name, 140).tokens;
        let whole = run_chunked(runner(name, precision, 1, Some(isa)).as_mut(), &tokens, 140);
        for (threads, chunk) in [(2, 7), (3, 64), (2, 1)] {
            let mut runner = runner(name, precision, threads, Some(isa));
            let chunked = run_chunked(runner.as_mut(), &tokens, chunk);
            assert!(chunked == whole, "{name}, {precision:?}, {isa}: chunks of {chunk}");
        }
    });
}

#[test]
fn at_300_tokens_too() {
    for name in goldens() {
        let tokens = reference(&name, 300).tokens;
        let mut runner = runner(&name, Precision::Fast, 2, None);
        let whole = run_chunked(runner.as_mut(), &tokens, 300);
        for chunk in [7, 1] {
            let chunked = run_chunked(runner.as_mut(), &tokens, chunk);
            assert!(chunked == whole, "{name}: chunks of {chunk}");
        }
    }
}

/// A sequence joins another that has begun, runs some steps beside it in either order, and both
/// get what they get alone.
#[test]
fn in_any_company() {
    for_each_way(|name, precision, isa| {
        let mut runner = runner(name, precision, 2, Some(isa));
        let vocab = runner.spec().vocab;
        let (first, second) = (reference(name, 140).tokens, reference(name, 300).tokens);
        let alone = [&first, &second].map(|tokens| run_chunked(runner.as_mut(), tokens, 64));
        let blocks = [tables(first.len(), 0), tables(second.len(), 1)];
        let mut together = [Vec::new(), Vec::new()];
        let (mut start, mut turn) = (0, 0);
        while start < first.len() {
            let end = (start + 9).min(first.len());
            let a = row(&first, start, end, &blocks[0]);
            let b = row(&second, 2 * start, 2 * end, &blocks[1]);
            let order = if turn % 2 == 0 { [0, 1] } else { [1, 0] };
            let rows = if turn % 2 == 0 { vec![a, b] } else { vec![b, a] };
            let mut logits = runner.run(&Batch { rows }).unwrap();
            for sequence in order {
                let (part, rest) = logits.split_at((end - start) * (1 + sequence) * vocab);
                together[sequence].extend_from_slice(part);
                logits = rest;
            }
            (start, turn) = (end, turn + 1);
        }
        assert!(together[0] == alone[0], "{name}, {precision:?}, {isa}: the first");
        let ours = &together[1][..];
        assert!(*ours == alone[1][..ours.len()], "{name}, {precision:?}, {isa}: the second");
    });
}

#[test]
fn only_the_wanted_logits_come_and_they_are_the_same() {
    for name in goldens() {
        let mut runner = runner(&name, Precision::Fast, 2, None);
        let vocab = runner.spec().vocab;
        let tokens = reference(&name, 140).tokens;
        let all = run_chunked(runner.as_mut(), &tokens, 140);
        for wanted in [0, 1, 3] {
            let mut row = row(&tokens, 0, 140, &tables(140, 1));
            row.wanted_logits = wanted;
            let logits = runner.run(&Batch { rows: vec![row] }).unwrap();
            assert!(*logits == all[all.len() - wanted * vocab..]);
        }
    }
}

#[test]
fn blocks_behind_the_window_are_not_read() {
    let mut windowed = 0;
    for name in goldens() {
        let mut runner = runner(&name, Precision::Exact, 2, None);
        let tokens = reference(&name, 300).tokens;
        let windows = runner.spec().layers.iter().filter_map(|layer| layer.attention.window);
        let Some(widest) = windows.max() else { continue };
        windowed += 1;
        let expected = run_chunked(runner.as_mut(), &tokens, 300);
        let vocab = runner.spec().vocab;
        let mut blocks = tables(tokens.len(), 0);
        for position in 0..tokens.len() {
            // The first block that the window reaches into, and none before it.
            let first = (position + 1).saturating_sub(widest) / BLOCK_TOKENS;
            blocks.window[..first].fill(u32::MAX);
            let batch = Batch { rows: vec![row(&tokens, position, position + 1, &blocks)] };
            let logits = runner.run(&batch).unwrap();
            assert!(*logits == expected[position * vocab..][..vocab], "{name}, {position}");
        }
    }
    assert!(windowed > 0, "no golden checkpoint has a window");
}

#[test]
fn progress_ends_at_the_total() {
    for name in goldens() {
        let mut steps = Vec::new();
        let options = options(Precision::Fast, 2, None);
        load(&checkpoint(&name), options, &mut |progress| steps.push(progress)).unwrap();
        assert!(steps.is_sorted_by_key(|progress| progress.done_bytes));
        let last = steps.last().unwrap();
        assert_eq!(last.done_bytes, last.total_bytes);
        assert!(last.total_bytes > 100_000);
    }
}
