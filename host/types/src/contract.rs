//! The contract's table: every interface that a plugin may import or export. `wit/` says what is in
//! them; whatever needs their names takes them from here.

use std::fmt;

/// The package whose functions may be `async`, as component names spell it.
pub const PACKAGE: &str = "hayrick:pipeline";
/// The package of the same interfaces without `async`.
pub const SYNC_PACKAGE: &str = "hayrick:pipeline-sync";
/// The version of both.
pub const VERSION: &str = "0.1.0";
/// The interface of records: every other one uses it, and it has no functions.
pub const TYPES: &str = "types";
/// What every plugin exports: the interface and its function.
pub const SETUP: (&str, &str) = ("lifecycle", "setup");

/// Hands `$callback!` every interface that a plugin may import.
///
/// A row is the interface's module among the bindings and the capabilities, and its name. Those in
/// `granted` reach beyond the run they are called in, so they need a grant: their rows also have
/// the variant of [`Interface`](crate::policy::Interface), and whether a plugin has the grant by
/// `default` or only `on_request`.
#[macro_export]
macro_rules! for_each_import {
    ($callback:ident) => {
        $callback! {
            granted {
                /// Language models: the operator's money.
                Llm llm "llm" default,
                /// Durable background work.
                Jobs jobs "jobs" default,
                /// What the plugin remembers between runs.
                State state "state" default,
                /// Values the operator wrote for the plugin.
                Config config "config" default,
                /// Requests to other machines, by `http` or by `wasi:http`.
                Http http "http" on_request,
            }
            free {
                response "response",
                timers "timers",
                log "log",
                uploads "uploads",
                tasks "tasks",
            }
        }
    };
}

macro_rules! import_names {
    (
        granted { $($(#[$doc:meta])* $variant:ident $module:ident $name:literal $grant:ident,)+ }
        free { $($free_module:ident $free_name:literal,)+ }
    ) => {
        /// Every interface with functions that a plugin may import.
        pub const IMPORTS: &[&str] = &[$($name,)+ $($free_name,)+];
    };
}

for_each_import!(import_names);

/// Makes [`Export`] and its names from one table.
macro_rules! exports {
    ($(
        $(#[$doc:meta])*
        $variant:ident {
            interface: $interface:literal,
            function: $function:literal,
            task: $task:literal,
            absent: $absent:literal,
        }
    )+) => {
        /// An interface that a plugin may export beside `lifecycle`: what a pipeline serves, and so
        /// what starts a run of it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Export {
            $($(#[$doc])* $variant),+
        }

        impl Export {
            /// Every one, in the order of their numbers.
            pub const ALL: [Export; [$($interface),+].len()] = [$(Export::$variant),+];

            /// The interface's name.
            pub const fn interface(self) -> &'static str {
                match self {
                    $(Export::$variant => $interface),+
                }
            }

            /// The function that a run calls.
            pub const fn function(self) -> &'static str {
                match self {
                    $(Export::$variant => $function),+
                }
            }

            /// The kind of its runs, as clients and the store know it.
            pub const fn task(self) -> &'static str {
                match self {
                    $(Export::$variant => $task),+
                }
            }

            /// What a pipeline without it does, for people.
            pub const fn absent(self) -> &'static str {
                match self {
                    $(Export::$variant => $absent),+
                }
            }
        }
    };
}

exports! {
    /// Chats. Serves `POST /v1/chat/completions` with `model` = the pipeline.
    Chat {
        interface: "chat",
        function: "run-chat-completion",
        task: "chat",
        absent: "does not chat",
    }
    /// Takes files. Serves `POST /{pipeline}/files`.
    Files {
        interface: "files",
        function: "process-files",
        task: "files",
        absent: "takes no files",
    }
    /// Runs jobs. Serves `POST /{pipeline}/jobs`, and `jobs.submit` of the plugin itself.
    Job {
        interface: "job-handler",
        function: "run-job",
        task: "job",
        absent: "runs no jobs",
    }
}

impl Export {
    /// Its place in [`Export::ALL`].
    pub const fn number(self) -> usize {
        self as usize
    }

    /// The export whose runs are of this kind.
    pub fn of_task(kind: &str) -> Option<Export> {
        Export::ALL.into_iter().find(|export| export.task() == kind)
    }
}

impl fmt::Display for Export {
    /// With its package: `hayrick:pipeline/chat`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{PACKAGE}/{}", self.interface())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The interfaces that a file of the contract declares.
    fn interfaces(wit: &str) -> BTreeSet<&str> {
        wit.lines()
            .filter_map(|line| line.strip_prefix("interface ")?.strip_suffix(" {"))
            .collect()
    }

    #[test]
    fn the_table_has_the_imports_of_the_contract() {
        let declared = interfaces(include_str!("../../../wit/imports.wit"));
        assert_eq!(declared, IMPORTS.iter().copied().collect());
    }

    #[test]
    fn the_table_has_the_exports_of_the_contract() {
        let wit = include_str!("../../../wit/exports.wit");
        let named = Export::ALL.map(Export::interface).into_iter();
        assert_eq!(interfaces(wit), named.chain([SETUP.0]).collect());
        let functions = Export::ALL.map(Export::function).into_iter();
        for function in functions.chain([SETUP.1]) {
            let line = format!("    {function}: async func(");
            assert!(wit.contains(&line), "exports.wit has no {function}");
        }
    }

    #[test]
    fn exports_stand_at_their_numbers_and_are_found_by_their_tasks() {
        for (place, export) in Export::ALL.into_iter().enumerate() {
            assert_eq!(export.number(), place);
            assert_eq!(Export::of_task(export.task()), Some(export));
        }
    }
}
