//! `throng inspect`: what models are made of, and what they would do on this machine.

use std::io::{Write, stdout};

use anyhow::Result;
use console::Term;
use serde_json::Value;

use crate::args::InspectArgs;
use crate::failure::Failure;
use crate::inspect::{Report, Setting, Subject, json, table};
use crate::machine::Machine;
use crate::memory::free_bytes;
use crate::nano;
use crate::threads::threads;

/// Prints a table, or JSON.
///
/// # Errors
/// A model cannot be opened, or standard output is gone.
pub fn run(args: &InspectArgs) -> Result<()> {
    let nano = [nano::NAME.to_owned()];
    let names = if args.models.is_empty() { &nano[..] } else { &args.models };
    let request = args.quantize.unwrap_or_default();
    let subjects = names.iter().map(|name| Subject::find(name)?.quantised(&request));
    let subjects = subjects.collect::<Result<Vec<_>>>()?;
    let machine = Machine::this();
    let setting = Setting {
        context: args.context,
        kv_cache_dtype: args.kv_cache_dtype,
        bytes_per_second: match args.bandwidth {
            Some(rate) => rate * 1e9,
            None => bandwidth(&machine)?,
        },
        free_bytes: free_bytes(args.memory, &machine),
    };
    let reports: Vec<Report> =
        subjects.into_iter().map(|subject| Report::new(subject, setting)).collect();
    let mut out = stdout().lock();
    if args.json {
        let reports: Vec<Value> = reports.iter().map(json).collect();
        serde_json::to_writer_pretty(&mut out, &reports)?;
        writeln!(out)?;
    } else {
        let width = Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
        out.write_all(table(&reports, width).as_bytes())?;
    }
    Ok(())
}

/// Bytes a second that this machine reads from memory with all its cores.
fn bandwidth(machine: &Machine) -> Result<f64> {
    machine.bandwidth(threads(None)?)?.ok_or_else(|| {
        let message = "no memory to measure its bandwidth with".to_owned();
        let hint = "--bandwidth GB/S says what it is";
        Failure { message, hint }.into()
    })
}
