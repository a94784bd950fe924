//! `http`: requests to other machines, as far as the plugin is granted.

use std::sync::Arc;
use std::time::Duration;

use hayrick_services::egress::incoming::Incoming;
use hayrick_services::egress::request::Request;
use hayrick_services::egress::session::Session;
use wasmtime::component::{Accessor, HasData, Resource, ResourceTable};

use crate::bindings::hayrick::pipeline::{http, types};
use crate::bindings::sync::hayrick::pipeline_sync as sync;
use crate::guest_state::GuestState;
use crate::held::held;
use crate::host_calls::{HostCall, HostCalls};
use crate::incoming::IncomingSlot;
use crate::reached_limits::ReachedLimits;
use crate::slot::{give_back, lend, push};

/// Bytes that one read returns at most, whatever the guest asks for.
const READ_BYTES_MAX: usize = 1 << 20;

/// The part of a run's state that `http` uses.
pub struct HttpView<'a> {
    pub(crate) session: Arc<Session>,
    pub(crate) table: &'a mut ResourceTable,
    pub(crate) calls: &'a HostCalls,
    pub(crate) limits: &'a ReachedLimits,
}

/// Tells wasmtime the type of the view.
pub(crate) struct HasView;

impl HasData for HasView {
    type Data<'a> = HttpView<'a>;
}

/// Creates the view of a run.
pub(crate) fn view(state: &mut GuestState) -> HttpView<'_> {
    HttpView {
        session: state.session(),
        table: &mut state.table,
        calls: &state.calls,
        limits: &state.run.limits,
    }
}

/// One call of `send`.
struct SendCall {
    session: Arc<Session>,
    limits: ReachedLimits,
    _call: HostCall,
}

impl SendCall {
    /// Sends a request and follows redirects.
    async fn send(self, request: http::Request) -> Result<IncomingSlot, types::Failure> {
        let headers = request
            .headers
            .into_iter()
            .map(|(name, value)| (name, value.into_bytes()))
            .collect();
        let request = Request {
            method: request.method,
            url: request.url,
            headers,
            body: request.body.into(),
            timeout: request.timeout.map(Duration::from_millis),
            follow: true,
        };
        let sent = self.session.send(request).await;
        self.limits.for_guest(sent.map(IncomingSlot::new))
    }
}

/// One call of `read`. The response is out of its slot while the call waits.
struct ReadCall {
    incoming: Incoming,
    limits: ReachedLimits,
    _call: HostCall,
}

impl ReadCall {
    async fn read(&mut self, max: u32) -> Result<Vec<u8>, types::Failure> {
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        self.limits.for_guest(self.incoming.read(max).await)
    }
}

impl HttpView<'_> {
    fn begin_send(&self, request: &http::Request) -> wasmtime::Result<SendCall> {
        Ok(SendCall {
            session: Arc::clone(&self.session),
            limits: self.limits.clone(),
            _call: self.calls.begin(held(request))?,
        })
    }

    fn begin_read(
        &mut self,
        slot: &Resource<IncomingSlot>,
        max: u32,
    ) -> wasmtime::Result<ReadCall> {
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        let call = self.calls.begin(max.min(READ_BYTES_MAX))?;
        Ok(ReadCall {
            incoming: lend(self.table, slot)?,
            limits: self.limits.clone(),
            _call: call,
        })
    }
}

impl http::Host for HttpView<'_> {}

impl<T> http::HostWithStore<T> for HasView {
    async fn send(
        accessor: &Accessor<T, Self>,
        request: http::Request,
    ) -> wasmtime::Result<Result<Resource<IncomingSlot>, types::Failure>> {
        let call = accessor.with(|mut access| access.get().begin_send(&request))?;
        let sent = call.send(request).await;
        accessor.with(|mut access| push(access.get().table, sent))
    }
}

impl http::HostIncoming for HttpView<'_> {
    fn status(&mut self, slot: Resource<IncomingSlot>) -> wasmtime::Result<u16> {
        Ok(self.table.get(&slot)?.get()?.status())
    }

    fn headers(&mut self, slot: Resource<IncomingSlot>) -> wasmtime::Result<Vec<(String, String)>> {
        let headers = self.table.get(&slot)?.get()?.headers();
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        Ok(headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes())))
            .collect())
    }

    fn drop(&mut self, slot: Resource<IncomingSlot>) -> wasmtime::Result<()> {
        self.table.delete(slot)?;
        Ok(())
    }
}

impl<T> http::HostIncomingWithStore<T> for HasView {
    async fn read(
        accessor: &Accessor<T, Self>,
        slot: Resource<IncomingSlot>,
        max: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, types::Failure>> {
        let mut call = accessor.with(|mut access| access.get().begin_read(&slot, max))?;
        let bytes = call.read(max).await;
        accessor.with(|mut access| give_back(access.get().table, &slot, call.incoming))?;
        Ok(bytes)
    }
}

impl sync::http::Host for HttpView<'_> {
    async fn send(
        &mut self,
        request: http::Request,
    ) -> wasmtime::Result<Result<Resource<IncomingSlot>, types::Failure>> {
        let sent = self.begin_send(&request)?.send(request).await;
        push(self.table, sent)
    }
}

impl sync::http::HostIncoming for HttpView<'_> {
    async fn status(&mut self, slot: Resource<IncomingSlot>) -> wasmtime::Result<u16> {
        http::HostIncoming::status(self, slot)
    }

    async fn headers(
        &mut self,
        slot: Resource<IncomingSlot>,
    ) -> wasmtime::Result<Vec<(String, String)>> {
        http::HostIncoming::headers(self, slot)
    }

    async fn read(
        &mut self,
        slot: Resource<IncomingSlot>,
        max: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, types::Failure>> {
        let mut call = self.begin_read(&slot, max)?;
        let bytes = call.read(max).await;
        give_back(self.table, &slot, call.incoming)?;
        Ok(bytes)
    }

    async fn drop(&mut self, slot: Resource<IncomingSlot>) -> wasmtime::Result<()> {
        http::HostIncoming::drop(self, slot)
    }
}
