//! The log of a host under test, line by line as it is written.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::sync::watch;

use super::await_event::{SOON, within};

/// All lines so far; clones share them.
#[derive(Clone)]
pub struct Logs {
    lines: Arc<Mutex<Vec<String>>>,
    count: watch::Receiver<usize>,
}

impl Logs {
    /// Collects the lines of `pipe` until it is closed.
    pub fn gather(pipe: impl AsyncRead + Unpin + Send + 'static) -> Logs {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (counter, count) = watch::channel(0);
        let gathered = Arc::clone(&lines);
        tokio::spawn(async move {
            let mut reader = BufReader::new(pipe).lines();
            while let Ok(Some(line)) = reader.next_line().await {
                gathered.lock().unwrap().push(line);
                counter.send_modify(|count| *count += 1);
            }
        });
        Logs { lines, count }
    }

    /// All lines so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// Waits for the first line that contains all `fragments`.
    ///
    /// # Panics
    /// There is no such line.
    pub async fn line(&self, fragments: &[&str]) -> String {
        let mut count = self.count.clone();
        let find = async {
            loop {
                count.borrow_and_update();
                if let Some(line) = self
                    .lines()
                    .into_iter()
                    .find(|line| fragments.iter().all(|fragment| line.contains(fragment)))
                {
                    return line;
                }
                assert!(
                    count.changed().await.is_ok(),
                    "the host ended and its log has no line with {fragments:?}:\n{}",
                    self.tail()
                );
            }
        };
        within(&format!("a log line with {fragments:?}"), SOON, find).await
    }

    /// The end of the log, for the output of a failed test.
    pub fn tail(&self) -> String {
        let lines = self.lines();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}
