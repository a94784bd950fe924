//! Runs one case, from its deploy to its verdict, next to the neighbour.

use std::time::{Duration, Instant};

use super::case::{Case, Drive};
use super::client::{Client, Seen};
use super::component::{built, bytes};
use super::deploy::{Deployed, Deployer};
use super::drive::{VICTIM, drive, is_idle};
use super::judge::{self, HOST_GROWTH_MAX};
use super::neighbour::{self, Load, beside};
use super::process;

/// A server and how to attack it.
#[derive(Debug, Clone)]
pub struct Target {
    pub url: String,
    pub api_key: Option<String>,
    pub deployer: Deployer,
    /// How long an attack may take; greater than the server's `wall_time_max`.
    pub patience: Duration,
    /// Requests to the neighbour per second.
    pub rate: u32,
    /// The minimum time to watch the neighbour in a case.
    pub watch: Duration,
    /// How long to watch the neighbour before the first case.
    pub quiet_watch: Duration,
    /// How far the neighbour's p99 may always rise.
    pub floor: Duration,
    /// The server's process id, if it is on this machine.
    pub pid: Option<u32>,
}

/// A server with the neighbour and the victim deployed.
pub struct Arena {
    client: Client,
    target: Target,
    /// The neighbour's load before any attack.
    pub quiet: Load,
}

/// The result of a case.
#[derive(Debug, Clone)]
pub struct Row {
    pub name: &'static str,
    pub theme: &'static str,
    pub tries: &'static str,
    /// A summary of what the client saw.
    pub saw: String,
    pub took: Duration,
    pub quiet_p99: Duration,
    pub load: Load,
    /// Whether the case was measured twice because the neighbour's p99 was its only problem.
    pub repeated: bool,
    /// How far the host's memory rose, at its peak.
    pub host_growth: Option<u64>,
    /// Empty if the host withstood the attack.
    pub problems: Vec<String>,
}

/// The raw observations of a case.
struct Observation {
    deployed: Deployed,
    seen: Vec<Seen>,
    load: Load,
    took: Duration,
}

impl Arena {
    /// Deploys neighbour and victim, and measures the neighbour without an attack.
    ///
    /// # Errors
    /// The server cannot be reached, or does not serve them.
    pub async fn open(target: Target) -> Result<Arena, String> {
        let client = Client::new(&target.url, target.api_key.clone())?;
        if client.get("/health/live").await.0 != 200 {
            return Err(format!(
                "no server answers at {}: start one with `hayrick serve`",
                target.url
            ));
        }
        for (pipeline, component) in [
            (neighbour::PIPELINE, neighbour::GUEST),
            (VICTIM, "hostile/victim"),
        ] {
            let deployed = target
                .deployer
                .deploy(&client, pipeline, built(component)?, target.patience)
                .await;
            if !matches!(deployed, Deployed::Serves) {
                return Err(format!("{pipeline} cannot be deployed: {deployed:?}"));
            }
        }
        // Warm up caches and connections before measuring.
        beside(&client, target.rate, Duration::from_millis(500), async {}).await;
        let ((), quiet) = beside(&client, target.rate, target.quiet_watch, async {}).await;
        match quiet.failures.first() {
            Some(failure) => Err(format!("the neighbour fails without an attack: {failure}")),
            None => Ok(Arena {
                client,
                target,
                quiet,
            }),
        }
    }

    /// Undeploys neighbour and victim.
    pub async fn close(self) {
        for pipeline in [neighbour::PIPELINE, VICTIM] {
            self.target.deployer.undeploy(&self.client, pipeline).await;
        }
    }

    /// Runs one case. If the neighbour's p99 is the only problem, the case runs a second time and
    /// the row says so: on a shared machine something else may have caused the first result, while
    /// an effect of the attack shows again.
    pub async fn attack(&self, case: &Case) -> Row {
        let first = self.once(case).await;
        let is_only_slow = first.load.failures.is_empty()
            && first.problems.len() == 1
            && first.load.p99() > self.p99_max();
        if !is_only_slow {
            return first;
        }
        let mut second = self.once(case).await;
        second.repeated = true;
        second
    }

