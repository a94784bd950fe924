//! The functions that a run calls in its guest, with their arguments and results.

use hayrick_capabilities::bindings::exports::hayrick::pipeline::api::{
    ApiRequest as WitApiRequest, Description, Output,
};
use hayrick_capabilities::bindings::exports::hayrick::pipeline::chat::ChatRequest as WitChatRequest;
use hayrick_capabilities::bindings::exports::hayrick::pipeline::embeddings::EmbeddingsRequest as WitEmbeddingsRequest;
use hayrick_capabilities::bindings::exports::hayrick::pipeline::files::FilesRequest as WitFilesRequest;
use hayrick_capabilities::bindings::exports::hayrick::pipeline::job_handler::{
    Attempt, JobFailure,
};
use hayrick_capabilities::bindings::hayrick::pipeline::types;
use hayrick_capabilities::guest_state::GuestState;
use hayrick_capabilities::upload::UploadSlot;
use hayrick_services::uploads::form::Form;
use hayrick_services::uploads::upload::Upload;
use hayrick_types::contract::Export;
use hayrick_types::id::RunId;
use hayrick_types::job::Claimed;
use hayrick_types::request::{ChatRequest, EmbeddingsRequest};
use hayrick_types::task::TaskStart;
use wasmtime::Store;
use wasmtime::component::{Accessor, ComponentExportIndex, Instance, Resource, TypedFunc};

use crate::shape::Shape;

/// What a client asks of a pipeline.
pub enum ClientRequest {
    Api(ApiRequest),
    Chat(ChatRequest),
    Embeddings(EmbeddingsRequest),
    Files(FilesRequest),
}

/// The input of an API, a JSON object that matches its schema, with the files of the form, and the
/// headers that the operator lets through, with names in lower case.
pub struct ApiRequest {
    pub input: String,
    pub files: Vec<Upload>,
    pub headers: Vec<(String, String)>,
}

/// The files and fields of a form, and the headers that the operator lets through, with names in
/// lower case.
pub struct FilesRequest {
    pub form: Form,
    pub headers: Vec<(String, String)>,
}

impl ClientRequest {
    /// The export that answers this request.
    pub fn export(&self) -> Export {
        match self {
            ClientRequest::Api(_) => Export::Api,
            ClientRequest::Chat(_) => Export::Chat,
            ClientRequest::Embeddings(_) => Export::Embeddings,
            ClientRequest::Files(_) => Export::Files,
        }
    }

    /// The task of the run that answers this request.
    pub(crate) fn task<'a>(&self, id: RunId, pipeline: &'a str) -> TaskStart<'a> {
        let count = |length: usize| Some(u32::try_from(length).unwrap_or(u32::MAX));
        let (messages, files) = match self {
            ClientRequest::Api(request) => (None, count(request.files.len())),
            ClientRequest::Chat(request) => (count(request.messages.len()), None),
            ClientRequest::Embeddings(_) => (None, None),
            ClientRequest::Files(request) => (None, count(request.form.files.len())),
        };
        TaskStart {
            id,
            pipeline,
            kind: self.export(),
            messages,
            files,
            job: None,
        }
    }
}

/// A call of one function of the contract, with its arguments.
pub(crate) enum GuestCall {
    /// Only `setup`, for a deploy.
    Setup,
    /// `setup`, then the description of the API, for a deploy.
    Describe,
    Client(ClientRequest),
    Job(Box<Claimed>),
}

/// What the function returned.
pub(crate) enum Returned {
    Answered(Result<(), types::Failure>),
    Api(Result<Output, types::Failure>),
    Vectors(Result<Vec<Vec<f32>>, types::Failure>),
    Described(Result<Description, types::Failure>),
    Job(Result<String, JobFailure>),
}

type ApiFunc = TypedFunc<(WitApiRequest,), (Result<Output, types::Failure>,)>;
type EmbedFunc = TypedFunc<(WitEmbeddingsRequest,), (Result<Vec<Vec<f32>>, types::Failure>,)>;
type DescribeFunc = TypedFunc<(), (Result<Description, types::Failure>,)>;
type AnswerFunc<P> = TypedFunc<P, (Result<(), types::Failure>,)>;
type JobFunc = TypedFunc<(Attempt,), (Result<String, JobFailure>,)>;

/// A call whose function has been looked up in an instance.
pub(crate) enum PreparedCall {
    Setup,
    Describe(DescribeFunc),
    Api(ApiFunc, WitApiRequest),
    Chat(AnswerFunc<(WitChatRequest,)>, WitChatRequest),
    Embeddings(EmbedFunc, WitEmbeddingsRequest),
    Files(AnswerFunc<(WitFilesRequest,)>, WitFilesRequest),
    Job(JobFunc, Attempt),
}

