//! Element types of GGUF's tensors: their numbers in files, and which can be read.

use throng_spec::DType;

use crate::archive::Kind;

/// Number, name and, where it can be read, the element type. Numbers that are left out were never in
/// use or are no longer.
const TYPES: &[(u32, &str, Option<DType>)] = &[
    (0, "f32", Some(DType::F32)),
    (1, "f16", Some(DType::F16)),
    (2, "q4_0", Some(DType::Q4_0)),
    (3, "q4_1", Some(DType::Q4_1)),
    (6, "q5_0", Some(DType::Q5_0)),
    (7, "q5_1", Some(DType::Q5_1)),
    (8, "q8_0", Some(DType::Q8_0)),
    (9, "q8_1", None),
    (10, "q2_k", None),
    (11, "q3_k", None),
    (12, "q4_k", Some(DType::Q4K)),
    (13, "q5_k", Some(DType::Q5K)),
    (14, "q6_k", Some(DType::Q6K)),
    (15, "q8_k", None),
    (16, "iq2_xxs", None),
    (17, "iq2_xs", None),
    (18, "iq3_xxs", None),
    (19, "iq1_s", None),
    (20, "iq4_nl", None),
    (21, "iq3_s", None),
    (22, "iq2_s", None),
    (23, "iq4_xs", None),
    (24, "i8", None),
    (25, "i16", None),
    (26, "i32", None),
    (27, "i64", None),
    (28, "f64", None),
    (29, "iq1_m", None),
    (30, "bf16", Some(DType::Bf16)),
    (34, "tq1_0", None),
    (35, "tq2_0", None),
    (39, "mxfp4", Some(DType::Mxfp4)),
    (40, "nvfp4", None),
];

/// What a tensor of this type holds.
pub(super) fn kind(number: u32) -> Kind {
    match TYPES.iter().find(|row| row.0 == number) {
        Some((.., Some(dtype))) => Kind::Numbers(*dtype),
        Some((_, name, None)) => Kind::Other((*name).to_owned()),
        None => Kind::Other(format!("type {number}")),
    }
}

/// The number of an element type.
pub(super) fn number(dtype: DType) -> u32 {
    let row = TYPES.iter().find(|row| row.2 == Some(dtype));
    row.expect("the table has every element type").0
}
