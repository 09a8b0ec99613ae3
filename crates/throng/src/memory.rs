//! The plan of a model's memory, as a person sees it, and the refusal of one that does not fit.

use bytesize::ByteSize;
use throng_engine::{KvRoom, Sizing, Verdict};
use throng_model::{KvDtype, MemoryPlan};

use crate::machine::Machine;
use crate::units::{bytes, grouped};

/// What a model takes, and what there is.
pub struct Memory {
    /// What it takes.
    pub plan: MemoryPlan,
    /// What its KV cache has room for.
    pub room: KvRoom,
    /// What it may take; `None` where nobody knows.
    pub free_bytes: Option<usize>,
    /// Whether that is enough. Where nobody knows, it is.
    pub verdict: Verdict,
    /// How the KV cache keeps keys and values.
    pub kv_dtype: KvDtype,
    step_tokens: usize,
    draft_bytes: usize,
}

/// Memory that a model may take: what was typed, or what the machine has free.
pub fn free_bytes(typed: Option<ByteSize>, machine: &Machine) -> Option<usize> {
    let typed = typed.map(|size| usize::try_from(size.as_u64()).unwrap_or(usize::MAX));
    typed.or_else(|| machine.free_memory())
}

/// Memory for keys and values where nobody says, and nobody knows how much there is.
const KV_CACHE_MEMORY: usize = 1 << 30;

/// Memory for keys and values: what was typed, or the default where so much is free.
pub fn kv_bytes(typed: Option<ByteSize>, free: Option<usize>, sizing: &Sizing<'_>) -> usize {
    match (typed, free) {
        (Some(size), _) => usize::try_from(size.as_u64()).unwrap_or(usize::MAX),
        (None, Some(free)) => sizing.default_kv_bytes(free),
        (None, None) => KV_CACHE_MEMORY,
    }
}

impl Memory {
    /// Of a model that is to be run so, where so much is free and a model that drafts takes some.
    pub fn new(sizing: &Sizing<'_>, free_bytes: Option<usize>, draft_bytes: usize) -> Self {
        let verdict = |free: usize| sizing.verdict(free.saturating_sub(draft_bytes));
        Self {
            plan: sizing.plan(),
            room: sizing.room(),
            free_bytes,
            verdict: free_bytes.map_or(Verdict::Fits, verdict),
            kv_dtype: sizing.kv_dtype,
            step_tokens: sizing.config.max_batched_tokens,
            draft_bytes,
        }
    }

    /// The refusal, if it does not fit.
    pub fn check(&self, name: &str) -> Result<(), DoesNotFit> {
        let free_bytes = self.free_bytes.unwrap_or(usize::MAX);
        match self.verdict {
            Verdict::Fits => Ok(()),
            verdict => Err(DoesNotFit {
                name: name.into(),
                plan: self.plan,
                kv_dtype: self.kv_dtype,
                draft_bytes: self.draft_bytes,
                free_bytes,
                verdict,
            }),
        }
    }

    /// A short table, with a line's end at each line's end.
    pub fn table(&self, name: &str) -> String {
        let Self { plan, room, kv_dtype, step_tokens, draft_bytes, .. } = self;
        let free = match self.free_bytes {
            Some(free) => format!("of {} that may be taken", bytes(free)),
            None => "of an unknown amount".to_owned(),
        };
        let users = if room.users == 1 { "1 user" } else { &format!("{} users", room.users) };
        let [context, each] = [room.context, room.user_context].map(grouped);
        let cache = format!("in {kv_dtype}, {context} tokens of context; {users} at {each}");
        let step = format!("steps of {} tokens", grouped(*step_tokens));
        let rows = [
            ("weights", plan.weights_bytes, "as the kernels keep them"),
            ("KV cache", plan.kv_bytes, &cache),
            ("workspace", plan.workspace_bytes, &step),
            ("drafts", *draft_bytes, "the model that drafts, and its own KV cache"),
            ("in all", plan.total_bytes().saturating_add(*draft_bytes), &free),
        ];
        let rows = rows.into_iter().filter(|(what, size, _)| *what != "drafts" || *size > 0);
        let rows =
            rows.map(|(what, size, remark)| format!("  {what:<9} {:>8}  {remark}\n", bytes(size)));
        format!("memory of {name}\n{}", rows.collect::<String>())
    }
}

