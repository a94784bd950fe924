//! What the host owes, whatever the guest does: what was expected of the case, and the rules for
//! every case.

use std::time::Duration;

use super::case::{Case, Drive, Expect};
use super::client::Seen;
use super::deploy::Deployed;
use super::neighbour::Load;

/// The neighbour's p99 may double. On a machine whose processors the server, the attacker's client
/// and the neighbour's client share, a quiet p99 of 2 ms doubles by the attacker's client alone: so
/// far it may rise in any case.
pub const FLOOR: Duration = Duration::from_millis(25);
/// An error is a sentence; nobody reads more.
const ERROR_BYTES_MAX: usize = 64 << 10;
/// `output_bytes_max` by default, with every byte escaped, and some.
const ANSWER_BYTES_MAX: u64 = 400 << 20;
/// How far one attack may raise the memory of the host: the guest's own limit by default, and as
/// much again.
pub const HOST_GROWTH_MAX: u64 = 512 << 20;

/// The neighbour's p99 that is still in order.
pub fn p99_max(quiet: Duration, floor: Duration) -> Duration {
    (quiet * 2).max(quiet + floor)
}

/// What is wrong with the neighbour.
pub fn neighbour(quiet: Duration, load: &Load, floor: Duration) -> Vec<String> {
    let mut problems = Vec::new();
    if let Some(first) = load.failures.first() {
        problems.push(format!(
            "{} requests of the neighbour failed; the first: {first}",
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

/// What is wrong with the deploy; `seen` is asked only of what serves.
pub fn deploy(case: &Case, deployed: &Deployed) -> Vec<String> {
    match (case.expect, deployed) {
        (_, Deployed::Lost(why)) => vec![format!("the deploy came to nothing: {why}")],
        (Expect::Refused(words), Deployed::Refused(reason)) => has_one(words, reason),
        (Expect::Refused(_), Deployed::Serves) => {
            vec!["it serves, and should have been refused".to_owned()]
        }
        (Expect::RefusedOrHarmless, Deployed::Refused(reason)) => has_one(&[], reason),
        (_, Deployed::Refused(reason)) => vec![format!("the deploy was refused: {reason}")],
        (_, Deployed::Serves) => Vec::new(),
    }
}

fn has_one(words: &[&str], text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if !words.is_empty() && !words.iter().any(|word| text.contains(word)) {
        problems.push(format!(
            "none of {words:?} in: {}",
            text.chars().take(200).collect::<String>()
        ));
    }
    if text.len() > ERROR_BYTES_MAX {
        problems.push(format!("an error of {} bytes", text.len()));
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
        (Expect::Fails(words), Some(error)) => has_one(words, error),
        (Expect::Fails(_), None) => vec![format!("it did not fail: {}", seen.summary())],
        (Expect::Answers(_), Some(error)) => vec![format!("it failed: {error}")],
        (Expect::Answers(text), None) if !seen.text.contains(text) => {
            vec![format!("no {text:?} in: {}", seen.summary())]
        }
        // A report says of each attempt what came of it; in files and jobs the words differ.
        (Expect::Contained, None)
            if seen.text.is_empty() && !matches!(case.drive, Drive::Files | Drive::Job) =>
        {
            vec!["it ended well and reported nothing".to_owned()]
        }
        _ => Vec::new(),
    }
}
