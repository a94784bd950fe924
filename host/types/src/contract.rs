//! The table of the contract: every interface that a plugin may import or export. `wit/` defines
//! their content; all code takes their names from here.

use std::fmt;

/// The package with `async` functions, as spelled in component names.
pub const PACKAGE: &str = "hayrick:pipeline";
/// The package of the same interfaces without `async`.
pub const SYNC_PACKAGE: &str = "hayrick:pipeline-sync";
/// The version of both packages.
pub const VERSION: &str = "0.1.0";
/// The interface of shared records, without functions. All others use it.
pub const TYPES: &str = "types";
/// The export that every plugin must have: the interface and its function.
pub const SETUP: (&str, &str) = ("lifecycle", "setup");
/// The function by which an API describes itself: the interface and the function.
pub const DESCRIBE: (&str, &str) = ("api", "describe");

/// Passes every interface that a plugin may import to `$callback!`.
///
/// A row has the module of the interface, in the bindings and in the capabilities, and its name.
/// Interfaces in `granted` have effects beyond the run that calls them, so they need a grant: their
/// rows also have the variant of [`Interface`](crate::policy::Interface), and whether a plugin gets
/// the grant by `default` or only `on_request`.
#[macro_export]
macro_rules! for_each_import {
    ($callback:ident) => {
        $callback! {
            granted {
                /// Language models, which cost the operator money.
                Llm llm "llm" default,
                /// Durable background work.
                Jobs jobs "jobs" default,
                /// What the plugin stores between runs.
                State state "state" default,
                /// Values that the operator sets for the plugin.
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
        /// An interface that a plugin may export in addition to `lifecycle`. Calls of its function
        /// are runs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Export {
            $($(#[$doc])* $variant),+
        }

        impl Export {
            /// All exports, in the order of their numbers.
            pub const ALL: [Export; [$($interface),+].len()] = [$(Export::$variant),+];

            /// The name of the interface.
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

            /// The kind of its runs, for clients and in the store.
            pub const fn task(self) -> &'static str {
                match self {
                    $(Export::$variant => $task),+
                }
            }

            /// What a pipeline without this export does not do, for messages.
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
    /// Has an API. Serves `POST /{pipeline}/run`.
    Api {
        interface: "api",
        function: "run-api",
        task: "api",
        absent: "has no API",
    }
    /// Makes vectors of texts. Serves `POST /v1/embeddings` with `model` = the pipeline.
    Embeddings {
        interface: "embeddings",
        function: "embed",
        task: "embeddings",
        absent: "makes no embeddings",
    }
    /// Takes files. Serves `POST /{pipeline}/files`.
    Files {
        interface: "files",
        function: "process-files",
        task: "files",
        absent: "does not take files",
    }
    /// Runs jobs. Serves `POST /{pipeline}/jobs`, and `jobs.submit` of the plugin itself.
    Job {
        interface: "job-handler",
        function: "run-job",
        task: "job",
        absent: "does not run jobs",
    }
}

impl Export {
    /// Its index in [`Export::ALL`].
    pub const fn number(self) -> usize {
        self as usize
    }

    /// The export whose runs are of this kind.
    pub fn of_task(kind: &str) -> Option<Export> {
        Export::ALL.into_iter().find(|export| export.task() == kind)
    }
}

impl fmt::Display for Export {
    /// Writes the name with its package: `hayrick:pipeline/chat`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{PACKAGE}/{}", self.interface())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The interfaces that a WIT file declares.
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
        for function in functions.chain([SETUP.1, DESCRIBE.1]) {
            let line = format!("    {function}: async func(");
            assert!(wit.contains(&line), "exports.wit has no {function}");
        }
    }

    #[test]
    fn exports_are_numbered_in_order_and_found_by_their_tasks() {
        for (place, export) in Export::ALL.into_iter().enumerate() {
            assert_eq!(export.number(), place);
            assert_eq!(Export::of_task(export.task()), Some(export));
        }
    }
}