/// A model that the machine has no memory for.
#[derive(Debug)]
pub struct DoesNotFit {
    name: Box<str>,
    plan: MemoryPlan,
    kv_dtype: KvDtype,
    draft_bytes: usize,
    free_bytes: usize,
    verdict: Verdict,
}

impl std::fmt::Display for DoesNotFit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let needed = self.plan.total_bytes().saturating_add(self.draft_bytes);
        let (needed, free) = (bytes(needed), bytes(self.free_bytes));
        let drafts = if self.draft_bytes > 0 { " with the model that drafts for it" } else { "" };
        write!(f, "{}{drafts} takes {needed} of memory, and {free} may be taken", self.name)
    }
}

impl std::error::Error for DoesNotFit {}

impl DoesNotFit {
    /// The way out.
    pub fn hint(&self) -> String {
        let weights = bytes(self.plan.weights_bytes);
        match self.verdict {
            Verdict::SmallerKv(kv_bytes, room) => {
                let users = match room.users {
                    0 | 1 => String::new(),
                    users => format!(" or {users} users at {}", grouped(room.user_context)),
                };
                let (size, context) = (kv_bytes >> 20, grouped(room.context));
                let more = match self.kv_dtype {
                    KvDtype::F32 => "; --kv-cache-dtype fp8 has room for four times as many",
                    KvDtype::Bf16 => "; --kv-cache-dtype fp8 has room for twice as many",
                    KvDtype::Fp8 | KvDtype::Int8 => "",
                };
                format!(
                    "--kv-cache-memory {size}MiB fits, with {context} tokens of context for one \
                     user{users}{more}"
                )
            }
            _ if self.plan.weights_bytes > self.free_bytes => {
                format!(
                    "its weights alone take {weights}; --memory SIZE says how much may be taken"
                )
            }
            _ => format!(
                "its weights take {weights}, which leaves too little for keys, values and a step; \
                 `throng serve` takes less with a smaller --max-num-batched-tokens"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use throng_engine::EngineConfig;
    use throng_model::Precision;
    use throng_spec::{ModelSpec, builtin};

    use super::*;

    fn memory(free_bytes: Option<usize>) -> Memory {
        let spec = ModelSpec::from_config(&builtin::config("gpt-oss-20b").unwrap()).unwrap();
        let sizing = Sizing {
            spec: &spec,
            tensors: &spec.released(),
            precision: Precision::Fast,
            kv_dtype: KvDtype::Bf16,
            config: EngineConfig::default(),
            kv_bytes: 1 << 30,
            wanted_logits: None,
        };
        Memory::new(&sizing, free_bytes, 0)
    }

    #[test]
    fn a_plan_that_fits_is_a_table() {
        let memory = memory(Some(24_000_000_000));
        assert!(memory.check("m").is_ok());
        insta::assert_snapshot!(memory.table("gpt-oss-20b"));
    }

    #[test]
    fn a_plan_that_does_not_fit_says_what_would() {
        let said = |free| {
            let error = memory(Some(free)).check("gpt-oss-20b").unwrap_err();
            format!("error: {error}\nhint: {}\n", error.hint())
        };
        let sizes = [15_000_000_000, 14_300_000_000, 8_000_000_000];
        insta::assert_snapshot!(sizes.map(said).join("\n"));
    }

    #[test]
    fn where_nobody_knows_it_is_tried() {
        assert!(memory(None).check("m").is_ok());
    }
}
