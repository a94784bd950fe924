//! Jobs in the host's SQLite file, which only this process uses.
//!
//! A lease lasts as long as its owner, the process: no clock can end it. So a heartbeat writes
//! nothing, and the next process can take back at once what a dead one held.

mod claim;
mod lease;
mod query;
mod reclaim;
mod request;
mod row;
mod settle;
mod submit;
mod sweep;

use std::sync::Arc;

use hayrick_types::clock::Clocks;
use hayrick_types::job::{
    AttemptEnd, Claimed, Job, JobCounts, JobFilter, JobId, JobPage, Lease, OwnerId, Progress,
    Submitted,
};
use hayrick_types::settings::jobs::Retention;

use crate::backoff::Backoff;
use crate::database::Database;
use crate::jobs::attempt::Rules;
use crate::jobs::config::JobsConfig;
use crate::jobs::store::{Claim, JobStore, NewJob, Notice, Reclaimed, StoreFuture};

/// The store.
pub struct SqliteJobs {
    database: Database,
    clocks: Clocks,
    rules: Arc<Rules>,
    pending_max: u64,
    page_bytes_max: usize,
}

impl SqliteJobs {
    /// Jobs of this database. `seed` makes the waits between attempts differ from those of other hosts.
    pub fn new(
        database: Database,
        config: &JobsConfig,
        clocks: impl Into<Clocks>,
        seed: u64,
    ) -> SqliteJobs {
        let backoff = Backoff::new(
            config.settings.backoff_base,
            config.settings.backoff_cap,
            seed,
        );
        let rules = Arc::new(Rules {
            backoff,
            delay_max: config.settings.delay_max,
            crashes_max: config.settings.crashes_max,
        });
        SqliteJobs {
            database,
            clocks: clocks.into(),
            rules,
            pending_max: config.settings.pending_max,
            page_bytes_max: config.settings.page_bytes_max,
        }
    }

    fn now(&self) -> u64 {
        (self.clocks.now)()
    }
}

impl JobStore for SqliteJobs {
    fn submit(&self, new: NewJob) -> StoreFuture<'_, Submitted> {
        let (now, pending_max) = (self.now(), self.pending_max);
        Box::pin(
            self.database
                .write(move |connection| submit::submit(connection, new, now, pending_max)),
        )
    }

    fn get<'a>(&'a self, pipeline: &'a str, id: JobId) -> StoreFuture<'a, Job> {
        let name = pipeline.to_owned();
        let query = move |connection: &_| row::job_of_pipeline(connection, &name, id);
        Box::pin(
            self.database
                .read_for(pipeline, move |connection| query(connection)),
        )
    }

    fn list(&self, filter: JobFilter) -> StoreFuture<'_, JobPage> {
        let bytes_max = self.page_bytes_max;
        Box::pin(async move {
            let pipeline = filter.pipeline.clone();
            let query = move |connection: &_| query::list(connection, &filter, bytes_max);
            self.database
                .read_for(&pipeline, move |connection| query(connection))
                .await
        })
    }

    fn counts<'a>(&'a self, pipeline: &'a str) -> StoreFuture<'a, JobCounts> {
        let name = pipeline.to_owned();
        Box::pin(
            self.database
                .read_for(pipeline, move |connection| query::counts(connection, &name)),
        )
    }

    fn pending(&self) -> StoreFuture<'_, Vec<(String, u64)>> {
        Box::pin(self.database.read(|connection| query::pending(connection)))
    }

    fn cancel<'a>(&'a self, pipeline: &'a str, id: JobId) -> StoreFuture<'a, Job> {
        let (pipeline, now) = (pipeline.to_owned(), self.now());
        Box::pin(
            self.database
                .write(move |connection| request::cancel(connection, &pipeline, id, now)),
        )
    }

    fn retry<'a>(&'a self, pipeline: &'a str, id: JobId) -> StoreFuture<'a, Job> {
        let (pipeline, now, pending_max) = (pipeline.to_owned(), self.now(), self.pending_max);
        Box::pin(
            self.database.write(move |connection| {
                request::retry(connection, &pipeline, id, now, pending_max)
            }),
        )
    }

    fn claim(&self, claim: Claim) -> StoreFuture<'_, Vec<Claimed>> {
        let now = self.now();
        Box::pin(
            self.database
                .write(move |connection| claim::claim(connection, &claim, now)),
        )
    }

    fn heartbeat(&self, held: Vec<Lease>) -> StoreFuture<'_, Vec<Notice>> {
        Box::pin(
            self.database
                .read(move |connection| lease::notices(connection, &held)),
        )
    }

    fn report(&self, lease: Lease, progress: Progress) -> StoreFuture<'_, ()> {
        Box::pin(
            self.database
                .write(move |connection| lease::report(connection, lease, &progress)),
        )
    }

    fn checkpoint(&self, lease: Lease, document: String) -> StoreFuture<'_, ()> {
        Box::pin(
            self.database
                .write(move |connection| lease::checkpoint(connection, lease, &document)),
        )
    }

    fn finish(&self, lease: Lease, end: AttemptEnd) -> StoreFuture<'_, Job> {
        let (now, rules) = (self.now(), Arc::clone(&self.rules));
        Box::pin(
            self.database
                .write(move |connection| settle::finish(connection, lease, end, &rules, now)),
        )
    }

    fn reclaim(&self, owner: OwnerId) -> StoreFuture<'_, Vec<Reclaimed>> {
        let (now, rules) = (self.now(), Arc::clone(&self.rules));
        Box::pin(
            self.database
                .write(move |connection| reclaim::reclaim(connection, owner, &rules, now)),
        )
    }

    fn next_due(&self) -> StoreFuture<'_, Option<u64>> {
        Box::pin(
            self.database
                .read(move |connection| query::next_due(connection)),
        )
    }

    fn sweep(&self, retention: Retention) -> StoreFuture<'_, u64> {
        let now = (self.clocks.retention)();
        Box::pin(sweep::sweep(&self.database, retention, now))
    }
}

#[cfg(test)]
mod plan_tests;