    fn p99_max(&self) -> Duration {
        judge::p99_max(self.quiet.p99(), self.target.floor)
    }

    async fn once(&self, case: &Case) -> Row {
        let content = match bytes(case.component) {
            Ok(content) => content,
            Err(error) => return self.unbuilt(case, error),
        };
        self.target
            .deployer
            .undeploy(&self.client, &case.pipeline())
            .await;
        let before = self.target.pid.and_then(process::resident);
        self.target.pid.into_iter().for_each(process::forget);
        let observed = self.observe(case, content).await;
        let mut problems = judge::deploy(case, &observed.deployed);
        problems.extend(judge::answers(case, &observed.seen));
        problems.extend(judge::neighbour(
            self.quiet.p99(),
            &observed.load,
            self.target.floor,
        ));
        problems.extend(self.aftermath(case).await);
        let peak = self.target.pid.and_then(process::peak);
        let host_growth = before
            .zip(peak)
            .map(|(before, peak)| peak.saturating_sub(before));
        if let Some(bytes) = host_growth.filter(|bytes| *bytes > HOST_GROWTH_MAX) {
            problems.push(format!("the host's memory rose by {} MiB", bytes >> 20));
        }
        let saw = match (&observed.deployed, observed.seen.last()) {
            (Deployed::Refused(reason) | Deployed::Lost(reason), _) => {
                format!("refused: {}", reason.chars().take(110).collect::<String>())
            }
            (Deployed::Serves, Some(seen)) => seen.summary(),
            (Deployed::Serves, None) => "serves".to_owned(),
        };
        let (name, theme, tries, quiet_p99) =
            (case.name, case.theme.as_str(), case.tries, self.quiet.p99());
        Row {
            name,
            theme,
            tries,
            saw,
            took: observed.took,
            quiet_p99,
            load: observed.load,
            repeated: false,
            host_growth,
            problems,
        }
    }

    /// Watches the neighbour during the attack. Only cases that just deploy are measured during the
    /// deploy; all others start once they serve, so that compiling is not measured.
    async fn observe(&self, case: &Case, content: Vec<u8>) -> Observation {
        let (client, target, pipeline) = (&self.client, &self.target, case.pipeline());
        let deploy = target
            .deployer
            .deploy(client, &pipeline, content, target.patience);
        let start = Instant::now();
        if matches!(case.drive, Drive::Deploy) {
            let attack = async { (deploy.await, start.elapsed()) };
            let ((deployed, took), load) = beside(client, target.rate, target.watch, attack).await;
            return Observation {
                deployed,
                seen: Vec::new(),
                load,
                took,
            };
        }
        let deployed = deploy.await;
        if !matches!(deployed, Deployed::Serves) {
            return Observation {
                deployed,
                seen: Vec::new(),
                load: Load::default(),
                took: start.elapsed(),
            };
        }
        let start = Instant::now();
        let attack = async { (drive(client, case, target.patience).await, start.elapsed()) };
        let ((seen, took), load) = beside(client, target.rate, target.watch, attack).await;
        Observation {
            deployed,
            seen,
            load,
            took,
        }
    }

    /// Checks that nothing of the attack goes on, and that the host is up.
    async fn aftermath(&self, case: &Case) -> Vec<String> {
        let mut problems = Vec::new();
        let endless = matches!(case.drive, Drive::Watch);
        if !endless && !is_idle(&self.client, &case.pipeline(), self.target.patience).await {
            problems.push("one of its runs goes on afterwards".to_owned());
        }
        self.target
            .deployer
            .undeploy(&self.client, &case.pipeline())
            .await;
        if self.client.get("/health/live").await.0 != 200 {
            problems.push("the host is down".to_owned());
        }
        problems
    }

    fn unbuilt(&self, case: &Case, error: String) -> Row {
        let (name, theme, tries, quiet_p99) =
            (case.name, case.theme.as_str(), case.tries, self.quiet.p99());
        let (took, load) = (Duration::ZERO, Load::default());
        Row {
            name,
            theme,
            tries,
            saw: String::new(),
            took,
            quiet_p99,
            load,
            repeated: false,
            host_growth: None,
            problems: vec![error],
        }
    }
}
