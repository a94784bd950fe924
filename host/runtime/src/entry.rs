//! What a run calls in its guest, and what comes back.

use hayrick_capabilities::bindings::exports::hayrick::pipeline::chat::ChatRequest as WitChatRequest;
use hayrick_capabilities::bindings::exports::hayrick::pipeline::files::FilesRequest as WitFilesRequest;
use hayrick_capabilities::bindings::exports::hayrick::pipeline::job_handler::{
    Attempt, JobFailure,
};
use hayrick_capabilities::bindings::hayrick::pipeline::types;
use hayrick_capabilities::guest_state::GuestState;
use hayrick_services::uploads::form::Form;
use hayrick_types::job::Claimed;
use hayrick_types::request::ChatRequest;
use wasmtime::Store;
use wasmtime::component::{Accessor, ComponentExportIndex, Instance, TypedFunc};

use crate::shape::Shape;

/// One function of the contract, with what it is given.
pub(crate) enum Entry {
    /// `setup` alone, as a deploy calls it.
    Setup,
    Chat(ChatRequest),
    Files(FilesRequest),
    Job(Box<Claimed>),
}

/// Files, the fields beside them, and the headers let through; names of headers in lower case.
pub struct FilesRequest {
    pub form: Form,
    pub headers: Vec<(String, String)>,
}

/// What the function returned.
pub(crate) enum Returned {
    Answered(Result<(), types::Failure>),
    Job(Result<String, JobFailure>),
}

type Answering<P> = TypedFunc<P, (Result<(), types::Failure>,)>;
type Handler = TypedFunc<(Attempt,), (Result<String, JobFailure>,)>;

/// An entry whose function was found in an instance, ready to be called.
pub(crate) enum Prepared {
    Setup,
    Chat(Answering<(WitChatRequest,)>, WitChatRequest),
    Files(Answering<(WitFilesRequest,)>, WitFilesRequest),
    Job(Handler, Attempt),
}

impl Entry {
    /// Finds the function and turns what it is given into the guest's words.
    ///
    /// # Errors
    /// The component has another type than the contract, or no such function.
    pub(crate) fn prepare(
        self,
        shape: &Shape,
        store: &mut Store<GuestState>,
        instance: &Instance,
    ) -> wasmtime::Result<Prepared> {
        match self {
            Entry::Setup => Ok(Prepared::Setup),
            Entry::Chat(request) => Ok(Prepared::Chat(
                find(instance, store, shape.chat)?,
                request.into(),
            )),
            Entry::Files(request) => {
                let function = find(instance, store, shape.files)?;
                Ok(Prepared::Files(function, files_request(store, request)?))
            }
            Entry::Job(claimed) => Ok(Prepared::Job(
                find(instance, store, shape.job)?,
                attempt(*claimed),
            )),
        }
    }
}

/// `setup`, which every version has.
pub(crate) fn setup(
    shape: &Shape,
    store: &mut Store<GuestState>,
    instance: &Instance,
) -> wasmtime::Result<Answering<()>> {
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
        wasmtime::format_err!("the version does not export what it was called for")
    })?;
    instance.get_typed_func(store, index)
}

fn files_request(
    store: &mut Store<GuestState>,
    request: FilesRequest,
) -> wasmtime::Result<WitFilesRequest> {
    let FilesRequest { form, headers } = request;
    let files = form
        .files
        .into_iter()
        .map(|file| store.data_mut().push_upload(file))
        .collect::<wasmtime::Result<_>>()?;
    Ok(WitFilesRequest {
        files,
        fields: form.fields,
        headers,
    })
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

impl Prepared {
    /// Calls the function.
    ///
    /// # Errors
    /// The guest trapped.
    pub(crate) async fn call(self, accessor: &Accessor<GuestState>) -> wasmtime::Result<Returned> {
        Ok(match self {
            Prepared::Setup => Returned::Answered(Ok(())),
            Prepared::Chat(function, request) => {
                Returned::Answered(function.call_concurrent(accessor, (request,)).await?.0)
            }
            Prepared::Files(function, request) => {
                Returned::Answered(function.call_concurrent(accessor, (request,)).await?.0)
            }
            Prepared::Job(function, attempt) => {
                Returned::Job(function.call_concurrent(accessor, (attempt,)).await?.0)
            }
        })
    }
}
