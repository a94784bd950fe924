//! One version of a plugin, ready to run.

use std::sync::Arc;

use hayrick_capabilities::guest_state::GuestState;
use hayrick_capabilities::output::{OutputLimits, channel};
use hayrick_capabilities::response_writer::ResponseWriter;
use hayrick_types::pipeline;
use hayrick_types::policy::Policy;
use hayrick_types::settings::limits::Limits;
use tokio_util::sync::CancellationToken;
use wasmtime::component::InstancePre;

use crate::api_description::ApiDescription;
use crate::shape::Shape;
use crate::turns::Turns;
use crate::warm::WarmPool;

/// Bytes of a page of WebAssembly memory.
const PAGE_BYTES: usize = 64 << 10;

/// One version of a plugin, linked once and instantiated for each run.
pub(crate) struct Version {
    pub(crate) instance_pre: InstancePre<GuestState>,
    pub(crate) shape: Shape,
    /// What it is granted, including its limits.
    pub(crate) policy: Arc<Policy>,
    pub(crate) status: pipeline::Version,
    /// What its API says about itself, if it has one.
    pub(crate) api: Option<Arc<ApiDescription>>,
    /// The turns of runs that compute much, shared by the whole host.
    pub(crate) turns: Arc<Turns>,
    /// Its idle instances; `None` for the class `isolated`.
    pub(crate) warm: Option<WarmPool>,
    /// Cancelled when a grant of this version is withdrawn: its runs end at once.
    pub(crate) withdrawn: CancellationToken,
    /// The answer of a call without a client, such as `setup`.
    pub(crate) unread: Arc<ResponseWriter>,
}

impl Version {
    /// Linear memory that a run has from its start; 0 if the component does not say.
    pub(crate) fn memory_bytes(&self) -> usize {
        let Some(needed) = self.instance_pre.component().resources_required() else {
            return 0;
        };
        let pages = needed.max_initial_memory_size.unwrap_or(0);
        usize::try_from(pages)
            .unwrap_or(usize::MAX)
            .saturating_mul(PAGE_BYTES)
    }

    /// How much a run may send.
    pub(crate) fn output_limits(&self) -> OutputLimits {
        output_limits(&self.policy.limits)
    }
}

/// How much a run with these limits may send.
pub(crate) fn output_limits(limits: &Limits) -> OutputLimits {
    OutputLimits {
        answer_bytes_max: limits.output_bytes_max,
        chunk_bytes_max: limits.chunk_bytes_max,
        channel_items_max: limits.channel_items_max,
    }
}

/// An answer without a reader: sending to it fails with `cancelled`.
pub(crate) fn unread_response(limits: &Limits) -> Arc<ResponseWriter> {
    let (sender, _) = channel(output_limits(limits));
    Arc::new(ResponseWriter::new(sender, None))
}
