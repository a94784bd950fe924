//! The limits there are, by name: the same word in the settings, in the metric
//! `hayrick_limit_reached_total` and in the error a client gets.

use std::fmt;

/// Makes the enum, its words and the list of all from one table.
macro_rules! limit_names {
    ($($variant:ident = $name:literal),+ $(,)?) => {
        /// A limit. Those outside `[limits]`, `[engine]` and `[server]` have their section before
        /// the key.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum LimitName {
            $($variant),+
        }

        impl LimitName {
            /// Every limit there is, in the order of their numbers.
            pub const ALL: &'static [LimitName] = &[$(LimitName::$variant),+];

            /// The word.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(LimitName::$variant => $name),+
                }
            }
        }
    };
}

limit_names! {
    // [limits]: what the runs of one plugin may use.
    MemoryBytesMax = "memory_bytes_max",
    PluginMemoryBytesMax = "plugin_memory_bytes_max",
    CpuTimeMax = "cpu_time_max",
    WallTimeMax = "wall_time_max",
    OutputBytesMax = "output_bytes_max",
    ChunkBytesMax = "chunk_bytes_max",
    ChannelItemsMax = "channel_items_max",
    PluginRunsMax = "plugin_runs_max",
    PluginQueueMax = "plugin_queue_max",
    QueueTimeMax = "queue_time_max",
    SetupTimeMax = "setup_time_max",
    LogLinesMax = "log_lines_max",
    LogLineBytesMax = "log_line_bytes_max",
    LogLinesPerSecondMax = "log_lines_per_second_max",
    ComponentBytesMax = "component_bytes_max",
    HostCallBytesMax = "host_call_bytes_max",
    HostCallsMax = "host_calls_max",
    HostBytesMax = "host_bytes_max",
    HandlesMax = "handles_max",
    ResourcesMax = "resources_max",
    InstancesMax = "instances_max",
    MemoriesMax = "memories_max",
    TablesMax = "tables_max",
    TableElementsMax = "table_elements_max",
    // [engine]: what the whole host may use.
    HostRunsMax = "host_runs_max",
    HostMemoryBytesMax = "host_memory_bytes_max",
    StackBytesMax = "stack_bytes_max",
    CompileMemoryBytesMax = "compile_memory_bytes_max",
    CompileCpuTimeMax = "compile_cpu_time_max",
    CompileTimeMax = "compile_time_max",
    ArtifactBytesMax = "artifact_bytes_max",
    // [server]: what a client may send.
    BodyBytesMax = "body_bytes_max",
    FilesMax = "files_max",
    FileBytesMax = "file_bytes_max",
    UploadBytesMax = "upload_bytes_max",
    FieldsMax = "fields_max",
    FieldBytesMax = "field_bytes_max",
    ConnectionsMax = "connections_max",
    AddressConnectionsMax = "address_connections_max",
    JsonDepthMax = "json_depth_max",
    // The stores.
    JobsPendingMax = "jobs.pending_max",
    JobTimeout = "jobs.timeout",
    StateKeysMax = "state.keys_max",
    StateBytesMax = "state.bytes_max",
    // What a plugin may take of the models.
    RunTokensMax = "models.run_tokens_max",
    DayTokensMax = "models.day_tokens_max",
}

impl LimitName {
    /// Its place in [`LimitName::ALL`].
    pub const fn number(self) -> usize {
        self as usize
    }
}

impl fmt::Display for LimitName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_given_once_and_stands_at_its_number() {
        let mut names: Vec<&str> = LimitName::ALL.iter().map(|limit| limit.as_str()).collect();
        assert!(
            LimitName::ALL
                .iter()
                .enumerate()
                .all(|(place, limit)| limit.number() == place)
        );
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), LimitName::ALL.len());
    }
}
