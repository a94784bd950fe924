//! Kills a host repeatedly while clients submit jobs and it runs them; then checks that it kept
//! everything it had acknowledged.
//!
//! Executions are counted outside the store: every attempt calls a model whose server is in this
//! process.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::Method;
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until, timeout};

use super::await_event::{eventually, within};
use super::client::Client;
use super::fake_upstream::{Behaviour, FakeUpstream};
use super::host::TestHost;
use super::launch::Process;
use super::random::Random;

const PIPELINE: &str = "job-worker";
const CLIENTS: usize = 4;
/// Maximum number of concurrent attempts.
pub const JOBS_MAX: usize = 8;
/// Pause between two jobs of a client; all clients together submit more than the worker can do.
const PACE: Duration = Duration::from_millis(25);
/// An attempt takes as long as its model: two tokens, with this pause before each.
const TOKEN_PAUSE: Duration = Duration::from_millis(20);
/// Three of four hosts are killed within this time after their greeting …
const LIFE_MAX: Duration = Duration::from_millis(1500);
/// … and the fourth within this time after its start.
const START_MAX: Duration = Duration::from_millis(150);
/// After this many jobs, a client resends one that it knows to be stored.
const REPLAY_EVERY: u64 = 8;
const SETTLE_DEADLINE: Duration = Duration::from_secs(600);
const PAGE: usize = 1000;

/// The results of a kill loop.
#[derive(Debug)]
pub struct KillReport {
    pub kills: usize,
    /// Hosts that were killed before they served.
    pub killed_at_start: usize,
    /// Jobs that were acknowledged with 202: from the text of each job to its id.
    pub acknowledged: BTreeMap<String, String>,
    /// All jobs at the end, by id.
    pub jobs: BTreeMap<String, Job>,
    /// How often the model was called with each text.
    pub executions: BTreeMap<String, usize>,
    /// For each start that lasted long enough: the time until an interrupted job ran again.
    pub recoveries: Vec<Duration>,
    /// The result of SQLite's `integrity_check` after the last kill.
    pub integrity: String,
}

/// A job at the end.
#[derive(Debug)]
pub struct Job {
    pub status: String,
    pub attempt: usize,
    pub crashes: usize,
    pub result: Value,
}

impl KillReport {
    /// Executions beyond the first of each job.
    pub fn repeated(&self) -> usize {
        self.executions.values().map(|count| count - 1).sum()
    }

    /// Checks that the host kept what it had acknowledged.
    ///
    /// # Panics
    /// It did not.
    pub fn check(&self) {
        for (text, id) in &self.acknowledged {
            let job = self
                .jobs
                .get(id)
                .unwrap_or_else(|| panic!("the job {id} was acknowledged and is lost"));
            assert_eq!(
                (job.status.as_str(), &job.result),
                ("completed", &json!(text)),
                "{id}: {job:?}"
            );
            let executions = self.executions.get(text).copied().unwrap_or_default();
            assert!(
                (1..=job.attempt).contains(&executions),
                "{executions} executions of {id}: {job:?}"
            );
            assert!(
                job.crashes <= self.kills && job.attempt == job.crashes + 1,
                "{id}: {job:?}"
            );
        }
        // Every submission was repeated until it was answered, so an additional job would be a
        // duplicate.
        assert_eq!(
            self.jobs.len(),
            self.acknowledged.len(),
            "stored jobs, and acknowledged jobs"
        );
        let (repeated, bound) = (self.repeated(), self.kills * JOBS_MAX);
        assert!(
            repeated <= bound,
            "{repeated} executions beyond the first, at most {bound} were to be"
        );
        assert_eq!(self.integrity, "ok");
    }

    /// The results as text.
    pub fn summary(&self) -> String {
        let mut recoveries = self.recoveries.clone();
        recoveries.sort_unstable();
        let at = |part: usize| {
            recoveries
                .get(recoveries.len().saturating_sub(1) * part / 100)
                .copied()
                .unwrap_or_default()
        };
        format!(
            "{} kills ({} of them before the host served), {} jobs acknowledged, {} lost; {} executions beyond the first, {} allowed; \
             from a start to an interrupted job running again: {:?} in the middle, {:?} of 95 in 100, {:?} at most, {} starts; integrity_check {}",
            self.kills,
            self.killed_at_start,
            self.acknowledged.len(),
            self.acknowledged
                .values()
                .filter(|id| !self.jobs.contains_key(*id))
                .count(),
            self.repeated(),
            self.kills * JOBS_MAX,
            at(50),
            at(95),
            at(100),
            recoveries.len(),
            self.integrity
        )
    }
}

