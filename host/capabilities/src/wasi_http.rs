//! `wasi:http` 0.2, for languages whose HTTP clients use it. Its requests take the same path as
//! those of `http`, under the same rules.

use std::future::Future;
use std::sync::Arc;

use futures_util::stream;
use hayrick_services::egress::error::EgressError;
use hayrick_services::egress::incoming::Incoming;
use hayrick_services::egress::request::Request;
use hayrick_services::egress::session::Session;
use hayrick_types::egress::secret::is_reserved;
use hayrick_types::limit_name::LimitName;
use http::header::CONTENT_LENGTH;
use http_body::Frame;
use http_body_util::{BodyExt, Limited, StreamBody};
use wasmtime_wasi_http::{
    Error, ForbiddenHeaderFilter, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpHooks,
};

use crate::reached_limits::ReachedLimits;

/// The state of `wasi:http` in a run.
pub(crate) struct WasiHttpState {
    pub(crate) ctx: WasiHttpCtx,
    pub(crate) hooks: EgressHooks,
}

/// Sends the requests of a guest through the egress service.
pub(crate) struct EgressHooks {
    session: Arc<Session>,
    limits: ReachedLimits,
}

type Ending = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Sent = Result<(http::Response<WasiBody>, Ending), Error>;

impl WasiHttpState {
    /// Creates the state of a run; `session` says which requests it may send.
    pub(crate) fn new(session: Arc<Session>, limits: ReachedLimits) -> WasiHttpState {
        WasiHttpState {
            ctx: WasiHttpCtx::new(),
            hooks: EgressHooks { session, limits },
        }
    }
}

impl WasiHttpHooks for EgressHooks {
    /// Allows `Content-Length`, because HTTP clients set it themselves: it is checked against the
    /// body, and the host writes its own.
    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        Arc::new(|name| is_reserved(name.as_str()) && *name != CONTENT_LENGTH)
    }

    fn set_host_header(&mut self) -> bool {
        false
    }

    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _ending: Ending,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let (session, limits) = (Arc::clone(&self.session), self.limits.clone());
        let first_byte = options.and_then(|options| options.first_byte_timeout);
        Box::new(async move {
            let sending = send(&session, &limits, request);
            let incoming = match first_byte {
                Some(max) => tokio::time::timeout(max, sending)
                    .await
                    .unwrap_or(Err(Error::HttpResponseTimeout))?,
                None => sending.await?,
            };
            Ok((
                response(incoming, limits)?,
                Box::new(async { Ok(()) }) as Ending,
            ))
        })
    }
}

/// Waits for the whole body, whose size is limited, and sends the request. It does not follow
/// redirects: the client in the guest does.
async fn send(
    session: &Session,
    limits: &ReachedLimits,
    request: http::Request<WasiBody>,
) -> Result<Incoming, Error> {
    let (parts, body) = request.into_parts();
    let max = session.request_bytes_max();
    let collected = Limited::new(body, max).collect().await;
    let body = collected.map_err(|error| match error.downcast::<Error>() {
        Ok(error) => *error,
        Err(_) => Error::HttpRequestBodySize(Some(max as u64)),
    })?;
    let headers = parts
        .headers
        .iter()
        .filter(|(name, _)| *name != CONTENT_LENGTH);
    let request = Request {
        method: parts.method.as_str().to_owned(),
        url: parts.uri.to_string(),
        headers: headers
            .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
            .collect(),
        body: body.to_bytes(),
        timeout: None,
        follow: false,
    };
    let sent = session.send(request).await;
    sent.map_err(|error| to_guest_error(limits, error))
}

/// The response. Its body is read piece by piece, as the guest asks for it.
fn response(incoming: Incoming, limits: ReachedLimits) -> Result<http::Response<WasiBody>, Error> {
    let mut response = http::Response::builder().status(incoming.status());
    if let Some(headers) = response.headers_mut() {
        headers.clone_from(incoming.headers());
    }
    let pieces = stream::unfold(Some((incoming, limits)), |reading| async {
        let (mut incoming, limits) = reading?;
        match incoming.chunk().await {
            Ok(None) => None,
            Ok(Some(piece)) => Some((Ok(Frame::data(piece)), Some((incoming, limits)))),
            Err(error) => Some((Err(to_guest_error(&limits, error)), None)),
        }
    });
    let body = StreamBody::new(pieces).boxed_unsync();
    response
        .body(body)
        .map_err(|error| Error::InternalError(Some(error.to_string())))
}

/// Converts an error for the guest, and counts the limit if one was reached.
fn to_guest_error(limits: &ReachedLimits, error: EgressError) -> Error {
    let code = code(&error);
    limits.count_refusal(&error.into());
    code
}

/// The WASI error code that fits an error best.
fn code(error: &EgressError) -> Error {
    match error {
        EgressError::Address(_) => Error::HttpRequestUriInvalid,
        EgressError::Method(_) => Error::HttpRequestMethodInvalid,
        EgressError::Denied { .. } => Error::HttpRequestDenied,
        EgressError::Prohibited { .. } => Error::DestinationIpProhibited,
        EgressError::Secret { .. } => Error::ConfigurationError,
        EgressError::Unresolved { .. } => Error::DnsError {
            rcode: None,
            info_code: None,
        },
        EgressError::Unreachable { .. } => Error::ConnectionRefused,
        EgressError::Broken { .. } => Error::HttpResponseIncomplete,
        EgressError::Timeout { .. } => Error::HttpResponseTimeout,
        EgressError::TooMany { .. } => Error::ConnectionLimitReached,
        EgressError::Redirects { .. } => Error::LoopDetected,
        EgressError::TooLarge {
            limit: LimitName::EgressResponseBytesMax,
            max,
            ..
        } => Error::HttpResponseBodySize(Some(*max)),
        EgressError::TooLarge { .. } | EgressError::Headers(_) | EgressError::Refused { .. } => {
            Error::InternalError(Some(error.to_string()))
        }
    }
}
