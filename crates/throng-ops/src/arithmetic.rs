//! What products are made in, and a value for each of those.

/// The numbers that a product multiplies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    /// f32 by f32, whatever the weights were stored as.
    F32,
    /// bf16 by bf16, summed in f32.
    Bf16,
    /// 8-bit integers, summed in 32 bits.
    Int8,
}

impl Arithmetic {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::F32, Self::Bf16, Self::Int8];

    /// The name used in tables and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::Int8 => "int8",
        }
    }
}

/// Something that each arithmetic has one of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerArithmetic<T>([T; Arithmetic::ALL.len()]);

impl<T: Copy> PerArithmetic<T> {
    /// Made for each.
    pub fn from_fn(make: impl FnMut(Arithmetic) -> T) -> Self {
        Self(Arithmetic::ALL.map(make))
    }

    /// That of one.
    pub const fn of(&self, arithmetic: Arithmetic) -> T {
        self.0[arithmetic as usize]
    }
}

/// Multiply-accumulates.
pub type Macs = PerArithmetic<u64>;

impl Macs {
    /// So many in one arithmetic.
    pub fn only(arithmetic: Arithmetic, count: u64) -> Self {
        Self::from_fn(|each| if each == arithmetic { count } else { 0 })
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}
