//! What a token costs on its way to a client when the model costs nothing:
//! `cargo xtask bench server [--streams 64]`.
//!
//! Streams of `/v1/chat/completions` run against the real server and the real engine over sockets of
//! this machine. The model answers at once, or after as long as a step of a model may take: at once,
//! the engine runs ahead of the sockets and many tokens go out together, so that shows the most that
//! gets through; with a pause each token goes out by itself, and that shows what one costs. Clients
//! share the machine, on one thread, and their time is told apart by the threads' names.

mod clients;
mod cpu;
mod model;
mod options;
mod served;
mod table;

use std::process::ExitCode;
use std::time::Instant;

use self::clients::Clients;
use self::cpu::Cpu;
use self::options::Options;
use self::table::Window;

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)) {
        Ok(options) => match run(&options) {
            Ok(()) => return ExitCode::SUCCESS,
            Err(error) => eprintln!("error: {error}"),
        },
        Err(error) => eprintln!("error: {error}\n{}", options::USAGE),
    }
    ExitCode::FAILURE
}

fn run(options: &Options) -> Result<(), String> {
    let text = |error: std::io::Error| error.to_string();
    print!("{}", table::heading(options));
    for &step in &options.steps {
        let address = served::start(options, step)?;
        let clients = Clients::start(address, options).map_err(text)?;
        // Until all streams run and their first tokens are far behind.
        clients.wait(options.window)?;
        let mut windows = Vec::new();
        for _ in 0..options.windows {
            let (begun, before, seen) =
                (Instant::now(), Cpu::read().map_err(text)?, clients.seen());
            clients.wait(options.window)?;
            windows.push(Window {
                time: begun.elapsed(),
                cpu: Cpu::read().map_err(text)? - before,
                seen: clients.seen() - seen,
            });
        }
        clients.stop();
        println!("{}", table::row(step, &windows));
    }
    Ok(())
}
