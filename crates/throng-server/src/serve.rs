//! Listens, loads, hands connections to the routes, and ends in good order.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::app::App;
use crate::config::{Notice, ServerConfig};
use crate::connections::{Client, Connections};
use crate::patience::Patience;
use crate::routes;
use crate::signals::Signals;
use crate::state::ServerState;

/// How long the last words to clients may take once no answer runs any more.
const FAREWELL: Duration = Duration::from_secs(2);
/// Pause after the system refused to hand over a connection, for instance for want of file
/// descriptors, unless a connection that ends gives one back before.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Bytes that a connection buffers at most, of a request's head and of an answer that the system
/// does not take yet.
const MAX_BUFFER: usize = 64 << 10;
/// Threads for HTTP. The cores belong to the model.
const HTTP_THREADS: usize = 2;
/// As large as a main thread's.
const LOADING_STACK_BYTES: usize = 8 << 20;

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

/// Listens on `address`, loads the model, and serves it until SIGINT or SIGTERM; answers that run
/// then are waited for, until a second signal. Whoever asks before the model is there is told so.
///
/// # Errors
/// The server cannot start, or `load` failed.
pub fn run<E>(
    address: SocketAddr,
    config: ServerConfig,
    load: impl FnOnce() -> Result<App, E> + Send + 'static,
    tell: impl Fn(Notice),
) -> Result<(), E>
where
    E: From<ServeError> + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(HTTP_THREADS)
        .thread_name("http")
        .enable_all()
        .build()
        .map_err(ServeError::Runtime)?;
    let result = runtime.block_on(async {
        let listen = |source| ServeError::Listen { address, source };
        let (mut once, mut twice) = (Signals::new(), Signals::new());
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        tell(Notice::Listening(listener.local_addr().map_err(listen)?));
        let loading = on_own_thread(load)?;
        tokio::select! {
            result = serve(listener, config, loading, once.come(1), tell) => result,
            // Whoever asks twice does not want to wait.
            () = twice.come(2) => Ok(()),
        }
    });
    // A model that still loads, and prompts that are tokenised for nobody, need not be waited for.
    runtime.shutdown_background();
    result
}

/// Runs `load` where it keeps nobody waiting.
fn on_own_thread<T, E>(
    load: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<impl Future<Output = Result<T, E>>, ServeError>
where
    T: Send + 'static,
    E: Send + 'static,
{
    let (loaded, result) = oneshot::channel();
    let thread = std::thread::Builder::new()
        .name("loading".to_owned())
        .stack_size(LOADING_STACK_BYTES)
        // Nobody waits for a model any more once the server was told to stop.
        .spawn(move || drop(loaded.send(load())))
        .map_err(ServeError::Runtime)?;
    Ok(async move {
        match result.await {
            Ok(result) => result,
            Err(_) => match thread.join() {
                Err(panic) => std::panic::resume_unwind(panic),
                Ok(()) => unreachable!("a thread that ends well has sent its result"),
            },
        }
    })
}

/// Serves the model that `loading` gives until `shutdown` completes. Answers that run then may go
/// on for `config.drain_timeout`; those that are not done by then end with an error.
///
/// # Errors
/// Those of `loading`.
pub async fn serve<E>(
    listener: TcpListener,
    config: ServerConfig,
    loading: impl Future<Output = Result<App, E>>,
    shutdown: impl Future<Output = ()>,
    tell: impl Fn(Notice),
) -> Result<(), E> {
    let remote = |address: SocketAddr| !address.ip().to_canonical().is_loopback();
    let state = ServerState::new(&config, !listener.local_addr().is_ok_and(remote));
    let life = state.lifecycle.clone();
    let connections = GracefulShutdown::new();
    let routes = routes::table(state, &config.allowed_origins);
    let accepting = accept(&listener, &connections, Connections::new(config.connections), routes);
    let living = async {
        tokio::pin!(shutdown);
        let app = tokio::select! {
            app = loading => app?,
            () = &mut shutdown => return Ok(()),
        };
        let name = app.model.id.clone();
        life.ready(app);
        tell(Notice::Ready(name));
        shutdown.await;
        tell(Notice::Draining(life.running()));
        life.drain(config.drain_timeout).await;
        Ok(())
    };
    let result = tokio::select! {
        result = living => result,
        never = accepting => match never {},
    };
    drop(listener);
    // What was said last, and errors for those who still wait, are on their way.
    let _ = tokio::time::timeout(FAREWELL, connections.shutdown()).await;
    result
}

/// Takes connections for as long as it is polled. Those that find no place wait in the system's
/// backlog.
async fn accept(
    listener: &TcpListener,
    watched: &GracefulShutdown,
    places: Connections,
    routes: Router,
) -> Infallible {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            let _ = tokio::time::timeout(ACCEPT_PAUSE, places.vacated()).await;
            continue;
        };
        let place = places.place().await;
        let connection = watched.watch(connection(stream, routes.clone(), place.client().clone()));
        tokio::spawn(async move {
            tokio::select! {
                // An error here is a client that left or spoke no HTTP: nobody is there to be told.
                _ = connection => {}
                () = place.is_needed() => {}
            }
        });
    }
}

/// One client's connection.
fn connection(
    stream: TcpStream,
    routes: Router,
    client: Client,
) -> impl GracefulConnection<Error = hyper::Error> + Send {
    // Tokens are small and should leave at once; without it they merely come later.
    let _ = stream.set_nodelay(true);
    let limits = *client.limits();
    let stream = TokioIo::new(Patience::new(stream, limits.write_timeout));
    let routes = TowerToHyperService::new(routes);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(client.clone());
        routes.call(request)
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_buf_size(MAX_BUFFER)
        .serve_connection(stream, service)
}
