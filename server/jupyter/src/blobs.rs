//! Large and binary values leave the run log and go to storage by content hash.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use datalayer::{NotebookId, Result, RunLedger};
use notebook::Map;
use notebook::runs::{Happening, Output};
use serde_json::{Value, json};

/// A value longer than this is not kept in the log.
pub const INLINE: usize = 64 * 1024;

/// Moves what is large or binary out of an event.
pub async fn offload(
    ledger: &dyn RunLedger,
    notebook: &NotebookId,
    what: &mut Happening,
) -> Result<()> {
    let data = match what {
        Happening::Output {
            output: Output::DisplayData { data, .. } | Output::ExecuteResult { data, .. },
        }
        | Happening::Update { data, .. } => data,
        _ => return Ok(()),
    };
    offload_values(ledger, notebook, data).await
}

async fn offload_values(
    ledger: &dyn RunLedger,
    notebook: &NotebookId,
    data: &mut Map,
) -> Result<()> {
    for (media_type, value) in data.iter_mut() {
        let Some(bytes) = bytes_to_move(media_type, value) else {
            continue;
        };
        let count = bytes.len();
        let hash = ledger.keep_blob(notebook, media_type, bytes).await?;
        *value = json!({ "blob": hash, "bytes": count });
    }
    Ok(())
}

/// Does this value leave the log?
pub fn is_moved(media_type: &str, value: &Value) -> bool {
    match value {
        // Long ones do in any case, so they need not be decoded for this.
        Value::String(text) if text.len() > INLINE => true,
        _ => bytes_to_move(media_type, value).is_some(),
    }
}

/// Is this mime type written in base64 where it stands in JSON?
fn is_binary(media_type: &str) -> bool {
    (media_type.starts_with("image/") && !media_type.starts_with("image/svg"))
        || media_type.starts_with("audio/")
        || media_type.starts_with("video/")
        || media_type == "application/pdf"
}

fn bytes_to_move(media_type: &str, value: &Value) -> Option<Bytes> {
    match value {
        Value::String(text) if is_binary(media_type) => {
            let compact: Vec<u8> = text
                .bytes()
                .filter(|byte| !byte.is_ascii_whitespace())
                .collect();
            match STANDARD.decode(compact) {
                Ok(bytes) => Some(bytes.into()),
                // Not base64 at all: kept as it was said.
                Err(_) => (text.len() > INLINE).then(|| Bytes::copy_from_slice(text.as_bytes())),
            }
        }
        Value::String(text) => {
            (text.len() > INLINE).then(|| Bytes::copy_from_slice(text.as_bytes()))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
        Value::Array(_) | Value::Object(_) => {
            let text = value.to_string();
            // What looks like our own reference but was said by a kernel must not be taken for one.
            (text.len() > INLINE || value.get("blob").is_some()).then(|| text.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_and_long_values_move_and_short_ones_stay() {
        let png = Value::String("aGVs\nbG8=\n".into());
        assert_eq!(
            bytes_to_move("image/png", &png),
            Some(Bytes::from_static(b"hello"))
        );
        assert_eq!(bytes_to_move("text/plain", &png), None);
        assert_eq!(
            bytes_to_move("image/png", &Value::String("not base64!".into())),
            None
        );
        assert_eq!(
            bytes_to_move("image/svg+xml", &Value::String("<svg/>".into())),
            None
        );
        let long = "x".repeat(INLINE + 1);
        assert_eq!(
            bytes_to_move("text/html", &Value::String(long.clone())),
            Some(Bytes::from(long.clone()))
        );
        let json = json!({ "spec": [long] });
        assert_eq!(
            bytes_to_move("application/json", &json),
            Some(Bytes::from(json.to_string()))
        );
        assert_eq!(bytes_to_move("application/json", &json!({ "a": 1 })), None);
        assert!(
            bytes_to_move("application/json", &json!({ "blob": "forged", "bytes": 1 })).is_some()
        );
    }
}
