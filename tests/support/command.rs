//! Runs the program `hayrick` until it ends.

use std::process::Stdio;

use tokio::process::Command;

/// The result of a command.
#[derive(Debug)]
pub struct CommandOutput {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Runs `hayrick` with these arguments.
pub fn hayrick(args: &[&str]) -> CommandOutput {
    hayrick_with(args, &[])
}

/// Runs `hayrick` with these arguments and variables.
pub fn hayrick_with(args: &[&str], variables: &[(&str, &str)]) -> CommandOutput {
    let mut command = clean(Command::new(env!("CARGO_BIN_EXE_hayrick"))).into_std();
    command.envs(variables.iter().copied());
    let output = command.args(args).stdin(Stdio::null()).output().unwrap();
    CommandOutput {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Removes variables of Hayrick from the command's environment.
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
