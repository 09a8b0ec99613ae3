//! What every target demands of a checkpoint that opens.

use throng_checkpoint::Checkpoint;
use throng_spec::Layout;

/// Panics unless every tensor of the spec is there, as many values as its shape says, in bytes that
/// can be read.
pub fn check(checkpoint: &Checkpoint) {
    for (role, shape) in checkpoint.spec().tensors() {
        let mut values = 0;
        for piece in checkpoint.pieces(role) {
            let len = piece.shape.iter().product::<usize>();
            let bytes = piece.data.len() + piece.scales.len();
            match piece.layout {
                Layout::Rows => assert_eq!(bytes, piece.dtype.bytes(len), "{role:?}"),
                Layout::Pairs { head } => {
                    assert_eq!(bytes, piece.dtype.bytes(len), "{role:?}");
                    assert!(head > 0 && head % 2 == 0 && piece.shape[0] % head == 0, "{role:?}");
                }
                Layout::Columns { pitch } => {
                    let (rows, cols) = (piece.shape[0], piece.shape[1]);
                    assert_eq!(bytes, piece.dtype.bytes((cols - 1) * pitch + rows), "{role:?}");
                    assert!(rows <= pitch && !piece.dtype.is_quantised(), "{role:?}");
                }
            }
            values += len;
        }
        assert_eq!(values, shape.iter().product::<usize>(), "{role:?}");
    }
}
