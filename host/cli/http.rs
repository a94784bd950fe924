//! Asks a running server, as any client would: one request a connection, in HTTP/1.0, whose answers
//! end with it, so that there is nothing to decode but a blank line.

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
use crate::output::{complain, harmless, word};

/// How long a server may take that has nothing to wait for.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The largest job has two documents of 64 MiB.
const ANSWER_BYTES_MAX: u64 = 160 << 20;

/// A server on this machine or another.
pub struct Server {
    address: SocketAddr,
    api_key: Option<String>,
}

/// What it answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// A JSON document.
    pub body: Value,
}

impl Server {
    /// The server that flags, environment and settings file name.
    ///
    /// # Errors
    /// They have mistakes, or the key is no text for a header.
    pub fn find(args: ClientArgs) -> anyhow::Result<Server> {
        let api_key = args.api_key.filter(|key| !key.trim().is_empty());
        if api_key
            .as_ref()
            .is_some_and(|key| !key.bytes().all(|byte| byte.is_ascii_graphic()))
        {
            bail!("the API key has characters that no key has: see --api-key and HAYRICK_API_KEY");
        }
        Ok(Server {
            address: server_address(Sources::read(
                args.server.into(),
                Environment::of_process(),
            )?)?,
            api_key,
        })
    }

    /// GET.
    ///
    /// # Errors
    /// No server answers there, or something that is no Hayrick does.
    pub fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.ask("GET", path, &[], Duration::ZERO)
    }

    /// GET of what may take up to `wait` by itself.
    ///
    /// # Errors
    /// As [`Server::get`].
    pub fn get_patiently(&self, path: &str, wait: Duration) -> anyhow::Result<Answer> {
        self.ask("GET", path, &[], wait)
    }

    /// POST of nothing.
    ///
    /// # Errors
    /// As [`Server::get`].
    pub fn post(&self, path: &str) -> anyhow::Result<Answer> {
        self.ask("POST", path, &[], Duration::ZERO)
    }

    /// POST of a body that may take the server up to `wait` to deal with.
    ///
    /// # Errors
    /// As [`Server::get`].
    pub fn post_patiently(
        &self,
        path: &str,
        body: &[u8],
        wait: Duration,
    ) -> anyhow::Result<Answer> {
        self.ask("POST", path, body, wait)
    }

    fn ask(&self, method: &str, path: &str, body: &[u8], wait: Duration) -> anyhow::Result<Answer> {
        let answer = self.exchange(method, path, body, wait).with_context(|| {
            format!("no Hayrick answers on {self}: start one with `hayrick serve`, or name another with --host and --port")
        })?;
        parse(&answer).with_context(|| {
            format!("what {self} answers is not Hayrick's: name another with --host and --port")
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
            "{method} {path} HTTP/1.0\r\nHost: {address}\r\n{key}Accept: application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes())?;
        // A server that refuses half-way has answered, and may take no more.
        let _ = stream.write_all(body);
        let mut answer = String::new();
        stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer)?;
        Ok(answer)
    }
}

impl fmt::Display for Server {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "http://{}", self.address)
    }
}

impl Answer {
    /// Why it is no success, without control characters.
    pub fn error(&self) -> String {
        match self.body.pointer("/error/message") {
            Some(_) => word(&self.body, "/error/message"),
            None => format!("status {}", self.status),
        }
    }

    /// What was asked for; none, with a word to the person, if it is absent.
    ///
    /// # Errors
    /// The server refuses for another reason.
    pub fn found(self) -> anyhow::Result<Option<Value>> {
        match self.status {
            200..=299 => Ok(Some(self.body)),
            404 => {
                complain(&format!("hayrick: {}", self.error()));
                Ok(None)
            }
            _ => bail!("{}", self.error()),
        }
    }
}

fn parse(answer: &str) -> anyhow::Result<Answer> {
    let (head, body) = answer.split_once("\r\n\r\n").context("it is no HTTP")?;
    let line = head.lines().next().unwrap_or_default();
    let status = line
        .split(' ')
        .nth(1)
        .and_then(|word| word.parse().ok())
        .with_context(|| format!("'{}'", harmless(line)))?;
    match serde_json::from_str(body) {
        Ok(body) => Ok(Answer { status, body }),
        Err(error) => bail!("status {status} and no JSON: {error}"),
    }
}

/// The path of these segments and the query of those pairs that have a value, each escaped: a name
/// never becomes another request.
pub fn path(segments: &[&str], query: &[(&str, Option<&str>)]) -> String {
    let mut path = String::new();
    for segment in segments {
        path.push('/');
        escape(segment, &mut path);
    }
    let mut mark = '?';
    for (name, value) in query
        .iter()
        .filter_map(|(name, value)| Some((name, (*value)?)))
    {
        path.push(mark);
        path.push_str(name);
        path.push('=');
        escape(value, &mut path);
        mark = '&';
    }
    path
}

fn escape(word: &str, out: &mut String) {
    for byte in word.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Text takes whatever is written to it.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_within_their_place() {
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
    fn an_answer_is_a_status_and_a_document() {
        let answer = parse(
            "HTTP/1.0 404 Not Found\r\nx: y\r\n\r\n{\"error\": {\"message\": \"no\\u001b[2J\"}}",
        )
        .unwrap();
        assert_eq!((answer.status, answer.error().as_str()), (404, "no [2J"));
        assert_eq!(
            parse("HTTP/1.0 502 Bad\r\n\r\n[]").unwrap().error(),
            "status 502"
        );
        for answer in [
            "",
            "SSH-2.0\r\n",
            "SSH-2.0\r\n\r\n{}",
            "HTTP/1.0 200 OK\r\n\r\n<html>",
        ] {
            assert!(parse(answer).is_err(), "{answer:?}");
        }
    }
}
