//! What every target demands of a checkpoint that opens.

use throng_checkpoint::{Checkpoint, Tensor};
use throng_model::{
    BLOCK_TOKENS, Batch, BlockTables, KvBlocks, LoadOptions, Naive, Precision, Row, load_with,
};
use throng_spec::Layout;

/// Panics unless every tensor of the spec is there, as many values as its shape says, in bytes that
/// can be read, and the model can be run.
pub fn check(checkpoint: &Checkpoint) {
    for (role, shape) in checkpoint.spec().tensors() {
        let values = checkpoint.pieces(role).map(|piece| {
            check_bytes(&piece);
            piece.shape.iter().product::<usize>()
        });
        assert_eq!(values.sum::<usize>(), shape.iter().product::<usize>(), "{role:?}");
    }
    run(checkpoint);
}

fn check_bytes(piece: &Tensor<'_>) {
    let bytes = piece.data.len() + piece.scales.len();
    let expected = match piece.layout {
        Layout::Rows | Layout::Pairs { .. } => piece.shape.iter().product(),
        Layout::Columns { pitch } => {
            let (rows, cols) = (piece.shape[0], piece.shape[1]);
            assert!(rows <= pitch && !piece.dtype.is_quantised());
            (cols - 1) * pitch + rows
        }
    };
    let scales = piece.grid.map_or(0, |grid| grid.bytes([piece.shape[0], piece.shape[1]]));
    assert_eq!(bytes, piece.dtype.bytes(expected) + scales);
    if let Layout::Pairs { head } = piece.layout {
        assert!(head > 0 && head.is_multiple_of(2) && piece.shape[0].is_multiple_of(head));
    }
}

/// Two tokens by the obvious loops: past the door of [`Checkpoint`], what is wrong is our bug.
fn run(checkpoint: &Checkpoint) {
    let options = LoadOptions {
        threads: 1,
        precision: Precision::Exact,
        quantisation: Default::default(),
        kv_dtype: throng_model::KvDtype::F32,
        isa: None,
        kv_blocks: KvBlocks { full: 1, window: 1 },
        step_tokens: 2,
    };
    let Ok(mut runner) = load_with(Naive, checkpoint, options, &mut |_| {}) else { return };
    let spec = checkpoint.spec();
    let last = (spec.vocab - 1) as u32;
    let tokens = if spec.context.min(BLOCK_TOKENS) > 1 { vec![0, last] } else { vec![last] };
    let wanted_logits = tokens.len();
    let blocks = BlockTables { full: vec![0], window: vec![0] };
    let batch = Batch { rows: vec![Row { tokens, position: 0, blocks, wanted_logits }] };
    let logits = runner.run(&batch).expect("the CPU does not fail");
    assert_eq!(logits.len(), wanted_logits * spec.vocab);
}
