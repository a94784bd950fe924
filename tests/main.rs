//! The integration tests: real guests, a real host in its own process, HTTP from outside.
//!
//! The guests are built by `sh tests/guests/build.sh`; `sh tests/run.sh` does that and everything
//! else.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "clippy does not count the support of the tests as tests; here a panic is the report, and a task ends with its test"
)]

/// The dependency rules of ARCHITECTURE.md, and the tidiness of every file.
mod architecture;
/// The batch plugin over a model that takes its time, refuses some items, and counts who asks.
mod batch;
/// Components made to hurt the compiler, and the process that has to do with them.
mod compile_aside;
/// Compiled code that was touched, exchanged or brought along is never run.
mod compile_cache;
/// One guest in three languages, the same cases: the contract holds for all of them.
mod contract;
/// The page about the contract, generated from the WIT files.
mod contract_page;
/// Deploys over HTTP and by command: races, refusals, kills.
mod deploy;
/// Deploys by request: whose key may do them, and that each is in the audit log.
mod deploy_keys;
/// Names and places that no deploy may take, and clients that may not deploy.
mod deploy_names;
/// What was acknowledged survives: SIGKILL at any moment, a job that takes its host down, a disk
/// that is full.
mod durability;
/// What plugins may ask of the network, by `http` and by `wasi:http`: rules, addresses, redirects,
/// secrets.
mod egress;
/// What a request to the network may contain, and how much and how long.
mod egress_bounds;
/// Every function of the contract, called by a guest of each package.
mod every_call;
/// Forms of files: what comes through, every bound, and that nothing of them stays on disk or in
/// memory.
mod files;
/// The seeds of the fuzz targets, against a real host.
mod fuzz_seeds;
/// A client that hangs up: the guest is gone, and so is the connection to the upstream.
mod hangup;
/// The corpus of hostile guests, and who attacks a server with it.
#[expect(
    dead_code,
    reason = "the example `hostile` compiles it, too, and has uses for all of it"
)]
mod hostile;
/// The corpus against a host of low limits, a theme a test.
mod hostile_corpus;
/// What a guest cannot reach: files, network, environment, other runs.
mod isolation;
/// `hayrick jobs`, from outside.
mod jobs_cli;
/// Clients that follow a job over HTTP: wait, events, cancel, retry.
mod jobs_follow;
/// The queue as a guest sees it: the host's functions, and the chat of the example plugin over
/// them.
mod jobs_guest;
/// Jobs over HTTP: submit, look, list, and each refusal.
mod jobs_http;
/// Which jobs run first, how many at a time, and what a reload or a stop does to them.
mod jobs_places;
/// What becomes of a job: attempts, back-off, progress, timeouts, cancel.
mod jobs_worker;
/// API keys at the border: who gets in, who does not, and what each may do.
mod keys;
/// What a key may do how often, and what a web page may not do at all.
mod keys_bounds;
/// `hayrick keys` and `hayrick audit`, beside a running server and without one.
mod keys_cli;
/// Start, busy port, wrong flags and settings, SIGTERM.
mod lifecycle;
/// Failures with a limit on their way through a guest.
mod limit_failures;
/// Each limit, reached, and the neighbour who does not notice.
mod limits;
/// Limits of what a run makes the host hold and do for it.
mod limits_host;
/// `/metrics`: what a scrape sees.
mod metrics;
/// The OpenAI surface, plain and streamed, and each of its errors.
mod openai_chat;
/// The official `openai` client of Python, as a suite of its own.
mod openai_client;
/// What a component asks and what the operator grants.
mod policy;
/// What a grant gives and no more, and the commands about it.
mod policy_grants;
/// Files that come, change, go and are wrong, while streams run.
mod reload;
/// The OpenAPI document, and requests made from it: the server does what it says.
mod schema_run;
/// The customer's own test script, and a client of ours that asks the same.
mod seed_client;
/// The settings page, and what `hayrick config show` says of the settings in force.
mod settings;
/// Clients that are slow, many or idle.
mod slow_clients;
/// What plugins remember: their own, within bounds, and whatever happens to the process.
mod state;
/// The support of the tests.
mod support;
/// What is recorded of every run, while it goes on and afterwards.
mod tasks;
/// Which tasks are kept, listed and deleted, and what outlives a restart.
mod tasks_kept;
/// A model server that misbehaves, and what the client sees of it.
mod upstream;
/// Instances that are kept between runs, where that is granted.
mod warm;