impl GuestCall {
    /// Looks up the function and converts its arguments to the types of the contract.
    ///
    /// # Errors
    /// The component does not export the function, or exports it with a different type.
    pub(crate) fn prepare(
        self,
        shape: &Shape,
        store: &mut Store<GuestState>,
        instance: &Instance,
    ) -> wasmtime::Result<PreparedCall> {
        match self {
            GuestCall::Setup => Ok(PreparedCall::Setup),
            GuestCall::Describe => Ok(PreparedCall::Describe(find(
                instance,
                store,
                shape.describe,
            )?)),
            GuestCall::Client(ClientRequest::Api(request)) => {
                let function = find(instance, store, shape.export(Export::Api))?;
                let request = WitApiRequest {
                    files: uploads(store, request.files)?,
                    input: request.input,
                    headers: request.headers,
                };
                Ok(PreparedCall::Api(function, request))
            }
            GuestCall::Client(ClientRequest::Chat(request)) => {
                let function = find(instance, store, shape.export(Export::Chat))?;
                Ok(PreparedCall::Chat(function, request.into()))
            }
            GuestCall::Client(ClientRequest::Embeddings(request)) => {
                let function = find(instance, store, shape.export(Export::Embeddings))?;
                let request = WitEmbeddingsRequest {
                    model: request.model,
                    texts: request.texts,
                    body: request.body,
                    headers: request.headers,
                };
                Ok(PreparedCall::Embeddings(function, request))
            }
            GuestCall::Client(ClientRequest::Files(request)) => {
                let function = find(instance, store, shape.export(Export::Files))?;
                let request = files_request(store, request)?;
                Ok(PreparedCall::Files(function, request))
            }
            GuestCall::Job(claimed) => {
                let function = find(instance, store, shape.export(Export::Job))?;
                Ok(PreparedCall::Job(function, attempt(*claimed)))
            }
        }
    }
}

/// `setup`, which every version has.
pub(crate) fn setup(
    shape: &Shape,
    store: &mut Store<GuestState>,
    instance: &Instance,
) -> wasmtime::Result<AnswerFunc<()>> {
    find(instance, store, Some(shape.setup))
}

fn find<P, R>(
    instance: &Instance,
    store: &mut Store<GuestState>,
    index: Option<ComponentExportIndex>,
) -> wasmtime::Result<TypedFunc<P, R>>
where
    P: wasmtime::component::ComponentNamedList + wasmtime::component::Lower,
    R: wasmtime::component::ComponentNamedList + wasmtime::component::Lift,
{
    let index = index.ok_or_else(|| {
        wasmtime::format_err!("the component does not export the function that was called")
    })?;
    instance.get_typed_func(store, index)
}

fn files_request(
    store: &mut Store<GuestState>,
    request: FilesRequest,
) -> wasmtime::Result<WitFilesRequest> {
    let FilesRequest { form, headers } = request;
    Ok(WitFilesRequest {
        files: uploads(store, form.files)?,
        fields: form.fields,
        headers,
    })
}

fn uploads(
    store: &mut Store<GuestState>,
    files: Vec<Upload>,
) -> wasmtime::Result<Vec<Resource<UploadSlot>>> {
    let mut push = |file| store.data_mut().push_upload(file);
    files.into_iter().map(&mut push).collect()
}

fn attempt(claimed: Claimed) -> Attempt {
    let Claimed {
        job, checkpoint, ..
    } = claimed;
    Attempt {
        id: job.id.to_string(),
        kind: job.kind,
        data: job.data,
        number: job.attempt,
        checkpoint,
    }
}

impl PreparedCall {
    /// Calls the function.
    ///
    /// # Errors
    /// The guest trapped.
    pub(crate) async fn call(self, accessor: &Accessor<GuestState>) -> wasmtime::Result<Returned> {
        Ok(match self {
            PreparedCall::Setup => Returned::Answered(Ok(())),
            PreparedCall::Describe(function) => {
                Returned::Described(function.call_concurrent(accessor, ()).await?.0)
            }
            PreparedCall::Api(function, request) => {
                Returned::Api(function.call_concurrent(accessor, (request,)).await?.0)
            }
            PreparedCall::Chat(function, request) => {
                Returned::Answered(function.call_concurrent(accessor, (request,)).await?.0)
            }
            PreparedCall::Embeddings(function, request) => {
                Returned::Vectors(function.call_concurrent(accessor, (request,)).await?.0)
            }
            PreparedCall::Files(function, request) => {
                Returned::Answered(function.call_concurrent(accessor, (request,)).await?.0)
            }
            PreparedCall::Job(function, attempt) => {
                Returned::Job(function.call_concurrent(accessor, (attempt,)).await?.0)
            }
        })
    }
}
