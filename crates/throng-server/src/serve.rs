//! Listens, hands connections to the routes, and ends in good order.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::app::App;
use crate::patience::Patience;
use crate::routes;
use crate::serving::Serving;

/// How long a client may take to send a request's head; idle connections end after it too.
const HEAD_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a client may let a write wait.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long answers that run at shutdown may go on.
const GRACE: Duration = Duration::from_secs(10);
/// How long telling their clients that they may not may take.
const FAREWELL: Duration = Duration::from_secs(1);
/// Connections at once. The rest wait in the system's backlog.
const MAX_CONNECTIONS: usize = 1024;
/// Pause after the system refused to hand over a connection, for instance for want of file
/// descriptors, which only time gives back.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Threads for HTTP. The cores belong to the model.
const HTTP_THREADS: usize = 2;

/// The server could not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is taken, or not this machine's.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// No threads.
    #[error("cannot start the server's threads")]
    Runtime(#[source] io::Error),
}

/// Serves on `address` until SIGINT or SIGTERM. Calls `ready` with the address that is bound,
/// whose port is the system's choice if `address` has port 0.
///
/// # Errors
/// It cannot start.
pub fn run(
    address: SocketAddr,
    app: App,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), ServeError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(HTTP_THREADS)
        .thread_name("http")
        .enable_all()
        .build()
        .map_err(ServeError::Runtime)?;
    let result = runtime.block_on(async {
        let listen = |source| ServeError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        ready(listener.local_addr().map_err(listen)?);
        tokio::select! {
            () = serve(listener, app, signalled(1), GRACE) => {}
            // Whoever asks twice does not want to wait.
            () = signalled(2) => {}
        }
        Ok(())
    });
    // Prompts that are still being tokenised for nobody need not be waited for.
    runtime.shutdown_background();
    result
}

/// Serves until `shutdown` completes. Answers that run then may go on for `grace`; those that are
/// not done by then end with an error.
pub async fn serve(
    listener: TcpListener,
    app: App,
    shutdown: impl Future<Output = ()>,
    grace: Duration,
) {
    let (serving, close) = Serving::new(app);
    let routes = routes::table(serving);
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let connections = GracefulShutdown::new();
    tokio::pin!(shutdown);
    loop {
        let slot = slots.clone().acquire_owned();
        let accepted = async { (slot.await, listener.accept().await) };
        let (slot, stream) = tokio::select! {
            () = &mut shutdown => break,
            (slot, accepted) = accepted => match accepted {
                Ok((stream, _)) => (slot, stream),
                Err(_) => {
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        let connection = connections.watch(connection(stream, routes.clone()));
        tokio::spawn(async move {
            // An error here is a client that left or spoke no HTTP: nobody is there to be told.
            let _ = connection.await;
            drop(slot);
        });
    }
    drop(listener);
    let ended = connections.shutdown();
    tokio::pin!(ended);
    if tokio::time::timeout(grace, &mut ended).await.is_err() {
        // The clients of answers that still run are told, if they listen.
        close.send_replace(true);
        let _ = tokio::time::timeout(FAREWELL, ended).await;
    }
}

/// One client's connection.
fn connection(
    stream: TcpStream,
    routes: Router,
) -> http1::Connection<TokioIo<Patience<TcpStream>>, TowerToHyperService<Router>> {
    // Tokens are small and should leave at once; without it they merely come later.
    let _ = stream.set_nodelay(true);
    let stream = TokioIo::new(Patience::new(stream, WRITE_TIMEOUT));
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(stream, TowerToHyperService::new(routes))
}

/// Completes when SIGINT or SIGTERM have come so many times.
async fn signalled(times: usize) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let interrupt = signal(SignalKind::interrupt());
        let terminate = signal(SignalKind::terminate());
        let (Ok(mut interrupt), Ok(mut terminate)) = (interrupt, terminate) else {
            // The system's own way to end a program is left.
            return std::future::pending().await;
        };
        for _ in 0..times {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        }
    }
    #[cfg(not(unix))]
    for _ in 0..times {
        let _ = tokio::signal::ctrl_c().await;
    }
}
