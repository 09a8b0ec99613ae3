//! ggml's block types against ggml's own dequantisation, bit for bit, and what the CPU keeps of
//! them.

mod common;

use common::{Random, Stored, whole_types};
use safetensors::SafeTensors;
use throng_ops::{Backend, Cpu, Precision, decode, packed_bytes, packed_dtype};
use throng_spec::{DType, Layout};

/// Blocks of each type and their values, made by `tools/golden/blocks.py`.
const GOLDEN: &[u8] = include_bytes!("golden/blocks.safetensors");

#[test]
fn values_are_those_of_ggml() {
    let golden = SafeTensors::deserialize(GOLDEN).unwrap();
    for dtype in DType::ALL.into_iter().filter(|dtype| dtype.has_blocks()) {
        let blocks = golden.tensor(&format!("{dtype}.blocks")).unwrap();
        let expected = golden.tensor(&format!("{dtype}.values")).unwrap();
        let expected = expected.data().as_chunks().0.iter().map(|bytes| u32::from_le_bytes(*bytes));
        let values = decode(dtype, Layout::Rows, blocks.data(), &[]);
        let expected: Vec<u32> = expected.collect();
        assert!(expected.len() >= 4 * dtype.block_len(), "{dtype}");
        assert_eq!(values.len(), expected.len(), "{dtype}");
        for (index, (value, expected)) in values.iter().zip(expected).enumerate() {
            assert_eq!(value.to_bits(), expected, "value {index} of {dtype}");
        }
    }
}

#[test]
fn tables_keep_every_value() {
    let mut cpu = Cpu::new(2, None).unwrap();
    let mut random = Random::new(3);
    for dtype in whole_types() {
        let (rows, cols) = (37, 768);
        let stored = Stored::random(dtype, [1, rows, cols], &mut random);
        let ids: Vec<u32> = (0..rows as u32).collect();
        for precision in [Precision::Exact, Precision::Fast] {
            let mut out = vec![0.0; rows * cols];
            let table = stored.pack(&mut cpu, precision);
            let planned =
                packed_bytes(packed_dtype([dtype].into_iter(), precision), [1, rows, cols]);
            assert_eq!(Some(table.bytes()), planned, "{dtype} in {precision:?}");
            cpu.embed(&table, &ids, &mut out);
            assert_eq!(out, stored.values(), "{dtype} in {precision:?}");
        }
    }
}
