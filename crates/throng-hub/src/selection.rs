//! Which files of a repository make up a model, by their names.

use crate::error::HubError;
use crate::gguf::{self, GgufModel};
use crate::reference::{Reference, RepoPath};

/// What stands beside weights in safetensors: what this engine reads, and what the tokenizers of
/// `transformers` want besides.
const COMPANIONS: [&str; 11] = [
    "config.json",
    "generation_config.json",
    "model.safetensors.index.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
    "chat_template.json",
];

/// Choices that an error names, at most.
pub(crate) const MAX_CHOICES: usize = 40;

/// The files of a model.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Selection {
    /// All of them.
    pub(crate) files: Vec<RepoPath>,
    /// The one that opens it; `None` where the folder does.
    pub(crate) opens: Option<RepoPath>,
}

/// The model that a reference means, among the files of its repository. Safetensors at the top come
/// first; `original/`, `metal/` and other folders, and pickled weights are left out.
///
/// # Errors
/// There is none, there are several, or it lacks parts.
pub(crate) fn select(reference: &Reference, files: &[RepoPath]) -> Result<Selection, HubError> {
    let weights = safetensors(files);
    if reference.file.is_some() || weights.is_empty() {
        return gguf(reference, files);
    }
    let companions = files.iter().filter(|file| COMPANIONS.contains(&file.as_str())).cloned();
    let files = companions.chain(weights.into_iter().cloned()).collect();
    Ok(Selection { files, opens: None })
}

/// `model….safetensors` at the top, and any others only where those are missing: some repositories
/// hold the same weights a second time under another name.
fn safetensors(files: &[RepoPath]) -> Vec<&RepoPath> {
    let all =
        files.iter().filter(|file| file.is_top_level() && file.as_str().ends_with(".safetensors"));
    let (usual, others): (Vec<_>, Vec<_>) =
        all.partition(|file| file.as_str().starts_with("model"));
    if usual.is_empty() { others } else { usual }
}

fn gguf(reference: &Reference, files: &[RepoPath]) -> Result<Selection, HubError> {
    let repo = reference.repo.to_string();
    let models = gguf::models(files);
    let wanted: Vec<&GgufModel> = match &reference.file {
        Some(file) => models.iter().filter(|model| model.is(file)).collect(),
        None => models.iter().collect(),
    };
    let model = match (wanted.as_slice(), &reference.file) {
        ([model], _) => model,
        ([], None) => return Err(HubError::NoModel { repo }),
        ([], Some(file)) => {
            let choices = choices(&models.iter().collect::<Vec<_>>());
            return Err(HubError::NoMatch { repo, wanted: file.clone(), choices });
        }
        (several, _) => return Err(HubError::Ambiguous { repo, choices: choices(several) }),
    };
    if model.parts.len() != model.expected {
        let (file, found, expected) = (model.stem.clone(), model.parts.len(), model.expected);
        return Err(HubError::MissingParts { repo, file, found, expected });
    }
    let files: Vec<RepoPath> = model.parts.iter().map(|&part| part.clone()).collect();
    Ok(Selection { opens: files.first().cloned(), files })
}

/// What a person types after the colon for each: the type where that is enough, else the path.
fn choices(models: &[&GgufModel]) -> Vec<String> {
    let choice = |model: &&GgufModel| {
        let unique = |name: &&str| models.iter().filter(|model| model.is(name)).count() == 1;
        model.type_name().filter(unique).map_or_else(|| model.parts[0].to_string(), str::to_owned)
    };
    models.iter().take(MAX_CHOICES).map(choice).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(
        reference: &str,
        names: &[&str],
    ) -> Result<(Vec<String>, Option<String>), HubError> {
        let files: Vec<RepoPath> = names.iter().map(|name| name.parse().unwrap()).collect();
        let selection = select(&reference.parse().unwrap(), &files)?;
        let files = selection.files.iter().map(ToString::to_string).collect();
        Ok((files, selection.opens.map(|file| file.to_string())))
    }

    #[test]
    fn safetensors_at_the_top_with_what_they_need() {
        let (files, opens) = selected(
            "a/b",
            &[
                ".gitattributes",
                "README.md",
                "chat_template.jinja",
                "config.json",
                "consolidated.safetensors",
                "metal/model.bin",
                "model-00001-of-00002.safetensors",
                "model-00002-of-00002.safetensors",
                "model.safetensors.index.json",
                "original/config.json",
                "original/model.safetensors",
                "pytorch_model.bin",
                "tokenizer.json",
            ],
        )
        .unwrap();
        let expected = [
            "chat_template.jinja",
            "config.json",
            "model.safetensors.index.json",
            "tokenizer.json",
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
        ];
        assert_eq!((files, opens), (expected.map(str::to_owned).to_vec(), None));
    }

    #[test]
    fn one_gguf_is_taken_and_of_several_one_is_chosen() {
        let names = ["m-Q8_0.gguf", "m-Q4_K_M-00001-of-00002.gguf", "m-Q4_K_M-00002-of-00002.gguf"];
        let (files, opens) = selected("a/b:q4_k_m", &names).unwrap();
        assert_eq!(files, names[1..]);
        assert_eq!(opens.as_deref(), Some(names[1]));
        assert_eq!(selected("a/b", &names[..1]).unwrap().0, names[..1]);
        let error = selected("a/b", &names).unwrap_err();
        assert_eq!(error.to_string(), "a/b has 2 GGUF models: Q4_K_M, Q8_0");
        assert_eq!(error.hint().as_deref(), Some("choose one, such as a/b:Q4_K_M"));
        let error = selected("a/b:Q2_K", &names).unwrap_err();
        assert!(error.to_string().ends_with("it has Q4_K_M, Q8_0"), "{error}");
        let error = selected("a/b", &names[1..2]).unwrap_err();
        assert!(matches!(error, HubError::MissingParts { found: 1, expected: 2, .. }), "{error}");
        assert!(matches!(selected("a/b", &["README.md"]), Err(HubError::NoModel { .. })));
        let both = ["model.safetensors", "m-Q8_0.gguf"];
        assert_eq!(selected("a/b", &both).unwrap().0, both[..1]);
        assert_eq!(selected("a/b:Q8_0", &both).unwrap().0, both[1..]);
    }

    #[test]
    fn types_that_several_have_are_offered_by_path() {
        let error = selected("a/b", &["x-Q8_0.gguf", "y-Q8_0.gguf"]).unwrap_err();
        assert_eq!(error.to_string(), "a/b has 2 GGUF models: x-Q8_0.gguf, y-Q8_0.gguf");
    }
}
