//! The client side of jobs: submit, get, wait, follow.

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::await_event::{SOON, eventually, within};
use super::client::{Client, Reply};

/// One event of a job's stream.
#[derive(Debug)]
pub struct Event {
    /// The revision of the job.
    pub id: u64,
    pub name: String,
    pub job: Value,
}

/// A stream of the events of a job.
pub struct Events {
    pub headers: HeaderMap,
    response: reqwest::Response,
    unread: String,
    /// Number of comments that were skipped.
    pub heartbeats: usize,
}

/// The body of a job whose data is a program of the guest `job-worker`.
pub fn program(data: Value) -> Value {
    json!({"type": "program", "data": data})
}

/// A program that sleeps.
pub fn sleep(ms: u64) -> Value {
    program(json!({"do": "sleep", "ms": ms}))
}

/// The body with further fields.
pub fn with(mut body: Value, fields: Value) -> Value {
    let Value::Object(fields) = fields else {
        panic!("no fields: {fields}")
    };
    body.as_object_mut().unwrap().extend(fields);
    body
}

/// The id of a job.
pub fn id(job: &Value) -> &str {
    job["id"]
        .as_str()
        .unwrap_or_else(|| panic!("no job: {job}"))
}

impl Client {
    /// Submits a job with this body and returns the whole response.
    pub async fn post_job(&self, pipeline: &str, body: &Value) -> Reply {
        self.send("POST", &format!("/{pipeline}/jobs"), &body.to_string())
            .await
    }

    /// Submits a job.
    ///
    /// # Panics
    /// It is refused.
    pub async fn submit(&self, pipeline: &str, body: Value) -> Value {
        let reply = self.post_job(pipeline, &body).await;
        assert_eq!(reply.status, 202, "{}", reply.body);
        reply.json()
    }

    /// The current state of a job.
    pub async fn job(&self, job: &Value) -> Value {
        self.of_job(job, "GET", "").await.json()
    }

    /// A request about a job; `rest` is what follows its path.
    pub async fn of_job(&self, job: &Value, method: &str, rest: &str) -> Reply {
        let pipeline = job["pipeline"].as_str().unwrap();
        self.send(method, &format!("/{pipeline}/jobs/{}{rest}", id(job)), "")
            .await
    }

    /// Waits until a job has ended, and returns it.
    ///
    /// # Panics
    /// It does not end.
    pub async fn ended(&self, job: &Value) -> Value {
        let ended = self.of_job(job, "GET", "?wait=60").await.json();
        assert!(
            ["completed", "failed", "cancelled"].contains(&ended["status"].as_str().unwrap()),
            "the job has not ended: {ended}"
        );
        ended
    }

    /// Submits a job and waits until it has ended.
    pub async fn work(&self, pipeline: &str, body: Value) -> Value {
        let job = self.submit(pipeline, body).await;
        self.ended(&job).await
    }

    /// Waits until a job has this status, and returns it.
    pub async fn job_is(&self, job: &Value, status: &str) -> Value {
        eventually(&format!("{} is {status}", id(job)), SOON, async || {
            let job = self.job(job).await;
            (job["status"] == status).then_some(job)
        })
        .await
    }

    /// The jobs that a query finds, newest first.
    pub async fn jobs(&self, pipeline: &str, query: &str) -> Vec<Value> {
        let list = self.get(&format!("/{pipeline}/jobs{query}")).await.json();
        list["data"]
            .as_array()
            .unwrap_or_else(|| panic!("no list: {list}"))
            .clone()
    }

    /// Follows a job from the event after `last`.
    pub async fn follow(&self, job: &Value, last: Option<u64>) -> Events {
        let path = format!(
            "/{}/jobs/{}/events",
            job["pipeline"].as_str().unwrap(),
            id(job)
        );
        let last = last.map(|id| ("last-event-id", id.to_string()));
        let response = self.open("GET", &path, last.as_slice(), "").await;
        assert_eq!(response.status().as_u16(), 200, "{path}");
        Events {
            headers: response.headers().clone(),
            response,
            unread: String::new(),
            heartbeats: 0,
        }
    }
}

impl Events {
    /// The next event; `None` at the end.
    ///
    /// # Panics
    /// The body is incomplete, or an event is invalid.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some((block, rest)) = self.unread.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.unread = rest;
                if !block.starts_with(':') {
                    return Some(Event::parse(&block));
                }
                self.heartbeats += 1;
            }
            let piece = within("more events", SOON, self.response.chunk())
                .await
                .expect("the body is incomplete")?;
            self.unread.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }

    /// Reads until this many heartbeats have arrived in total, skipping events.
    ///
    /// # Panics
    /// The stream ends too early.
    pub async fn beats(&mut self, count: usize) {
        while self.heartbeats + self.unread.matches(": heartbeat\n\n").count() < count {
            let piece = within("a heartbeat", SOON, self.response.chunk())
                .await
                .unwrap()
                .expect("the stream ended");
            self.unread.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }

    /// The rest of the stream.
    pub async fn rest(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

impl Event {
    fn parse(block: &str) -> Event {
        let field = |name: &str| {
            let line = block
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            line.unwrap_or_else(|| panic!("no {name} in {block:?}"))
        };
        Event {
            id: field("id").parse().unwrap(),
            name: field("event").to_owned(),
            job: serde_json::from_str(field("data")).unwrap(),
        }
    }
}
