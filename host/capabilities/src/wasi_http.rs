//! `wasi:http` 0.2, for languages that ask other machines by it: its requests go the same way as
//! those of `http`, with the same rules.

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

/// What `wasi:http` keeps of a run.
pub(crate) struct WasiHttpState {
    pub(crate) ctx: WasiHttpCtx,
    pub(crate) hooks: EgressHooks,
}

/// Sends what a guest asks through the host's own way out.
pub(crate) struct EgressHooks {
    session: Arc<Session>,
    limits: ReachedLimits,
}

type Ending = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Sent = Result<(http::Response<WasiBody>, Ending), Error>;

impl WasiHttpState {
    /// For a run that may ask what its session lets it.
    pub(crate) fn new(session: Arc<Session>, limits: ReachedLimits) -> WasiHttpState {
        WasiHttpState {
            ctx: WasiHttpCtx::new(),
            hooks: EgressHooks { session, limits },
        }
    }
}

impl WasiHttpHooks for EgressHooks {
    /// `Content-Length` stays allowed, since clients set it by themselves: it is held against the
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

/// Waits for the whole body, which is bounded, and sends the request. Redirects are the guest's own
/// to follow.
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
    sent.map_err(|error| refused(limits, error))
}

/// The answer, its body read piece by piece as the guest asks for it.
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
            Err(error) => Some((Err(refused(&limits, error)), None)),
        }
    });
    let body = StreamBody::new(pieces).boxed_unsync();
    response
        .body(body)
        .map_err(|error| Error::InternalError(Some(error.to_string())))
}

/// The error as a guest gets it; a limit that it is due to is counted.
fn refused(limits: &ReachedLimits, error: EgressError) -> Error {
    let code = code(&error);
    limits.refused(&error.into());
    code
}

/// The code that says most of an error.
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
