//! Tries to reach everything that guests must not reach, and reports one line per attempt.

use std::fmt::Debug;
use std::io;
use std::net::{TcpStream, ToSocketAddrs, UdpSocket};

use sdk::{ChatRequest, Outcome, say};

async fn chat(_request: ChatRequest) -> Outcome {
    let lines = [
        line("file /etc/passwd", std::fs::read_to_string("/etc/passwd")),
        line("file made here", std::fs::write("made-here", "x")),
        line("folder /", list("/")),
        line("folder .", list(".")),
        line("environment", non_empty(std::env::vars().collect())),
        line(
            "environment: arguments",
            non_empty(std::env::args().collect()),
        ),
        line("network tcp", answered(TcpStream::connect("127.0.0.1:9"))),
        line("network udp", UdpSocket::bind("127.0.0.1:0")),
        line(
            "network name",
            "localhost:80"
                .to_socket_addrs()
                .map(Iterator::collect::<Vec<_>>),
        ),
    ];
    say(lines.join("\n")).await
}

fn line<T: Debug>(attempt: &str, outcome: io::Result<T>) -> String {
    match outcome {
        Ok(found) => format!("{attempt}: IN REACH: {found:?}"),
        Err(error) => format!("{attempt}: denied: {error}"),
    }
}

fn list(folder: &str) -> io::Result<Vec<std::path::PathBuf>> {
    std::fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect()
}

fn non_empty<T>(found: Vec<T>) -> io::Result<Vec<T>> {
    if found.is_empty() {
        Err(io::Error::other("empty"))
    } else {
        Ok(found)
    }
}

/// A connection refused by the peer has left the sandbox too.
fn answered(connection: io::Result<TcpStream>) -> io::Result<String> {
    match connection {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(error),
        other => Ok(format!("{other:?}")),
    }
}

sdk::serve!(chat: chat);