/// Runs the loop: `kills` kills, and one more at the end.
pub async fn run(kills: usize, seed: u64) -> KillReport {
    let upstream = FakeUpstream::start(Behaviour::Slow {
        chunks: 2,
        pause: TOKEN_PAUSE,
    })
    .await;
    // Here, a job may be running at any number of kills without causing them.
    let limits = format!(
        "[jobs]\njobs_max = {JOBS_MAX}\nplugin_jobs_max = {JOBS_MAX}\ncrashes_max = 1000\nattempts = 100"
    );
    let launch = TestHost::builder()
        .guest(PIPELINE)
        .config(&limits)
        .upstream(&upstream.base_url())
        .prepare()
        .await;
    let (host, clients) = start_clients();
    let mut random = Random::new(seed);
    let (mut starts, mut killed_at_start) = (Vec::new(), 0);
    for _ in 0..kills {
        let mut process = launch.begin();
        starts.push(process.began);
        killed_at_start += usize::from(!live(&mut process, &host, &mut random).await);
        process.kill().await;
    }
    let mut process = launch.begin();
    starts.push(process.began);
    let client = Client::new(&format!("http://{}", process.address().await));
    host.send_replace(Host::Last(client.clone()));
    let acknowledged = within("the last submissions", SETTLE_DEADLINE, clients.join_all())
        .await
        .into_iter()
        .flatten()
        .collect();
    settled(&client).await;
    let jobs = all_jobs(&client).await;
    process.kill().await;
    let asked = asked(&upstream);
    let mut executions = BTreeMap::new();
    asked
        .iter()
        .for_each(|(text, _)| *executions.entry(text.clone()).or_default() += 1);
    let (recoveries, integrity) = (recoveries(&starts, &asked), integrity(&launch.data_dir));
    KillReport {
        kills,
        killed_at_start,
        acknowledged,
        jobs,
        executions,
        recoveries,
        integrity,
    }
}

/// Lets a host live for a while; returns whether it started serving.
async fn live(process: &mut Process, host: &watch::Sender<Host>, random: &mut Random) -> bool {
    let from_start = random.below(4) == 0;
    let life = random.span(if from_start { START_MAX } else { LIFE_MAX });
    let greeted = if from_start {
        timeout(life, process.address()).await.ok()
    } else {
        Some(process.address().await)
    };
    let Some(address) = greeted else { return false };
    host.send_replace(Host::At(Client::new(&format!("http://{address}"))));
    let from = if from_start {
        process.began
    } else {
        Instant::now()
    };
    sleep_until((from + life).into()).await;
    true
}

/// The current address of the host, for clients.
#[derive(Clone)]
enum Host {
    NotYet,
    At(Client),
    /// Clients finish what they started, and start nothing more.
    Last(Client),
}

/// Each client returns what was acknowledged to it.
type Clients = JoinSet<Vec<(String, String)>>;

fn start_clients() -> (watch::Sender<Host>, Clients) {
    let host = watch::Sender::new(Host::NotYet);
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        clients.spawn(submit_jobs(client, host.subscribe()));
    }
    (host, clients)
}

async fn submit_jobs(client: usize, host: watch::Receiver<Host>) -> Vec<(String, String)> {
    let mut acknowledged: Vec<(String, String)> = Vec::new();
    for number in 0_u64.. {
        if matches!(*host.borrow(), Host::Last(_)) {
            break;
        }
        let text = format!("job {number} of client {client}");
        let id = submit_until_acknowledged(&text, &host).await;
        acknowledged.push((text, id));
        if number % REPLAY_EVERY == 0 {
            let (text, id) = &acknowledged[acknowledged.len() / 2];
            assert_eq!(
                &submit_until_acknowledged(text, &host).await,
                id,
                "{text} was kept twice"
            );
        }
        sleep(PACE).await;
    }
    acknowledged
}

