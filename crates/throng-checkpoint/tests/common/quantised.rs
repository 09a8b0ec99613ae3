//! Writing a folder with quantised weights.

use std::path::Path;

use throng_checkpoint::quantised::{QuantiseError, QuantisedModel, TensorReport};
use throng_checkpoint::{Checkpoint, WriteOptions};
use throng_spec::{Quantisation, QuantisationRequest, Stored};

/// A checkpoint's tensors as they are stored.
pub fn stored(checkpoint: &Checkpoint) -> Vec<Stored> {
    let roles = checkpoint.spec().tensors().into_iter();
    let piece = |role| {
        move |piece: throng_checkpoint::Tensor<'_>| Stored {
            role,
            dtype: piece.dtype,
            values: piece.shape.iter().product(),
            scale_bytes: piece.scale_bytes(),
        }
    };
    roles
        .flat_map(|(role, _)| checkpoint.pieces(role).map(piece(role)).collect::<Vec<_>>())
        .collect()
}

/// What a request comes to.
pub fn resolved(checkpoint: &Checkpoint, request: &str) -> Quantisation {
    let request: QuantisationRequest = request.parse().unwrap();
    request.resolve(checkpoint.spec(), &stored(checkpoint)).unwrap()
}

/// Writes a folder again.
pub fn quantise(
    from: &Path,
    request: &str,
    to: &Path,
    options: &WriteOptions<'_>,
) -> Result<Vec<TensorReport>, QuantiseError> {
    let checkpoint = Checkpoint::open(from).unwrap();
    let quantisation = resolved(&checkpoint, request);
    QuantisedModel::new(&checkpoint, from, quantisation)?.write_folder(to, options)
}
