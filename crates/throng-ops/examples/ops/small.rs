//! What is between the products: norms, rotation, the choice of experts.

use throng_ops::{Angles, Attention, Backend, Cpu, OutOfMemory, Precision, Routes};
use throng_spec::{DType, Heads, Mixture, Weighting};

use crate::common::{Random, Stored, angles};
use crate::group::{Group, Measured, Op};
use crate::options::Options;
use crate::products::TOKENS;

const WIDTH: usize = 2880;
const ATTENTION: Attention = Attention { heads: Heads { query: 64, kv: 8, dim: 64 }, window: None };
const MIXTURE: Mixture = Mixture { experts: 32, active: 4, weighting: Weighting::Chosen };

#[derive(Clone, Copy)]
enum Small {
    RmsNorm,
    Rope,
    Route,
}

/// All of them.
pub fn groups() -> Vec<Box<dyn Group>> {
    let boxed = |small| Box::new(small) as Box<dyn Group>;
    [Small::RmsNorm, Small::Rope, Small::Route].map(boxed).into()
}

impl Group for Small {
    fn name(&self) -> String {
        match self {
            Self::RmsNorm => format!("rms_norm/{WIDTH}"),
            Self::Rope => format!("rope/{}", ATTENTION.qkv_width()),
            Self::Route => format!("route/{}x{WIDTH}", MIXTURE.experts),
        }
    }

    fn sizes(&self) -> &[usize] {
        &TOKENS
    }

    fn prepare(&self, backend: &mut Measured, _: &Options) -> Result<Box<dyn Op>, OutOfMemory> {
        let random = &mut Random::new(1);
        let router = Stored::random(DType::Bf16, [1, MIXTURE.experts, WIDTH], random);
        Ok(Box::new(Ready {
            small: *self,
            router: router.pack(backend, Precision::Exact),
            weight: backend.upload(&random.values(WIDTH)),
            tokens: 0,
            angles: Angles::default(),
            x: Vec::new(),
            out: Vec::new(),
            routes: Routes::default(),
        }))
    }
}

struct Ready {
    small: Small,
    router: <Cpu as Backend>::Matrix,
    weight: Vec<f32>,
    tokens: usize,
    angles: Angles,
    x: Vec<f32>,
    out: Vec<f32>,
    routes: Routes,
}

impl Op for Ready {
    fn resize(&mut self, backend: &mut Measured, tokens: usize) {
        let random = &mut Random::new(2);
        self.tokens = tokens;
        self.angles = angles(tokens, ATTENTION.heads.dim, random);
        self.x = backend.upload(&random.values(tokens * WIDTH.max(ATTENTION.qkv_width())));
        backend.reserve(&mut self.out, tokens * WIDTH);
    }

    fn run(&mut self, backend: &mut Measured, _: usize) {
        let Self { small, router, weight, tokens, angles, x, out, routes } = self;
        match small {
            Small::RmsNorm => backend.rms_norm(*tokens, x, weight, 1e-5, out),
            Small::Rope => backend.rope(&ATTENTION, angles, x),
            Small::Route => backend.route(*tokens, x, router, MIXTURE, routes),
        }
    }
}
