//! The integration tests: real guests, a real host in its own process, HTTP from outside.
//!
//! The guests are built by `sh tests/guests/build.sh`; `sh tests/run.sh` does that and everything
//! else.
#![expect(
    clippy::too_many_lines,
    reason = "a test that tells one story from start to end is easier to follow in one piece"
)]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "clippy does not treat the support code as tests; here a panic is the report, and a \
              task ends with its test"
)]

/// The dependency rules of ARCHITECTURE.md, and style rules for every file.
mod architecture;
/// The batch plugin with a slow model that refuses some items and counts concurrent requests.
mod batch;
/// Many connections at one moment.
mod bursts;
/// What clients send that is unusual and means something.
mod client_inputs;
/// Components made to overload the compiler, and the process that compiles them.
mod compile_aside;
/// Compiled code that was modified, swapped or planted is never run.
mod compile_cache;
/// The same guest in three languages passes the same cases: the contract works for all of them.
mod contract;
/// The generated page about the contract.
mod contract_page;
/// Deploys over HTTP and by command: races, refusals, kills.
mod deploy;
/// Deploys over HTTP: which keys may deploy, and that each deploy is audited.
mod deploy_keys;
/// Names and paths that a deploy must not use, and clients that must not deploy.
mod deploy_names;
/// Acknowledged work survives SIGKILL at any moment, a job that crashes its host, and a full disk.
mod durability;
/// The HTTP requests of plugins, by `http` and by `wasi:http`: rules, addresses, redirects,
/// secrets.
mod egress;
/// What HTTP requests of plugins may contain, and their limits of size and time.
mod egress_bounds;
/// `POST /v1/embeddings`: by a plugin, by a public model, and what each of them may get wrong.
mod embeddings;
/// Every function of the contract, called by a guest of each package.
mod every_call;
/// File uploads: what plugins receive, every limit, and that nothing stays on disk or in memory.
mod files;
/// The seeds of the fuzz targets, against a real host.
mod fuzz_seeds;
/// When a client hangs up, the guest and the connection to the upstream end.
mod hangup;
/// Hayhooks' own command line, as PyPI has it, against this server.
mod hayhooks_client;
/// What requests hold while they arrive: shares of memory and disk.
mod held_bytes;
/// The corpus of hostile guests, and the code that attacks a server with it.
#[expect(
    dead_code,
    reason = "the example `hostile` also compiles it and uses all of it"
)]
mod hostile;
/// The corpus against a host with low limits, one test per theme.
mod hostile_corpus;
/// What a guest cannot access: files, network, environment, other runs.
mod isolation;
/// The command `hayrick jobs`.
mod jobs_cli;
/// Clients that follow a job over HTTP: wait, events, cancel, retry.
mod jobs_follow;
/// The queue from a guest's point of view: the host functions, and the chat of the example plugin
/// that uses them.
mod jobs_guest;
/// Jobs over HTTP: submit, get, list, and each refusal.
mod jobs_http;
/// Which jobs run first, how many run at a time, and how a reload or a shutdown affects them.
mod jobs_places;
/// The life of a job: attempts, backoff, progress, timeouts, cancel.
mod jobs_worker;
/// API keys: which are accepted, which are not, and what each key may do.
mod keys;
/// Rate limits of keys, and what a web page must not do.
mod keys_bounds;
/// `hayrick keys` and `hayrick audit`, with and without a running server.
mod keys_cli;
/// Start, port in use, invalid flags and settings, SIGTERM.
mod lifecycle;
/// Failures with a limit that pass through a guest.
mod limit_failures;
/// Each limit is enforced without affecting a neighbour.
mod limits;
/// Limits of what a run makes the host store and do.
mod limits_host;
/// `/metrics`.
mod metrics;
/// The OpenAI surface, plain and streamed, and each of its errors.
mod openai_chat;
/// The suite of the official `openai` client for Python.
mod openai_client;
/// What an operator does to a running server, and what happens to its log.
mod operation;
/// What a component asks for and what the operator grants.
mod policy;
/// What grants allow, and the commands about them.
mod policy_grants;
/// Behind a proxy: who is local, with a real nginx in front.
mod proxy;
/// Models that clients ask directly, by aliases that the operator made public.
mod public_models;
/// Files that are added, changed, removed and invalid, while streams run.
mod reload;
/// Files that are replaced in every way programs replace files.
mod reload_replaced;
/// `POST /{pipeline}/run`: inputs of every form, answers of every kind, and schemas of strangers.
mod run_api;
/// The OpenAPI document, and requests generated from it: the server behaves as documented.
mod schema_run;
/// The customer's test script, and our client that makes the same requests.
mod seed_client;
/// The settings page, and the output of `hayrick config show`.
mod settings;
/// The plugins that come with the project and need no suite of their own.
mod shipped_plugins;
/// Clients that are slow, many or idle.
mod slow_clients;
/// State of plugins: private, limited, and durable.
mod state;
/// What removed pipelines leave behind.
mod state_removed;
/// A store that goes wrong under a running server, and what a clean end leaves of it.
mod store_health;
/// Support code for the tests.
mod support;
/// The record of every run, during and after it.
mod tasks;
/// Which tasks are kept, listed and deleted, and what survives a restart.
mod tasks_kept;
/// Model servers that misbehave, and what the client sees.
mod upstream;
/// What real model servers send that OpenAI does not document, and `docs/upstreams.md`.
mod upstream_oddities;
/// Instances that are reused between runs, if that is granted.
mod warm;
