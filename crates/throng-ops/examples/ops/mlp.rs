//! The products of gpt-oss-20b's experts, of tokens that go to any of them equally often.

use throng_ops::{Backend, Cpu, OutOfMemory, Routes};
use throng_spec::{Activation, DType, Mixture, Weighting};

use crate::common::{Random, Stored};
use crate::group::{Group, Measured, Op};
use crate::options::Options;
use crate::products::{TOKENS, copies};

const MIXTURE: Mixture = Mixture { experts: 32, active: 4, weighting: Weighting::Chosen };
const ACTIVATION: Activation = Activation::ClampedSwiGlu { alpha: 1.702, clamp: 7.0 };

/// Both residual stream and inside of an expert.
const WIDTH: usize = 2880;

/// Routes that runs take in turn.
const ROUTES: u64 = 16;

/// Both products.
pub fn groups() -> Vec<Box<dyn Group>> {
    let of = |dtype, up| Box::new(Experts { dtype, up }) as Box<dyn Group>;
    let dtypes = [DType::Mxfp4, DType::Q4_0, DType::Q8_0];
    dtypes.into_iter().flat_map(|dtype| [of(dtype, true), of(dtype, false)]).collect()
}

struct Experts {
    dtype: DType,
    up: bool,
}

impl Group for Experts {
    fn name(&self) -> String {
        let product = if self.up { "up" } else { "down" };
        format!("experts_{product}/{}", self.dtype.to_string().to_lowercase())
    }

    fn sizes(&self) -> &[usize] {
        &TOKENS
    }

    fn prepare(
        &self,
        backend: &mut Measured,
        options: &Options,
    ) -> Result<Box<dyn Op>, OutOfMemory> {
        let rows = if self.up { 2 * WIDTH } else { WIDTH };
        let shape = [MIXTURE.experts, rows, WIDTH];
        let stored = Stored::random(self.dtype, shape, &mut Random::new(1));
        let matrices = copies(backend, options, &stored);
        let (x, out) = (Vec::new(), Vec::new());
        Ok(Box::new(Ready { up: self.up, matrices, routes: Vec::new(), x, out }))
    }
}

struct Ready {
    up: bool,
    matrices: Vec<<Cpu as Backend>::Matrix>,
    routes: Vec<Routes>,
    x: Vec<f32>,
    out: Vec<f32>,
}

impl Op for Ready {
    fn resize(&mut self, backend: &mut Measured, tokens: usize) {
        let route = |seed| {
            let mut routes = Routes::default();
            let logits = Random::new(seed).values(tokens * MIXTURE.experts);
            routes.choose(&logits, MIXTURE);
            routes
        };
        self.routes = (1..=ROUTES).map(route).collect();
        let slots = tokens * MIXTURE.active;
        self.x = backend.upload(&Random::new(2).values(slots * WIDTH));
        backend.reserve(&mut self.out, slots * WIDTH);
    }

    fn run(&mut self, backend: &mut Measured, round: usize) {
        let matrix = &self.matrices[round % self.matrices.len()];
        let routes = &self.routes[round % self.routes.len()];
        if self.up {
            backend.experts_up(routes, &self.x, matrix, ACTIVATION, &mut self.out);
        } else {
            backend.experts_down_add(routes, &self.x, matrix, &mut self.out);
        }
    }
}
