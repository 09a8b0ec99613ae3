//! Forms of answers that are easy to tell.

use throng_engine::{Constraint, ConstraintError, ConstraintState};

/// Tokens there are.
pub const VOCAB: usize = 200;
/// The one that ends an answer.
pub const STOP: u32 = 199;

/// Each token is one more than the sum of those before it, modulo 5, and the answer ends after
/// `tokens` of them and not before.
#[derive(Debug)]
pub struct Sums {
    pub tokens: usize,
}

#[derive(Debug)]
struct SumsState {
    tokens: usize,
    passed: Vec<u32>,
    allowed: Vec<u32>,
}

impl Constraint for Sums {
    fn begin(&self) -> Box<dyn ConstraintState> {
        Box::new(SumsState { tokens: self.tokens, passed: Vec::new(), allowed: Vec::new() })
    }
}

impl SumsState {
    fn fits(&self, id: u32) -> bool {
        if self.passed.len() == self.tokens {
            return id == STOP;
        }
        let sum: u32 = self.passed.iter().sum();
        id < STOP && id % 5 == (sum + 1) % 5
    }
}

impl ConstraintState for SumsState {
    fn allowed(&mut self) -> Result<&[u32], ConstraintError> {
        // Shorter than the vocabulary: 192 tokens and the stop token's word, but where it ends.
        let mut allowed = vec![0; if self.passed.len() == self.tokens { 7 } else { 6 }];
        for id in 0..32 * allowed.len() as u32 {
            allowed[id as usize / 32] |= u32::from(self.fits(id)) << (id % 32);
        }
        self.allowed = allowed;
        Ok(&self.allowed)
    }

    fn commit(&mut self, id: u32) -> Result<(), ConstraintError> {
        assert!(self.fits(id), "{id} after {:?}", self.passed);
        self.passed.push(id);
        Ok(())
    }
}

/// Looks at tokens once they were drawn: of some answers it allows all, of others those that three
/// divides or that end the answer.
#[derive(Debug)]
pub struct Loose {
    pub all: bool,
}

#[derive(Debug)]
struct LooseState {
    all: bool,
    /// Of the last token that may not come.
    refused: Option<u32>,
    allowed: Vec<u32>,
}

impl Constraint for Loose {
    fn begin(&self) -> Box<dyn ConstraintState> {
        Box::new(LooseState { all: self.all, refused: None, allowed: Vec::new() })
    }
}

impl ConstraintState for LooseState {
    fn is_loose(&self) -> bool {
        true
    }

    fn allows(&mut self, id: u32) -> Result<bool, ConstraintError> {
        let allows = self.all || id.is_multiple_of(3) || id == STOP;
        self.refused = (!allows).then_some(id);
        Ok(allows)
    }

    fn allowed(&mut self) -> Result<&[u32], ConstraintError> {
        assert!(self.refused.is_some(), "nobody has to know, where what was drawn may come");
        self.allowed = vec![0; 7];
        (0..VOCAB as u32)
            .filter(|id| id.is_multiple_of(3) || *id == STOP)
            .for_each(|id| self.allowed[id as usize / 32] |= 1 << (id % 32));
        Ok(&self.allowed)
    }

    fn commit(&mut self, id: u32) -> Result<(), ConstraintError> {
        assert!(self.all || id.is_multiple_of(3) || id == STOP, "{id}");
        self.refused = None;
        Ok(())
    }
}

/// Allows so many tokens, and then no other: `Ok` with an empty set or an error.
#[derive(Debug)]
pub struct Stuck {
    pub after: usize,
    pub says: Option<ConstraintError>,
}

#[derive(Debug)]
struct StuckState {
    left: usize,
    says: Option<ConstraintError>,
}

impl Constraint for Stuck {
    fn begin(&self) -> Box<dyn ConstraintState> {
        Box::new(StuckState { left: self.after, says: self.says.clone() })
    }
}

impl ConstraintState for StuckState {
    fn allowed(&mut self) -> Result<&[u32], ConstraintError> {
        match (self.left, &self.says) {
            (0, Some(error)) => Err(error.clone()),
            // A bit beyond the vocabulary is no token.
            (0, None) => Ok(&[0, 0, 0, 0, 0, 0, 1 << 8]),
            _ => Ok(&[0b100]),
        }
    }

    fn commit(&mut self, _: u32) -> Result<(), ConstraintError> {
        self.left -= 1;
        Ok(())
    }
}
