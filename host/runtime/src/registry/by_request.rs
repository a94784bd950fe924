//! Deploys and removals over HTTP: the file and the pipeline change together.

use std::sync::{Arc, PoisonError};

use hayrick_types::id::PipelineName;
use hayrick_types::pipeline::PipelineStatus;

use crate::approvals::Approval;
use crate::error::DeployError;
use crate::loader::{Bytes, Candidate};
use crate::registry::Registry;

impl Registry {
    /// Deploys a component that came over HTTP. After it has passed every check, `store` puts its
    /// file in place; then it serves.
    ///
    /// # Errors
    /// The component is refused, or cannot be stored. The previous version keeps serving.
    pub(crate) async fn accept(
        &self,
        name: PipelineName,
        bytes: Bytes,
        store: impl AsyncFnOnce() -> Result<(), DeployError>,
    ) -> Result<PipelineStatus, DeployError> {
        let _turn = self.turn(name.as_str()).await;
        self.check_case(&name)?;
        // The upload may have taken long: the policy of now counts.
        let policy = self.policy(&name).await?;
        let key = name.as_str().to_owned();
        let pipeline = self.get(&key).unwrap_or_else(|| self.fresh(name));
        if pipeline.version().is_some_and(|version| {
            version.status.digest == bytes.digest && version.policy == policy
        }) {
            store().await?;
            pipeline.clear_refusal();
            return Ok(pipeline.status());
        }
        let (number, asked_before, share) = (
            pipeline.next_number(),
            self.approvals.asked(&key),
            pipeline.share(),
        );
        let candidate = Candidate {
            bytes,
            number,
            policy,
            asked_before,
            share,
        };
        let loaded = self.load(pipeline.name(), candidate).await;
        let version = loaded.inspect_err(|error| {
            tracing::warn!(pipeline = key, "not deployed over HTTP: {error}")
        })?;
        store().await?;
        // The old file may have been removed in the meantime, and the pipeline with it.
        self.pipelines
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key.clone(), Arc::clone(&pipeline));
        let approval = Approval::new(&version.status.digest, &version.shape.asked);
        self.serve(&pipeline, version);
        self.save_approval(&key, approval).await;
        Ok(pipeline.status())
    }

    /// Removes a pipeline over HTTP. `remove` removes its file, and returns whether there was one.
    ///
    /// # Errors
    /// The file cannot be removed; the pipeline keeps serving.
    pub(crate) async fn withdraw(
        &self,
        name: &PipelineName,
        remove: impl AsyncFnOnce() -> Result<bool, DeployError>,
    ) -> Result<bool, DeployError> {
        let _turn = self.turn(name.as_str()).await;
        let had_file = remove().await?;
        Ok(self.undeploy(name.as_str(), "removed over HTTP") || had_file)
    }
}
