//! Mistakes in the settings, each with the path of its key.

use std::fmt;

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The path of the key, such as `limits.cpu_time_max`, or a flag such as `--host`.
    pub path: String,
    /// What is wrong, and the cure.
    pub text: String,
}

impl Mistake {
    /// The same mistake, prefixed with the name of a file.
    pub fn within(self, file: &str) -> Mistake {
        Mistake {
            path: format!("{file}: {}", self.path),
            ..self
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.path, self.text)
    }
}

/// All mistakes that were found. There is at least one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", list(.0))]
pub struct ConfigError(pub Vec<Mistake>);

impl ConfigError {
    /// An error with one mistake.
    pub fn one(path: impl Into<String>, text: impl Into<String>) -> ConfigError {
        ConfigError(vec![Mistake {
            path: path.into(),
            text: text.into(),
        }])
    }
}

fn list(mistakes: &[Mistake]) -> String {
    let noun = if mistakes.len() == 1 {
        "mistake"
    } else {
        "mistakes"
    };
    let lines: String = mistakes
        .iter()
        .map(|mistake| format!("\n  {mistake}"))
        .collect();
    format!("{} {noun} in the settings:{lines}", mistakes.len())
}

/// `; did you mean 'x'?` when a known name is similar, else nothing.
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    // Jaro-Winkler favours a common prefix, which suits shortened keys; below 0.85, suggestions
    // become misleading.
    let near = known
        .into_iter()
        .map(|key| (strsim::jaro_winkler(name, key), key))
        .filter(|(likeness, _)| *likeness >= 0.85);
    near.max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, key)| format!("; did you mean '{key}'?"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_names_are_suggested_and_others_are_not() {
        let known = ["body_bytes_max", "drain_deadline", "connections_max"];
        for (name, near) in [
            ("body_bytes", "body_bytes_max"),
            ("drain_dedaline", "drain_deadline"),
            ("conections_max", "connections_max"),
        ] {
            assert_eq!(
                did_you_mean(name, known),
                format!("; did you mean '{near}'?")
            );
        }
        assert_eq!(did_you_mean("colour", known), "");
    }

    #[test]
    fn the_message_counts_the_mistakes() {
        assert_eq!(
            ConfigError::one("a.b", "wrong").to_string(),
            "1 mistake in the settings:\n  a.b: wrong"
        );
    }
}
