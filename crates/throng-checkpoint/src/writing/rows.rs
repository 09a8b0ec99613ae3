//! Files of tensors to disk: threads take one chunk after the other, make it and put it into
//! its place.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Rows, WriteError, WriteOptions};

/// Bytes that a thread makes before it writes them; a longer row is made whole.
const CHUNK_BYTES: usize = 2 << 20;

/// Some rows of a tensor.
struct Chunk<'a, T> {
    tensor: &'a T,
    rows: Range<usize>,
    /// In the file.
    offset: u64,
}

/// Writes a header and the tensors after it, each at the next multiple of `alignment`, as is the
/// file's end.
pub(crate) fn write<T: Rows>(
    path: &Path,
    header: &[u8],
    (tensors, alignment): (&[T], u64),
    options: &WriteOptions<'_>,
) -> Result<(), WriteError> {
    let io = |source| WriteError::io(path, source);
    let (chunks, end) = chunks(header.len() as u64, tensors, alignment);
    let mut file = File::create_new(path).map_err(io)?;
    file.set_len(end).and_then(|()| file.write_all(header)).map_err(io)?;
    let next = AtomicUsize::new(0);
    let work = || {
        let result = work(path, &chunks, &next, options);
        if result.is_err() {
            // The others stop too.
            next.store(chunks.len(), Ordering::Relaxed);
        }
        result
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..options.threads).map(|_| scope.spawn(work)).collect();
        let mine = work();
        others.into_iter().fold(mine, |result, other| {
            // A panic is our bug, here as there.
            let other = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            result.and(other)
        })
    })
}

fn work<T: Rows>(
    path: &Path,
    chunks: &[Chunk<'_, T>],
    next: &AtomicUsize,
    options: &WriteOptions<'_>,
) -> Result<(), WriteError> {
    let io = |source| WriteError::io(path, source);
    // A handle a thread, because each has its own place in the file.
    let mut file = OpenOptions::new().write(true).open(path).map_err(io)?;
    let mut bytes = Vec::with_capacity(CHUNK_BYTES);
    while let Some(chunk) = chunks.get(next.fetch_add(1, Ordering::Relaxed)) {
        bytes.clear();
        chunk.tensor.append(chunk.rows.clone(), &mut bytes);
        file.seek(SeekFrom::Start(chunk.offset)).map_err(io)?;
        file.write_all(&bytes).map_err(io)?;
        if (options.progress)(bytes.len() as u64).is_break() {
            return Err(WriteError::Interrupted);
        }
    }
    Ok(())
}

/// Everything that is to be written after a header of `start` bytes, and where that ends.
fn chunks<T: Rows>(start: u64, tensors: &[T], alignment: u64) -> (Vec<Chunk<'_, T>>, u64) {
    let mut chunks = Vec::new();
    let mut offset = start;
    for tensor in tensors {
        let rows_each = (CHUNK_BYTES / tensor.row_bytes().max(1)).max(1);
        for row in (0..tensor.rows()).step_by(rows_each) {
            let rows = row..(row + rows_each).min(tensor.rows());
            let bytes = rows.len() as u64 * tensor.row_bytes() as u64;
            chunks.push(Chunk { tensor, rows, offset });
            offset += bytes;
        }
        offset = offset.next_multiple_of(alignment);
    }
    (chunks, offset)
}
