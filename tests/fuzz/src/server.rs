//! A host as an operator runs it, except that it shares the fuzzer's process.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use hayrick_app::app::App;
use hayrick_app::settings::config::Config;
use hayrick_app::settings::environment::Environment;
use hayrick_app::settings::flags::Flags;
use hayrick_app::settings::sources::Sources;

use crate::answer::Answer;
use crate::compiler::serve_compiler;

/// If a response takes longer, the host hangs.
const ANSWER_DEADLINE: Duration = Duration::from_secs(10);
const START_DEADLINE: Duration = Duration::from_secs(300);
/// Limits small enough to be reached by a fuzzer's inputs.
const SETTINGS: &str = r#"
[server]
files_max = 4
file_bytes_max = 2048
upload_bytes_max = 4096
fields_max = 4
field_bytes_max = 256
body_bytes_max = 65536
[limits]
memory_bytes_max = 16777216
wall_time_max = "4s"
cpu_time_max = "2s"
chunk_bytes_max = 4096
output_bytes_max = 65536
log_lines_max = 10
[engine]
host_runs_max = 8
[jobs]
attempts = 1
timeout = "2s"
keep_completed = "1s"
keep_failed = "1s"
keep_cancelled = "1s"
"#;

/// Starts the host and waits until it serves its guests.
pub fn start() {
    serve_compiler();
    address();
}

fn address() -> SocketAddr {
    static ADDRESS: OnceLock<SocketAddr> = OnceLock::new();
    *ADDRESS.get_or_init(begin)
}

fn begin() -> SocketAddr {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let folder = tempfile::tempdir().unwrap();
        let sources = sources(folder.path());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let app = App::start(Config::resolve(sources).unwrap()).await.unwrap();
            sender.send(app.address().unwrap()).unwrap();
            // The host handles SIGTERM and SIGINT; the fuzzer ends by its own timer.
            app.serve().await.unwrap();
        });
        std::process::exit(0);
    });
    let address = receiver.recv().unwrap();
    let start = Instant::now();
    while exchange(
        address,
        &[b"GET /health/ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"],
    )
    .status
        != 200
    {
        assert!(start.elapsed() < START_DEADLINE, "the guests are not ready");
        std::thread::sleep(Duration::from_millis(50));
    }
    // Or every input would only meet the gate.
    let admitted = "GET /status HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    assert_eq!(exchange(address, &[admitted.as_bytes()]).status, 200);
    address
}

fn sources(folder: &Path) -> Sources {
    let components = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guests/components");
    let (plugins, config) = (folder.join("plugins"), folder.join("hayrick.toml"));
    std::fs::create_dir(&plugins).unwrap();
    for guest in ["echo-relay", "files-echo", "job-worker", "any-calls"] {
        let file = format!("{guest}.wasm");
        let copied = std::fs::copy(components.join(&file), plugins.join(&file));
        assert!(
            copied.is_ok(),
            "{file} has not been built: run `sh tests/guests/build.sh`"
        );
    }
    std::fs::write(&config, SETTINGS).unwrap();
    let flags = Flags {
        port: Some(0),
        plugins_dir: Some(plugins),
        data_dir: Some(folder.join("data")),
        config: Some(config),
        ..Flags::default()
    };
    Sources::read(flags, Environment::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// Sends a request whose body arrives in these pieces, each as a separate chunk and packet.
pub fn send_pieces(path: &str, content_type: &str, pieces: &[&[u8]]) -> Answer {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    let mut parts = vec![head.into_bytes()];
    for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
        parts.push([format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat());
    }
    parts.push(b"0\r\n\r\n".to_vec());
    exchange(
        address(),
        &parts.iter().map(Vec::as_slice).collect::<Vec<_>>(),
    )
}

/// Sends a request with a whole body.
pub fn send(path: &str, content_type: &str, body: &[u8]) -> Answer {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n"
    );
    exchange(address(), &[&[head.as_bytes(), body].concat()])
}

/// Sends a GET request.
pub fn get(path: &str) -> Answer {
    let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    exchange(address(), &[head.as_bytes()])
}

fn exchange(address: SocketAddr, parts: &[&[u8]]) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(ANSWER_DEADLINE)).unwrap();
    for part in parts {
        // A host that has already refused may stop reading; its response can still be read.
        if stream.write_all(part).is_err() {
            break;
        }
    }
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes);
    assert!(read.is_ok() || !bytes.is_empty(), "no response: {read:?}");
    Answer::parse(&bytes)
}
