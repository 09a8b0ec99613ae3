//! `--kv-cache-dtype`, as vLLM calls it.

use std::str::FromStr;

use throng_model::{KvDtype, Precision};

/// How keys and values are to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KvCacheDtype {
    /// As the precision says.
    Auto,
    /// So.
    Named(KvDtype),
}

impl KvCacheDtype {
    /// What was asked for, or what suits a precision.
    pub fn or(self, precision: Precision) -> KvDtype {
        match self {
            Self::Auto => precision.kv_dtype(),
            Self::Named(dtype) => dtype,
        }
    }
}

impl FromStr for KvCacheDtype {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        if name == "auto" {
            return Ok(Self::Auto);
        }
        let found = KvDtype::ALL.into_iter().find(|dtype| dtype.name() == name);
        found.map(Self::Named).ok_or_else(|| {
            format!("expected one of auto, {}", KvDtype::ALL.map(KvDtype::name).join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use throng_model::{KvDtype, Precision};

    use super::KvCacheDtype;

    #[test]
    fn what_is_named_is_taken_and_auto_goes_by_the_precision() {
        let parse = |name: &str| name.parse::<KvCacheDtype>();
        let both = [Precision::Exact, Precision::Fast];
        let auto = parse("auto").unwrap();
        assert_eq!(both.map(|precision| auto.or(precision)), [KvDtype::F32, KvDtype::Bf16]);
        for dtype in KvDtype::ALL {
            let named = parse(dtype.name()).unwrap();
            assert_eq!(both.map(|precision| named.or(precision)), [dtype; 2]);
        }
        let expected = "expected one of auto, f32, bf16, fp8, int8";
        assert_eq!(parse("fp8_e5m2"), Err(expected.to_owned()));
    }
}
