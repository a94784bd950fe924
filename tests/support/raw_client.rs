//! A low-level client for bad behaviour: hanging up midway, or sending half a request.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::await_event::{SOON, within};
use super::client::stream_body;

/// One connection. Dropping it closes it.
pub struct RawClient {
    socket: TcpStream,
    read: Vec<u8>,
}

impl RawClient {
    /// Connects and sends `request` unchanged.
    pub async fn send(address: &str, request: &str) -> RawClient {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        RawClient {
            socket,
            read: Vec::new(),
        }
    }

    /// Connects and requests a streamed answer.
    pub async fn stream(address: &str, model: &str, text: &str) -> RawClient {
        RawClient::send(
            address,
            &request(address, &stream_body(model, text).to_string()),
        )
        .await
    }

    /// Reads until `text` has arrived.
    ///
    /// # Panics
    /// The connection ends first.
    pub async fn read_until(&mut self, text: &str) {
        let read = async {
            while !contains(&self.read, text.as_bytes()) {
                let count = self.socket.read_buf(&mut self.read).await.unwrap();
                assert!(
                    count > 0,
                    "the connection ended before {text:?}: {}",
                    String::from_utf8_lossy(&self.read)
                );
            }
        };
        within(text, SOON, read).await;
    }

    /// Reads until the host resets the connection.
    ///
    /// # Panics
    /// It closes it in an orderly way.
    pub async fn read_to_reset(mut self) {
        let rest = self.socket.read_to_end(&mut self.read);
        let ended = within("the end of the connection", SOON, rest).await;
        let error = ended.expect_err("the connection was closed in an orderly way");
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }

    /// Reads until the host closes.
    pub async fn read_to_end(mut self) -> String {
        within(
            "the end of the connection",
            SOON,
            self.socket.read_to_end(&mut self.read),
        )
        .await
        .unwrap();
        String::from_utf8(self.read).unwrap()
    }
}

/// A raw chat request.
pub fn request(address: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
