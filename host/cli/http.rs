//! Sends requests to a running server, as any client would. Each has a connection of its own and is
//! HTTP/1.0, so that the response ends with the connection and needs no decoding.

use std::fmt::{self, Write as _};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, bail};
use hayrick_app::settings::config::server_address;
use hayrick_app::settings::environment::Environment;
use hayrick_app::settings::sources::Sources;
use serde_json::Value;

use crate::args::ClientArgs;
use crate::output::{print_stderr, printable, text_at};

/// How long a server may take for a request that waits for nothing.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of the longest response: the largest job has two documents of 64 MiB.
const RESPONSE_BYTES_MAX: u64 = 160 << 20;

/// A server on this machine or another.
pub struct Server {
    address: SocketAddr,
    api_key: Option<String>,
}

/// The response of a server.
#[derive(Debug)]
pub struct HttpResponse {
    pub status: u16,
    /// The JSON document in the body.
    pub body: Value,
}

impl Server {
    /// The server that the flags, the environment and the settings file name.
    ///
    /// # Errors
    /// They have mistakes, or the key cannot be sent in a header.
    pub fn find(args: ClientArgs) -> anyhow::Result<Server> {
        let api_key = args.api_key.filter(|key| !key.trim().is_empty());
        if api_key
            .as_ref()
            .is_some_and(|key| !key.bytes().all(|byte| byte.is_ascii_graphic()))
        {
            bail!("the API key has invalid characters: check --api-key and HAYRICK_API_KEY");
        }
        Ok(Server {
            address: server_address(Sources::read(
                args.server.into(),
                Environment::of_process(),
            )?)?,
            api_key,
        })
    }

    /// Sends a GET.
    ///
    /// # Errors
    /// No server answers, or the server is not Hayrick.
    pub fn get(&self, path: &str) -> anyhow::Result<HttpResponse> {
        self.request("GET", path, &[], Duration::ZERO)
    }

    /// Sends a GET that the server may answer up to `wait` later.
    ///
    /// # Errors
    /// As [`Server::get`].
    pub fn get_waiting(&self, path: &str, wait: Duration) -> anyhow::Result<HttpResponse> {
        self.request("GET", path, &[], wait)
    }

    /// Sends a POST without a body.
    ///
    /// # Errors
    /// As [`Server::get`].
    pub fn post(&self, path: &str) -> anyhow::Result<HttpResponse> {
        self.request("POST", path, &[], Duration::ZERO)
    }

    /// Sends a POST with a body that the server may answer up to `wait` later.
    ///
    /// # Errors
    /// As [`Server::get`].
    pub fn post_waiting(
        &self,
        path: &str,
        body: &[u8],
        wait: Duration,
    ) -> anyhow::Result<HttpResponse> {
        self.request("POST", path, body, wait)
    }

    /// Sends a DELETE.
    ///
    /// # Errors
    /// As [`Server::get`].
    pub fn delete(&self, path: &str) -> anyhow::Result<HttpResponse> {
        self.request("DELETE", path, &[], Duration::ZERO)
    }

    fn request(
        &self,
        method: &str,
        path: &str,
        body: &[u8],
        wait: Duration,
    ) -> anyhow::Result<HttpResponse> {
        let response = self.exchange(method, path, body, wait).with_context(|| {
            format!(
                "no server answers on {self}: start one with `hayrick serve`, or name another \
                with --host and --port"
            )
        })?;
        parse(&response).with_context(|| {
            format!("{self} is not a Hayrick server: name another with --host and --port")
        })
    }

    fn exchange(
        &self,
        method: &str,
        path: &str,
        body: &[u8],
        wait: Duration,
    ) -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&self.address, TIMEOUT)?;
        stream.set_read_timeout(Some(TIMEOUT.saturating_add(wait)))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        let key = self
            .api_key
            .as_ref()
            .map(|key| format!("Authorization: Bearer {key}\r\n"))
            .unwrap_or_default();
        let (address, length) = (self.address, body.len());
        let head = format!(
            "{method} {path} HTTP/1.0\r\nHost: {address}\r\n{key}Accept: \
             application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes())?;
        // A server that refuses the request half-way has responded, and may read no more.
        let _ = stream.write_all(body);
        let mut response = String::new();
        stream
            .take(RESPONSE_BYTES_MAX)
            .read_to_string(&mut response)?;
        Ok(response)
    }
}

impl fmt::Display for Server {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "http://{}", self.address)
    }
}

impl HttpResponse {
    /// The error message, without control characters.
    pub fn error(&self) -> String {
        match self.body.pointer("/error/message") {
            Some(_) => text_at(&self.body, "/error/message"),
            None => format!("status {}", self.status),
        }
    }

    /// The document. If it does not exist, prints the error and returns `None`.
    ///
    /// # Errors
    /// The server refuses for another reason.
    pub fn found(self) -> anyhow::Result<Option<Value>> {
        match self.status {
            200..=299 => Ok(Some(self.body)),
            404 => {
                print_stderr(&format!("hayrick: {}", self.error()));
                Ok(None)
            }
            _ => bail!("{}", self.error()),
        }
    }
}

fn parse(response: &str) -> anyhow::Result<HttpResponse> {
    let (head, body) = response
        .split_once("\r\n\r\n")
        .context("the response is not HTTP")?;
    let line = head.lines().next().unwrap_or_default();
    let status = line
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .with_context(|| format!("the response begins with '{}'", printable(line)))?;
    match serde_json::from_str(body) {
        Ok(body) => Ok(HttpResponse { status, body }),
        Err(error) => bail!("the response has status {status} and is not JSON: {error}"),
    }
}

/// The path of these segments, with a query of the pairs that have a value. All are escaped, so
/// that no name can change the request.
pub fn path(segments: &[&str], query: &[(&str, Option<&str>)]) -> String {
    let mut path = String::new();
    for segment in segments {
        path.push('/');
        escape(segment, &mut path);
    }
    let mut separator = '?';
    for (name, value) in query
        .iter()
        .filter_map(|(name, value)| Some((name, (*value)?)))
    {
        path.push(separator);
        path.push_str(name);
        path.push('=');
        escape(value, &mut path);
        separator = '&';
    }
    path
}

fn escape(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_change_the_request() {
        let query = [
            ("status", Some("a&b")),
            ("type", None),
            ("before", Some("1")),
        ];
        assert_eq!(
            path(&["p q", "jobs", "é/../x\r\n"], &query),
            "/p%20q/jobs/%C3%A9%2F..%2Fx%0D%0A?status=a%26b&before=1"
        );
        assert_eq!(path(&["status"], &[]), "/status");
    }

    #[test]
    fn a_response_is_a_status_and_a_document() {
        let response = parse(
            "HTTP/1.0 404 Not Found\r\nx: y\r\n\r\n{\"error\": {\"message\": \"no\\u001b[2J\"}}",
        )
        .unwrap();
        assert_eq!(
            (response.status, response.error().as_str()),
            (404, "no [2J")
        );
        assert_eq!(
            parse("HTTP/1.0 502 Bad\r\n\r\n[]").unwrap().error(),
            "status 502"
        );
        for response in [
            "",
            "SSH-2.0\r\n",
            "SSH-2.0\r\n\r\n{}",
            "HTTP/1.0 200 OK\r\n\r\n<html>",
        ] {
            assert!(parse(response).is_err(), "{response:?}");
        }
    }
}
