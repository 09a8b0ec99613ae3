//! ggml's block types to f32, in the order of operations of ggml's own dequantisation, so that the
//! values are the same bits. The layouts are those of `ggml-common.h` in <https://github.com/ggml-org/ggml>.

use half::f16;

/// Decodes block after block.
pub(crate) fn decode<const BYTES: usize, const LEN: usize>(
    data: &[u8],
    out: &mut [f32],
    block: fn(&[u8; BYTES], &mut [f32; LEN]),
) {
    for (bytes, out) in data.as_chunks().0.iter().zip(out.as_chunks_mut().0) {
        block(bytes, out);
    }
}

/// Scale, 16 bytes: value i low in byte i, value i + 16 high.
pub(crate) fn q4_0(block: &[u8; 18], out: &mut [f32; 32]) {
    let scale = f16_at(block, 0);
    for i in 0..16 {
        let byte = block[2 + i];
        out[i] = f32::from((byte & 15) as i8 - 8) * scale;
        out[i + 16] = f32::from((byte >> 4) as i8 - 8) * scale;
    }
}

/// Scale, offset, 16 bytes as in [`q4_0`].
pub(crate) fn q4_1(block: &[u8; 20], out: &mut [f32; 32]) {
    let (scale, offset) = (f16_at(block, 0), f16_at(block, 2));
    for i in 0..16 {
        let byte = block[4 + i];
        out[i] = f32::from(byte & 15) * scale + offset;
        out[i + 16] = f32::from(byte >> 4) * scale + offset;
    }
}

/// Scale, the fifth bits of the 32 values, 16 bytes as in [`q4_0`].
pub(crate) fn q5_0(block: &[u8; 22], out: &mut [f32; 32]) {
    let scale = f16_at(block, 0);
    for i in 0..16 {
        let byte = block[6 + i];
        out[i] = f32::from((byte & 15 | bit(block, 2, i) << 4) as i8 - 16) * scale;
        out[i + 16] = f32::from((byte >> 4 | bit(block, 2, i + 16) << 4) as i8 - 16) * scale;
    }
}

/// Scale, offset, the fifth bits of the 32 values, 16 bytes as in [`q4_0`].
pub(crate) fn q5_1(block: &[u8; 24], out: &mut [f32; 32]) {
    let (scale, offset) = (f16_at(block, 0), f16_at(block, 2));
    for i in 0..16 {
        let byte = block[8 + i];
        out[i] = f32::from(byte & 15 | bit(block, 4, i) << 4) * scale + offset;
        out[i + 16] = f32::from(byte >> 4 | bit(block, 4, i + 16) << 4) * scale + offset;
    }
}

/// Scale, 32 bytes.
pub(crate) fn q8_0([a, b, integers @ ..]: &[u8; 34], out: &mut [f32; 32]) {
    q8_0_apart(integers, [*a, *b], out);
}

/// The same where the scale is not among the bytes.
pub(crate) fn q8_0_apart(integers: &[u8; 32], scale: [u8; 2], out: &mut [f32; 32]) {
    let scale = f16::from_le_bytes(scale).to_f32();
    for (out, &byte) in out.iter_mut().zip(integers) {
        *out = f32::from(byte as i8) * scale;
    }
}

/// Scale of scales, scale of offsets, 12 bytes of both, then 32 bytes for each 64 values: the first
/// 32 low, the others high.
pub(crate) fn q4_k(block: &[u8; 144], out: &mut [f32; 256]) {
    for (part, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
        let (scale, offset) = scale_and_offset(block, part);
        let bytes = &block[16 + part / 2 * 32..][..32];
        for (out, byte) in out.iter_mut().zip(bytes) {
            let low = byte >> (part % 2 * 4) & 15;
            *out = scale * f32::from(low) - offset;
        }
    }
}

/// As [`q4_k`], with 32 bytes of fifth bits before: bit p of byte i is that of value i of the p-th
/// 32.
pub(crate) fn q5_k(block: &[u8; 176], out: &mut [f32; 256]) {
    for (part, out) in out.as_chunks_mut::<32>().0.iter_mut().enumerate() {
        let (scale, offset) = scale_and_offset(block, part);
        let bytes = &block[48 + part / 2 * 32..][..32];
        for ((out, byte), fifth) in out.iter_mut().zip(bytes).zip(&block[16..48]) {
            let low = byte >> (part % 2 * 4) & 15;
            *out = scale * f32::from(low | (fifth >> part & 1) << 4) - offset;
        }
    }
}

/// Two halves of 128 values. All low 4 bits: 64 bytes a half, values 0 to 63 low and the others
/// high. Then all high 2 bits: 32 bytes a half, those of the first 32 values lowest. Then 16
/// scales, and the scale of these.
pub(crate) fn q6_k(block: &[u8; 210], out: &mut [f32; 256]) {
    let scale_of_scales = f16_at(block, 208);
    for (part, out) in out.as_chunks_mut::<16>().0.iter_mut().enumerate() {
        let scale = scale_of_scales * f32::from(block[192 + part] as i8);
        // Where the part starts within its half, of which there are 8 parts.
        let (half, start) = (part / 8, part % 8 * 16);
        let low = &block[half * 64 + start % 64..][..16];
        let high = &block[128 + half * 32 + start % 32..][..16];
        for ((out, low), high) in out.iter_mut().zip(low).zip(high) {
            let (low, high) = (low >> (start / 64 * 4) & 15, high >> (start / 32 * 2) & 3);
            *out = scale * f32::from((low | high << 4) as i8 - 32);
        }
    }
}

fn f16_at(block: &[u8], start: usize) -> f32 {
    f16::from_le_bytes([block[start], block[start + 1]]).to_f32()
}

/// A bit of those that start at a byte.
fn bit(block: &[u8], start: usize, index: usize) -> u8 {
    block[start + index / 8] >> (index % 8) & 1
}

/// What a `q4_k` or `q5_k` block multiplies the integers of a 32 with, and what it subtracts.
fn scale_and_offset(block: &[u8], part: usize) -> (f32, f32) {
    let (scale, offset) = sixes(block, part);
    (f16_at(block, 0) * f32::from(scale), f16_at(block, 2) * f32::from(offset))
}

/// The integers of both, six bits each.
pub(crate) fn sixes(block: &[u8], part: usize) -> (u8, u8) {
    let bytes = &block[4..16];
    // The first four are six bits of a byte, whose other two are the top of those of the others.
    match part {
        0..4 => (bytes[part] & 63, bytes[part + 4] & 63),
        _ => (
            bytes[part + 4] & 15 | bytes[part - 4] >> 6 << 4,
            bytes[part + 4] >> 4 | bytes[part] >> 6 << 4,
        ),
    }
}
