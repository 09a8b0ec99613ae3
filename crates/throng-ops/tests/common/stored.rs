//! Random matrices as a checkpoint would store them.

use half::{bf16, f16};
use throng_ops::{Backend, MatrixPart, MatrixSource, Precision, RowOrder, decode};
use throng_spec::{DType, Layout, quantise};

use super::Random;

/// A matrix as a checkpoint would store it.
pub struct Stored {
    pub dtype: DType,
    pub groups: usize,
    pub rows: usize,
    pub cols: usize,
    pub data: Vec<u8>,
    pub scales: Vec<u8>,
    pub bias: Vec<f32>,
}

impl Stored {
    pub fn random(dtype: DType, [groups, rows, cols]: [usize; 3], random: &mut Random) -> Self {
        let len = groups * rows * cols;
        let data = match dtype {
            DType::F32 => random.values(len).iter().flat_map(|x| x.to_le_bytes()).collect(),
            DType::F16 => {
                (0..len).flat_map(|_| f16::from_f32(random.value()).to_le_bytes()).collect()
            }
            DType::Bf16 => {
                (0..len).flat_map(|_| bf16::from_f32(random.value()).to_le_bytes()).collect()
            }
            DType::Mxfp4 => (0..len / 2).map(|_| random.bits() as u8).collect(),
            _ => (0..len / dtype.block_len()).flat_map(|_| Self::block(dtype, random)).collect(),
        };
        let blocks = if dtype == DType::Mxfp4 { len / 32 } else { 0 };
        let scales = (0..blocks).map(|_| 122 + random.below(5) as u8).collect();
        let bias = random.values(groups * rows);
        Self { dtype, groups, rows, cols, data, scales, bias }
    }

    /// A random block of one of ggml's types, its f16 scales of a size that leaves values small.
    fn block(dtype: DType, random: &mut Random) -> Vec<u8> {
        let mut block: Vec<u8> = (0..dtype.block_bytes()).map(|_| random.bits() as u8).collect();
        let (scales, size) = Self::f16_scales(dtype);
        for &start in scales {
            let scale = f16::from_f32(size * random.value());
            block[start..start + 2].copy_from_slice(&scale.to_le_bytes());
        }
        block
    }

    /// Where a block's f16 scales are, and a size of theirs that leaves values small.
    fn f16_scales(dtype: DType) -> (&'static [usize], f32) {
        match dtype {
            DType::Mxfp4 => (&[], 0.0),
            DType::Q4_0 | DType::Q5_0 => (&[0], 0.1),
            DType::Q4_1 | DType::Q5_1 => (&[0, 2], 0.1),
            DType::Q8_0 => (&[0], 0.01),
            DType::Q4K | DType::Q5K => (&[0, 2], 0.002),
            DType::Q6K => (&[208], 0.0005),
            other => panic!("{other} has no blocks"),
        }
    }

    /// Makes all bytes the same but those of scales.
    pub fn fill_codes(&mut self, byte: u8) {
        let (starts, _) = Self::f16_scales(self.dtype);
        let len = if self.scales.is_empty() { self.dtype.block_bytes() } else { 16 };
        for block in self.data.chunks_mut(len) {
            for (at, value) in block.iter_mut().enumerate() {
                if !starts.iter().any(|start| (*start..start + 2).contains(&at)) {
                    *value = byte;
                }
            }
        }
    }

    /// The whole of it, as a part of a matrix.
    pub fn part(&self) -> MatrixPart<'_> {
        MatrixPart {
            dtype: self.dtype,
            layout: Layout::Rows,
            groups: self.groups,
            rows: self.rows,
            data: &self.data,
            scales: &self.scales,
            grid: None,
        }
    }

    /// The same numbers, scales and values in one as GGUF has them.
    pub fn in_gguf(&self) -> Self {
        let scales = self.scales.chunks(self.dtype.scale_bytes().max(1));
        let values = self.dtype.block_bytes() - self.dtype.scale_bytes();
        let mut data = Vec::new();
        for (block, scale) in self.data.chunks(values).zip(scales) {
            let code = |k: usize| block[k / 2] >> (k % 2 * 4) & 15;
            data.extend(scale);
            match self.dtype {
                DType::Mxfp4 => data.extend((0..16).map(|i| code(i) | code(i + 16) << 4)),
                _ => data.extend(block),
            }
        }
        if self.scales.is_empty() {
            data = self.data.clone();
        }
        Self { data, scales: Vec::new(), bias: self.bias.clone(), ..*self }
    }

    /// What quantising its rows one by one gives, scales apart.
    pub fn quantised(&self, to: DType) -> Self {
        let (mut data, mut scales) = (Vec::new(), Vec::new());
        for row in self.values().chunks(self.cols) {
            quantise(to, row, &mut data, &mut scales);
        }
        Self { dtype: to, data, scales, bias: self.bias.clone(), ..*self }
    }

    /// Its values, row after row.
    pub fn values(&self) -> Vec<f32> {
        decode(self.dtype, Layout::Rows, &self.data, &self.scales)
    }

    /// The nearest values of bf16.
    pub fn in_bf16(&self) -> Self {
        let values = self.values();
        let data = values.iter().flat_map(|&x| bf16::from_f32(x).to_le_bytes()).collect();
        let (dtype, scales) = (DType::Bf16, Vec::new());
        Self { dtype, data, scales, bias: self.bias.clone(), ..*self }
    }

    /// The same rows in another order: which row to put at each place.
    pub fn with_rows(&self, order: impl Fn(usize) -> usize) -> Self {
        let all = 0..self.groups * self.rows;
        let reorder = |bytes: &[u8]| {
            let row = bytes.len() / all.len();
            all.clone().flat_map(|i| bytes[order(i) * row..][..row].to_vec()).collect()
        };
        let (data, scales) = (reorder(&self.data), reorder(&self.scales));
        Self { data, scales, bias: self.bias.clone(), ..*self }
    }

    pub fn pack<B: Backend>(&self, backend: &mut B, precision: Precision) -> B::Matrix {
        self.pack_part(self.part(), backend, precision)
    }

    pub fn pack_part<B: Backend>(
        &self,
        part: MatrixPart<'_>,
        backend: &mut B,
        precision: Precision,
    ) -> B::Matrix {
        let source = MatrixSource {
            groups: self.groups,
            cols: self.cols,
            parts: &[part],
            order: RowOrder::Stacked,
            bias: Some(&self.bias),
            quantise: None,
        };
        backend.pack(&source, precision)
    }
}
