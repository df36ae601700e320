//! Bodies, read whole within a limit and a pace.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::time::Instant;

use crate::problem::Problem;

pub const JSON_LIMIT: usize = 2 * 1024 * 1024;
pub const IMPORT_LIMIT: usize = 64 * 1024 * 1024;

/// A sender has this long, and a second more for every [`PACE`] bytes it brought.
const PATIENCE: Duration = Duration::from_secs(10);
const PACE: usize = 16 * 1024;
/// What is read and thrown away after a refusal, so that the sender gets to read why.
const LINGER_BYTES: usize = 16 * 1024 * 1024;
const LINGER: Duration = Duration::from_secs(5);

/// The whole body, or why not.
pub async fn read(body: Body, limit: usize) -> Result<Bytes, Problem> {
    let announced = axum::body::HttpBody::size_hint(&body);
    if announced.lower() > limit as u64 {
        linger(body);
        return Err(too_large(limit));
    }
    let start = Instant::now();
    let mut stream = body.into_data_stream();
    let mut whole = BytesMut::with_capacity(
        usize::try_from(announced.lower())
            .unwrap_or(0)
            .min(1024 * 1024),
    );
    loop {
        let deadline = start + PATIENCE + Duration::from_secs((whole.len() / PACE) as u64);
        match tokio::time::timeout_at(deadline, stream.next()).await {
            Err(_) => {
                return Err(Problem::new(
                    StatusCode::REQUEST_TIMEOUT,
                    "body.too_slow",
                    "the body took too long to arrive",
                ));
            }
            Ok(None) => return Ok(whole.freeze()),
            Ok(Some(Err(_))) => {
                return Err(Problem::new(
                    StatusCode::BAD_REQUEST,
                    "body.cut_off",
                    "the body ended before it was complete",
                ));
            }
            Ok(Some(Ok(chunk))) if whole.len() + chunk.len() > limit => {
                linger(Body::from_stream(stream));
                return Err(too_large(limit));
            }
            // A body that came in one piece is not copied.
            Ok(Some(Ok(chunk)))
                if whole.is_empty() && announced.exact() == Some(chunk.len() as u64) =>
            {
                return Ok(chunk);
            }
            Ok(Some(Ok(chunk))) => whole.extend_from_slice(&chunk),
        }
    }
}

/// For doors whose handlers read bodies by themselves: they get them whole, or not at all.
pub async fn bounded(request: Request, next: Next) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    match read(body, JSON_LIMIT).await {
        Ok(bytes) => {
            next.run(Request::from_parts(parts, Body::from(bytes)))
                .await
        }
        Err(problem) => problem.into_response(),
    }
}

pub fn too_large(limit: usize) -> Problem {
    let words = if limit >= 1024 * 1024 {
        format!("{} MiB", limit / 1024 / 1024)
    } else {
        format!("{} KiB", limit / 1024)
    };
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body.too_large",
        format!("the body is larger than {words}, the limit here"),
    )
    .limit(limit)
}

/// A connection that is closed while its sender still writes loses the answer too; so read on for a moment.
fn linger(body: Body) {
    tokio::spawn(async move {
        let mut stream = body.into_data_stream();
        let drain = async {
            let mut seen = 0;
            while let Some(Ok(chunk)) = stream.next().await {
                seen += chunk.len();
                if seen > LINGER_BYTES {
                    break;
                }
            }
        };
        tokio::time::timeout(LINGER, drain).await.ok();
    });
}
