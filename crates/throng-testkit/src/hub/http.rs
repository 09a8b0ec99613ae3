//! As much of an HTTP server as a hub needs: one request a connection, a thread for each.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

/// A request without a body.
pub struct Asked {
    pub method: String,
    pub path: String,
    headers: Vec<(String, String)>,
}

impl Asked {
    /// A header by its name in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

/// An answer to it.
#[derive(Default)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Bytes of the body after which the connection breaks.
    pub cut: Option<usize>,
    /// Whether it stays open there, with nothing to say.
    pub stalls: bool,
}

/// Answers on a free port until the program ends.
///
/// # Panics
/// There is no free port.
pub fn serve(answer: impl Fn(Asked) -> Answer + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("this machine has a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            // A client that goes away early is the client's business.
            std::thread::spawn(move || drop(exchange(&stream, answer.as_ref())));
        }
    });
    address
}

fn exchange(mut stream: &TcpStream, answer: &dyn Fn(Asked) -> Answer) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = Vec::new();
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let is_head = method == "HEAD";
    let answer = answer(Asked { method, path, headers });
    let mut head = format!("HTTP/1.1 {} Whatever\r\nConnection: close\r\n", answer.status);
    if !answer.headers.iter().any(|(name, _)| name == "Content-Length") {
        head += &format!("Content-Length: {}\r\n", answer.body.len());
    }
    for (name, value) in &answer.headers {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all((head + "\r\n").as_bytes())?;
    let bytes = answer.cut.unwrap_or(usize::MAX).min(answer.body.len());
    if !is_head {
        stream.write_all(&answer.body[..bytes])?;
    }
    // A client that is done closes its end, and there is nothing more to read.
    if answer.stalls { stream.read(&mut [0]).map(drop) } else { Ok(()) }
}
