//! `throng pull`: a model from the Hugging Face hub into its cache.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use bytesize::ByteSize;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use throng_hub::{Cache, Event, Hub, HubError, Plan, Reference, Settings};

use crate::args::PullArgs;
use crate::failure::Failure;

/// Files below this have no bar of their own: it would be gone before it could be read.
const SHORT_FETCH_BYTES: u64 = 16 << 20;

/// Columns for the names of files.
const MAX_NAME_COLUMNS: usize = 56;

/// Fetches what is missing and prints where the model is.
///
/// # Errors
/// The hub refuses or does not answer, what it sends is not what it says, or the disk is full.
pub fn run(args: &PullArgs) -> Result<()> {
    let settings = Settings::from_vars(|name| std::env::var_os(name))?;
    let reference = reference(args)?;
    if settings.offline {
        return look(&reference, args, settings);
    }
    let hub = Hub::new(&settings)?;
    let plan = hub.plan(&reference, &args.include, &|event| note(&event, None))?;
    show(&plan, &settings.endpoint);
    let model = match plan.missing_bytes() {
        0 => hub.fetch(&plan, &|event| note(&event, Some(&plan)))?,
        _ => {
            let bars = Bars::new(&plan);
            let fetched = hub.fetch(&plan, &|event| bars.show(&event));
            bars.clear();
            fetched?
        }
    };
    println!("{}", model.display());
    Ok(())
}

fn reference(args: &PullArgs) -> Result<Reference> {
    let mut reference: Reference = args.model.parse()?;
    if let Some(revision) = &args.revision {
        if args.model.contains('@') {
            let message = format!("{} names a revision, and so does --revision", args.model);
            return Err(Failure { message, hint: "leave one of them out" }.into());
        }
        reference.revision = revision.parse()?;
    }
    Ok(reference)
}

/// Without a network only the cache can say what there is.
fn look(reference: &Reference, args: &PullArgs, settings: Settings) -> Result<()> {
    let cached = Cache::new(settings.cache).find(reference);
    match cached {
        Ok(model) if args.include.is_empty() => {
            eprintln!("note: HF_HUB_OFFLINE is set; this is what the cache has");
            println!("{}", model.display());
            Ok(())
        }
        Ok(_) | Err(HubError::NotCached { .. }) => Err(HubError::Offline.into()),
        Err(error) => Err(error.into()),
    }
}

/// Says what is to be fetched.
fn show(plan: &Plan, endpoint: &str) {
    eprintln!("{} at {} from {endpoint}", plan.repo, &plan.commit[..12]);
    let columns = plan.files.iter().map(|file| file.path.as_str().chars().count()).max();
    let columns = columns.unwrap_or_default().min(MAX_NAME_COLUMNS);
    for file in &plan.files {
        let remark = match file.cached {
            cached if cached == file.size => "   is here".to_owned(),
            0 => String::new(),
            cached => format!("   {} are here", size(cached)),
        };
        eprintln!("  {:columns$} {:>10}{remark}", file.path.as_str(), size(file.size));
    }
    let total = size(plan.total_bytes);
    let missing = match plan.missing_bytes() {
        0 => "all of it here".to_owned(),
        missing => format!("{} to fetch", size(missing)),
    };
    match plan.files.len() {
        1 => eprintln!("1 file, {total}, {missing}"),
        count => eprintln!("{count} files, {total}, {missing}"),
    }
}

fn size(bytes: u64) -> String {
    ByteSize::b(bytes).display().si().to_string()
}

/// Says what a person should know while waiting.
fn note(event: &Event<'_>, plan: Option<&Plan>) {
    let name = |file: usize| plan.map_or("", |plan| plan.files[file].path.as_str());
    match event {
        Event::Retry { error, wait } => eprintln!("note: {error}; asking again in {wait:.0?}"),
        Event::Damaged { file } => {
            eprintln!("note: {} arrived damaged; fetching it again", name(*file));
        }
        Event::Waiting { file } => {
            eprintln!("note: another process fetches {}; waiting for it", name(*file));
        }
        Event::Checking { .. } | Event::Progress { .. } | Event::Done { .. } => {}
    }
}

/// A bar for all bytes that were missing, and one for each large file that is under way.
struct Bars<'a> {
    plan: &'a Plan,
    all: MultiProgress,
    total: ProgressBar,
    files: Vec<OnceLock<ProgressBar>>,
    /// Bytes of each file that were missing and have come.
    done: Vec<AtomicU64>,
}

impl<'a> Bars<'a> {
    fn new(plan: &'a Plan) -> Self {
        let all = MultiProgress::new();
        let total = all.add(bar(plan.missing_bytes(), "all"));
        let done = plan.files.iter().map(|_| AtomicU64::new(0)).collect();
        Self { plan, all, total, files: plan.files.iter().map(|_| OnceLock::new()).collect(), done }
    }

    fn show(&self, event: &Event<'_>) {
        match *event {
            Event::Checking { file, bytes } => {
                if let Some(bar) = self.bar(file, "checking ") {
                    bar.set_position(bytes);
                    bar.reset_eta();
                }
            }
            Event::Progress { file, bytes } => {
                let fetched = bytes.saturating_sub(self.plan.files[file].cached);
                let before = self.done[file].swap(fetched, Ordering::Relaxed);
                if fetched >= before {
                    self.total.inc(fetched - before);
                } else {
                    self.total.dec(before - fetched);
                }
                if let Some(bar) = self.bar(file, "") {
                    bar.set_position(bytes);
                }
            }
            Event::Done { file } => {
                if let Some(bar) = self.files[file].get() {
                    bar.finish_and_clear();
                }
            }
            _ => self.all.suspend(|| note(event, Some(self.plan))),
        }
    }

    /// The bar of a large file of which something is missing.
    fn bar(&self, file: usize, doing: &str) -> Option<&ProgressBar> {
        let planned = &self.plan.files[file];
        if planned.size < SHORT_FETCH_BYTES || planned.cached == planned.size {
            return None;
        }
        let name = planned.path.file_name();
        // Its end is the same for all, and its bar can use the room.
        let name = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let new = || self.all.insert_before(&self.total, bar(planned.size, ""));
        let bar = self.files[file].get_or_init(new);
        bar.set_message(format!("{doing}{name}"));
        Some(bar)
    }

    fn clear(&self) {
        for bar in self.files.iter().filter_map(OnceLock::get).chain([&self.total]) {
            bar.finish_and_clear();
        }
    }
}

fn bar(bytes: u64, name: &str) -> ProgressBar {
    let template = "{msg:22!} {wide_bar} {decimal_bytes:>9}/{decimal_total_bytes:9} \
                    {decimal_bytes_per_sec:>10} {eta:>4}";
    let style = ProgressStyle::with_template(template).expect("the template is ours");
    ProgressBar::new(bytes).with_style(style).with_message(name.to_owned())
}
