//! `llm`: language models by the operator's alias.

use std::sync::Arc;

use hayrick_services::budgets::budget::Charge;
use hayrick_services::llm::router::Llm;
use hayrick_services::tasks::recorder::TaskRecorder;
use hayrick_types::chunk::Chunk;
use hayrick_types::failure::{Failure, FailureKind};
use hayrick_types::generation::{Options, Tool};
use hayrick_types::message::Message;
use wasmtime::component::{Accessor, HasData, Resource, ResourceTable};

use crate::bindings::hayrick::pipeline::{llm, types};
use crate::generation::{Charged, GenerationSlot, next_chunk};
use crate::host_calls::{HostCall, HostCalls};
use crate::plugin_share::PluginShare;
use crate::run_context::RunContext;
use crate::slot::{give_back, lend};

/// Tokens of an answer that any model can be asked for.
const EVERY_MODEL_GIVES: u32 = 4096;
/// Letters of a model's name that an error repeats.
const ALIAS_CHARS_SHOWN: usize = 64;

/// What a run reaches of the models.
pub struct LlmView<'a> {
    pub(crate) llm: &'a Llm,
    pub(crate) run: &'a RunContext,
    pub(crate) table: &'a mut ResourceTable,
    pub(crate) calls: &'a HostCalls,
}

/// How wasmtime gets at the view.
pub(crate) struct HasLlm;

impl HasData for HasLlm {
    type Data<'a> = LlmView<'a>;
}

impl LlmView<'_> {
    /// What a call keeps while it waits.
    pub(crate) fn own(&self) -> Own {
        Own {
            llm: self.llm.clone(),
            run: self.run.clone(),
        }
    }

    /// What the next chunk of a generation needs.
    pub(crate) fn counting(&self) -> Counting {
        Counting {
            recorder: self.run.recorder.clone(),
            share: Arc::clone(&self.run.share),
        }
    }

    /// What a call keeps that holds `bytes`.
    fn begin(&self, bytes: usize) -> wasmtime::Result<(Own, HostCall)> {
        self.calls.begin(bytes).map(|call| (self.own(), call))
    }
}

/// The models and the run that asks them, for the length of a call.
pub(crate) struct Own {
    llm: Llm,
    run: RunContext,
}

impl Own {
    pub(crate) async fn generate(
        self,
        messages: Vec<types::Message>,
        options: types::Options,
    ) -> Result<types::Answer, types::Failure> {
        let (messages, options, mut charge) = self.question(messages, options)?;
        let count = |chunk: &Chunk| charge.as_mut().map_or(Ok(()), |charge| charge.chunk(chunk));
        let answer = self.llm.generate_counted(messages, options, count).await;
        let answer = answer.inspect_err(|failure| self.run.share.count(failure))?;
        if let (Some(usage), Some(recorder)) = (answer.usage, &self.run.recorder) {
            recorder.usage(usage);
        }
        Ok(answer.into())
    }

    pub(crate) async fn generate_stream(
        self,
        messages: Vec<types::Message>,
        options: types::Options,
    ) -> Result<GenerationSlot, types::Failure> {
        let (messages, options, charge) = self.question(messages, options)?;
        let generation = self.llm.generate_stream(messages, options).await?;
        Ok(GenerationSlot::new(Charged { generation, charge }))
    }

    pub(crate) async fn embed(
        self,
        texts: Vec<String>,
        model: Option<String>,
    ) -> Result<Vec<Vec<f32>>, types::Failure> {
        let model = self.granted(model)?;
        let bytes = texts.iter().map(String::len).sum();
        let _charge = self
            .run
            .budget
            .as_ref()
            .map(|budget| budget.ask(bytes))
            .transpose()?;
        Ok(self.llm.embed(texts, model).await?)
    }

    /// The question as it may be asked: of a granted model, for no more tokens than are left.
    fn question(
        &self,
        messages: Vec<types::Message>,
        options: types::Options,
    ) -> Result<(Vec<Message>, Options, Option<Charge>), types::Failure> {
        let messages: Vec<Message> = messages.into_iter().map(Into::into).collect();
        let mut options: Options = options.into();
        options.model = self.granted(options.model)?;
        let Some(budget) = &self.run.budget else {
            return Ok((messages, options, None));
        };
        let asked = messages
            .iter()
            .map(Message::text_bytes)
            .chain(options.tools.iter().map(Tool::text_bytes))
            .sum();
        let charge = budget
            .ask(asked)
            .inspect_err(|failure| self.run.share.count(failure))?;
        let left = u32::try_from(budget.left()?).unwrap_or(u32::MAX);
        // A model refuses to be asked for more than it can: a large budget is no reason to ask for
        // that much.
        let wanted = options
            .max_tokens
            .or((left <= EVERY_MODEL_GIVES).then_some(left));
        options.max_tokens = wanted.map(|wanted| wanted.min(left));
        Ok((messages, options, Some(charge)))
    }

