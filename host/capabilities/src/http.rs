//! `http`: requests to other machines, within the run's grant.

use std::sync::Arc;
use std::time::Duration;

use hayrick_services::egress::incoming::Incoming;
use hayrick_services::egress::request::Request;
use hayrick_services::egress::session::Session;
use hayrick_types::failure::Failure;
use wasmtime::component::{Accessor, HasData, Resource, ResourceTable};

use crate::bindings::hayrick::pipeline::{http, types};
use crate::host_calls::HostCalls;
use crate::incoming::IncomingSlot;
use crate::slot::{give_back, lend};

/// Bytes of one read, whatever the guest asks for.
const READ_BYTES_MAX: usize = 1 << 20;

/// What a run reaches of the network.
pub struct HttpView<'a> {
    pub(crate) session: Arc<Session>,
    pub(crate) table: &'a mut ResourceTable,
    pub(crate) calls: &'a HostCalls,
}

/// How wasmtime gets at the view.
pub(crate) struct HasHttp;

impl HasData for HasHttp {
    type Data<'a> = HttpView<'a>;
}

/// Sends a request; redirects are followed.
pub(crate) async fn send(
    session: Arc<Session>,
    request: http::Request,
) -> Result<IncomingSlot, types::Failure> {
    let headers = request
        .headers
        .into_iter()
        .map(|(name, value)| (name, value.into_bytes()))
        .collect();
    let timeout = request.timeout.map(Duration::from_millis);
    let request = Request {
        method: request.method,
        url: request.url,
        headers,
        body: request.body.into(),
        timeout,
        follow: true,
    };
    let sent = session.send(request).await;
    sent.map(IncomingSlot::new)
        .map_err(|error| Failure::from(error).into())
}

/// Reads the next bytes of a lent answer.
pub(crate) async fn read(incoming: &mut Incoming, max: u32) -> Result<Vec<u8>, types::Failure> {
    let read = incoming
        .read(usize::try_from(max).unwrap_or(usize::MAX))
        .await;
    read.map_err(|error| Failure::from(error).into())
}

impl http::Host for HttpView<'_> {}

impl<T> http::HostWithStore<T> for HasHttp {
    async fn send(
        accessor: &Accessor<T, Self>,
        request: http::Request,
    ) -> wasmtime::Result<Result<Resource<IncomingSlot>, types::Failure>> {
        let bytes = request.body.len()
            + request
                .headers
                .iter()
                .map(|(name, value)| name.len() + value.len())
                .sum::<usize>();
        let (session, _call) = accessor.with(|mut access| {
            let view = access.get();
            view.calls.begin(bytes).map(|call| (view.session, call))
        })?;
        match send(session, request).await {
            Ok(slot) => Ok(Ok(
                accessor.with(|mut access| access.get().table.push(slot))?
            )),
            Err(failure) => Ok(Err(failure)),
        }
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

impl<T> http::HostIncomingWithStore<T> for HasHttp {
    async fn read(
        accessor: &Accessor<T, Self>,
        slot: Resource<IncomingSlot>,
        max: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, types::Failure>> {
        let (mut incoming, _call) = accessor.with(|mut access| {
            let view = access.get();
            let call = view.calls.begin(
                usize::try_from(max)
                    .unwrap_or(usize::MAX)
                    .min(READ_BYTES_MAX),
            )?;
            lend(view.table, &slot).map(|incoming| (incoming, call))
        })?;
        let bytes = read(&mut incoming, max).await;
        accessor.with(|mut access| give_back(access.get().table, &slot, incoming))?;
        Ok(bytes)
    }
}
