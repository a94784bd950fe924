//! Runs the program `hayrick` to its end, as at a prompt.

use std::process::Stdio;

use tokio::process::Command;

/// What a command left.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Runs `hayrick` with these words.
pub fn hayrick(words: &[&str]) -> Ended {
    hayrick_with(words, &[])
}

/// Runs `hayrick` with these words and variables.
pub fn hayrick_with(words: &[&str], variables: &[(&str, &str)]) -> Ended {
    let mut command = clean(Command::new(env!("CARGO_BIN_EXE_hayrick"))).into_std();
    command.envs(variables.iter().copied());
    let output = command.args(words).stdin(Stdio::null()).output().unwrap();
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Without what the tester's own environment says to Hayrick.
pub fn clean(mut command: Command) -> Command {
    for (name, _) in std::env::vars() {
        if ["HAYRICK_", "OPENAI_"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
            || name.to_ascii_lowercase().ends_with("_proxy")
        {
            command.env_remove(name);
        }
    }
    command
}
