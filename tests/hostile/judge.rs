//! Judges what the host did: the expected outcome of the case, and the rules for every case.

use std::time::Duration;

use super::case::{Case, Drive, Expect};
use super::client::Seen;
use super::deploy::Deployed;
use super::neighbour::Load;

/// How far the neighbour's p99 may always rise.
pub const FLOOR: Duration = Duration::from_millis(5);
/// Maximum length of an error: nobody reads more.
const ERROR_BYTES_MAX: usize = 64 << 10;
/// The default `output_bytes_max` with every byte escaped, plus some.
const ANSWER_BYTES_MAX: u64 = 400 << 20;
/// How far one attack may raise the host's memory: twice the default memory limit of a guest.
pub const HOST_GROWTH_MAX: u64 = 512 << 20;

/// The highest acceptable p99 of the neighbour.
pub fn p99_max(quiet: Duration, floor: Duration) -> Duration {
    (quiet * 2).max(quiet + floor)
}

/// What is wrong with the neighbour.
pub fn neighbour(quiet: Duration, load: &Load, floor: Duration) -> Vec<String> {
    let mut problems = Vec::new();
    if let Some(first) = load.failures.first() {
        problems.push(format!(
            "{} of the neighbour's requests failed; the first: {first}",
            load.failures.len()
        ));
    }
    let max = p99_max(quiet, floor);
    if load.p99() > max {
        problems.push(format!(
            "the neighbour's p99 is {:?}, more than {max:?}",
            load.p99()
        ));
    }
    problems
}

/// What is wrong with the deploy; `answers` judges the cases that serve.
pub fn deploy(case: &Case, deployed: &Deployed) -> Vec<String> {
    match (case.expect, deployed) {
        (_, Deployed::Lost(why)) => vec![format!("the deploy had no outcome: {why}")],
        (Expect::Refused(texts), Deployed::Refused(reason)) => has_one(texts, reason),
        (Expect::Refused(_), Deployed::Serves) => {
            vec!["it serves, but should have been refused".to_owned()]
        }
        (Expect::RefusedOrHarmless, Deployed::Refused(reason)) => has_one(&[], reason),
        (_, Deployed::Refused(reason)) => vec![format!("the deploy was refused: {reason}")],
        (_, Deployed::Serves) => Vec::new(),
    }
}

fn has_one(texts: &[&str], found: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if !texts.is_empty() && !texts.iter().any(|text| found.contains(text)) {
        problems.push(format!(
            "none of {texts:?} in: {}",
            found.chars().take(200).collect::<String>()
        ));
    }
    if found.len() > ERROR_BYTES_MAX {
        problems.push(format!("an error of {} bytes", found.len()));
    }
    problems
}

/// What is wrong with what the client saw.
pub fn answers(case: &Case, seen: &[Seen]) -> Vec<String> {
    let mut problems: Vec<String> = seen.iter().flat_map(|seen| answer(case, seen)).collect();
    problems.dedup();
    problems.truncate(5);
    problems
}

fn answer(case: &Case, seen: &Seen) -> Vec<String> {
    let mut problems = seen.faults.clone();
    if seen.bytes > ANSWER_BYTES_MAX {
        problems.push(format!("an answer of {} bytes", seen.bytes));
    }
    if let Some(error) = &seen.error {
        problems.extend(has_one(&[], error));
    }
    if seen.text.contains("IN REACH") {
        let line = seen
            .text
            .lines()
            .find(|line| line.contains("IN REACH"))
            .unwrap_or_default();
        problems.push(format!("the attack succeeded: {line}"));
    }
    if !problems.is_empty() {
        return problems;
    }
    match (case.expect, &seen.error) {
        (Expect::Fails(texts), Some(error)) => has_one(texts, error),
        (Expect::Fails(_), None) => vec![format!("it did not fail: {}", seen.summary())],
        (Expect::Answers(_), Some(error)) => vec![format!("it failed: {error}")],
        (Expect::Answers(text), None) if !seen.text.contains(text) => {
            vec![format!("no {text:?} in: {}", seen.summary())]
        }
        // Every chat case reports its attempts; files and jobs report differently.
        (Expect::Contained, None)
            if seen.text.is_empty() && !matches!(case.drive, Drive::Files | Drive::Job) =>
        {
            vec!["it succeeded but reported nothing".to_owned()]
        }
        _ => Vec::new(),
    }
}
