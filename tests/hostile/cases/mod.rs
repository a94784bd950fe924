//! The cases by theme, one row per attack.

pub mod ambient;
pub mod answer;
pub mod clients;
pub mod cpu;
pub mod host_calls;
pub mod identity;
pub mod jobs;
pub mod malformed;
pub mod memory;
pub mod time;
pub mod traps;

use super::case::Case;

/// All cases.
pub fn all() -> Vec<Case> {
    let themes: [&[Case]; 11] = [
        &cpu::CASES,
        &memory::CASES,
        &host_calls::CASES,
        &answer::CASES,
        &traps::CASES,
        &jobs::CASES,
        &identity::CASES,
        &ambient::CASES,
        &time::CASES,
        &malformed::CASES,
        &clients::CASES,
    ];
    themes.concat()
}