    /// The alias that is meant; without one, the first that is granted.
    fn granted(&self, model: Option<String>) -> Result<Option<String>, types::Failure> {
        let Some(aliases) = &self.run.policy.models.aliases else {
            return Ok(model);
        };
        match model {
            None => Ok(aliases.first().cloned()),
            Some(model) if aliases.contains(&model) => Ok(Some(model)),
            Some(model) => {
                let model: String = model.chars().take(ALIAS_CHARS_SHOWN).collect();
                let text = format!(
                    "this plugin is granted the models {}, and '{model}' is none of them",
                    aliases.join(", ")
                );
                Err(Failure::new(FailureKind::Denied, text).into())
            }
        }
    }
}

/// What counts the chunks of a generation, for the length of a call: there is one a token, so that
/// nothing more is copied.
pub(crate) struct Counting {
    recorder: Option<TaskRecorder>,
    share: Arc<PluginShare>,
}

impl Counting {
    pub(crate) async fn next(
        self,
        generation: &mut Charged,
    ) -> Result<Option<types::Chunk>, types::Failure> {
        let next = next_chunk(generation, self.recorder.as_ref()).await;
        Ok(next
            .inspect_err(|failure| self.share.count(failure))?
            .map(Into::into))
    }
}

/// The text of messages, in bytes: what makes them large.
fn size(messages: &[types::Message]) -> usize {
    let part = |part: &types::Part| match part {
        types::Part::Text(text) | types::Part::ImageUrl(text) | types::Part::Other(text) => {
            text.len()
        }
    };
    let of_message = |message: &types::Message| {
        let calls = message.tool_calls.iter().map(|call| call.arguments.len());
        message.content.iter().map(part).chain(calls).sum::<usize>()
    };
    messages.iter().map(of_message).sum()
}

impl llm::Host for LlmView<'_> {}

impl<T> llm::HostWithStore<T> for HasLlm {
    async fn generate(
        accessor: &Accessor<T, Self>,
        messages: Vec<types::Message>,
        options: types::Options,
    ) -> wasmtime::Result<Result<types::Answer, types::Failure>> {
        let (own, _call) = accessor.with(|mut access| access.get().begin(size(&messages)))?;
        Ok(own.generate(messages, options).await)
    }

    async fn generate_stream(
        accessor: &Accessor<T, Self>,
        messages: Vec<types::Message>,
        options: types::Options,
    ) -> wasmtime::Result<Result<Resource<GenerationSlot>, types::Failure>> {
        let (own, _call) = accessor.with(|mut access| access.get().begin(size(&messages)))?;
        match own.generate_stream(messages, options).await {
            Ok(slot) => Ok(Ok(
                accessor.with(|mut access| access.get().table.push(slot))?
            )),
            Err(failure) => Ok(Err(failure)),
        }
    }

    async fn embed(
        accessor: &Accessor<T, Self>,
        texts: Vec<String>,
        model: Option<String>,
    ) -> wasmtime::Result<Result<Vec<Vec<f32>>, types::Failure>> {
        let bytes = texts.iter().map(String::len).sum();
        let (own, _call) = accessor.with(|mut access| access.get().begin(bytes))?;
        Ok(own.embed(texts, model).await)
    }
}

impl llm::HostGeneration for LlmView<'_> {
    fn drop(&mut self, slot: Resource<GenerationSlot>) -> wasmtime::Result<()> {
        self.table.delete(slot)?;
        Ok(())
    }
}

impl<T> llm::HostGenerationWithStore<T> for HasLlm {
    async fn next(
        accessor: &Accessor<T, Self>,
        slot: Resource<GenerationSlot>,
    ) -> wasmtime::Result<Result<Option<types::Chunk>, types::Failure>> {
        let (mut generation, counting, _call) = accessor.with(|mut access| {
            let view = access.get();
            let (counting, call) = (view.counting(), view.calls.begin(0)?);
            lend(view.table, &slot).map(|generation| (generation, counting, call))
        })?;
        let next = counting.next(&mut generation).await;
        accessor.with(|mut access| give_back(access.get().table, &slot, generation))?;
        Ok(next)
    }
}