/// Sends a job with its idempotency key until a host acknowledges it.
async fn submit_until_acknowledged(text: &str, host: &watch::Receiver<Host>) -> String {
    let body = json!({"type": "program", "data": {"do": "ask", "text": text}}).to_string();
    let headers = [
        ("content-type", "application/json"),
        ("idempotency-key", text),
    ];
    loop {
        let current = host.borrow().clone();
        if let Host::At(client) | Host::Last(client) = current {
            match client
                .try_send(
                    Method::POST,
                    &format!("/{PIPELINE}/jobs"),
                    &headers,
                    body.clone(),
                )
                .await
            {
                Ok(reply) if reply.status == 202 => {
                    return reply.json()["id"].as_str().unwrap().to_owned();
                }
                // The plugins are not loaded yet.
                Ok(reply) => assert!(
                    [404, 503].contains(&reply.status),
                    "{}: {}",
                    reply.status,
                    reply.body
                ),
                // The host died, or has not started yet.
                Err(_) => {}
            }
        }
        sleep(PACE).await;
    }
}

/// Waits until all jobs have ended.
async fn settled(client: &Client) {
    eventually("every job has ended", SETTLE_DEADLINE, async || {
        let reply = client
            .try_send(Method::GET, &format!("/{PIPELINE}/jobs?limit=1"), &[], "")
            .await
            .ok()?;
        let counts = &reply.json()["counts"];
        (counts["pending"] == 0 && counts["running"] == 0).then_some(())
    })
    .await;
}

async fn all_jobs(client: &Client) -> BTreeMap<String, Job> {
    let mut jobs = BTreeMap::new();
    let mut path = format!("/{PIPELINE}/jobs?limit={PAGE}");
    loop {
        let page = client.get(&path).await.json();
        let number = |job: &Value, field: &str| job[field].as_u64().unwrap() as usize;
        for job in page["data"].as_array().unwrap() {
            let status = job["status"].as_str().unwrap().to_owned();
            let seen = Job {
                status,
                attempt: number(job, "attempt"),
                crashes: number(job, "crashes"),
                result: job["result"].clone(),
            };
            jobs.insert(job["id"].as_str().unwrap().to_owned(), seen);
        }
        let Some(next) = page["next"].as_str() else {
            return jobs;
        };
        path = format!("/{PIPELINE}/jobs?limit={PAGE}&before={next}");
    }
}

/// The texts the model was called with, in order, with the time.
fn asked(upstream: &FakeUpstream) -> Vec<(String, Instant)> {
    let text = |body: &str| {
        let body: Value = serde_json::from_str(body).unwrap();
        body["messages"][0]["content"]
            .as_str()
            .unwrap_or_else(|| panic!("no text in {body}"))
            .to_owned()
    };
    upstream
        .requests()
        .iter()
        .map(|request| (text(&request.body), request.at))
        .collect()
}

/// For each start: the time until the first interrupted job ran again.
fn recoveries(starts: &[Instant], asked: &[(String, Instant)]) -> Vec<Duration> {
    let ends = starts.iter().skip(1).map(Some).chain([None]);
    let first = |(start, end): (&Instant, Option<&Instant>)| {
        let before: HashSet<&str> = asked
            .iter()
            .filter(|(_, at)| at < start)
            .map(|(text, _)| text.as_str())
            .collect();
        let within = asked
            .iter()
            .filter(|(_, at)| at >= start && end.is_none_or(|end| at < end));
        within
            .filter(|(text, _)| before.contains(text.as_str()))
            .map(|(_, at)| *at - *start)
            .next()
    };
    starts.iter().zip(ends).filter_map(first).collect()
}

/// The result of SQLite's `integrity_check` for the store in an unused data folder.
pub fn integrity(data_dir: &Path) -> String {
    let file = Connection::open_with_flags(
        data_dir.join("hayrick.db"),
        OpenFlags::SQLITE_OPEN_READ_WRITE,
    )
    .unwrap();
    file.pragma_query_value(None, "integrity_check", |row| row.get(0))
        .unwrap()
}
