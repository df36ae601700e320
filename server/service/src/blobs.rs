//! Large outputs: moved out of the run log into storage, and put back where a file is written.
//!
//! Under its mime type such a value is `{"blob": "<sha256>", "bytes": n}`. A picture is kept decoded, as browsers want it.
//! Imported files also say how the text was laid out (`"as"`), so that it is written back letter by letter.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use datalayer::{Error, NotebookId, Noun, Result};
use db::BlobFacts;
use notebook::runs::{Output, Runs};
use notebook::{Map, formats};
use serde_json::{Value, json};

use crate::House;

/// Values longer than this, as JSON, do not stay in the log.
const INLINE: usize = 64 * 1024;
const MEDIA_TYPE: usize = 200;

impl House {
    /// Moves what is large in these runs to storage; which blobs they now refer to.
    pub(crate) async fn move_out(&self, runs: &mut Runs) -> Result<Vec<BlobFacts>> {
        let mut blobs: Vec<BlobFacts> = Vec::new();
        for data in bundles(runs) {
            for (media_type, value) in data.iter_mut() {
                let Some((bytes, layout)) = outside(media_type, value) else {
                    continue;
                };
                let length = bytes.len();
                let hash = self.0.blobs.keep(bytes).await.map_err(refusal)?;
                *value = json!({ "blob": hash, "bytes": length });
                if let (Some(layout), Some(reference)) = (layout, value.as_object_mut()) {
                    reference.insert("as".into(), layout.into());
                }
                if !blobs.iter().any(|blob| blob.hash == hash) {
                    let bytes = i64::try_from(length).unwrap_or(i64::MAX);
                    blobs.push(BlobFacts {
                        hash,
                        purpose: "output",
                        media_type: clean_media_type(media_type),
                        bytes,
                    });
                }
            }
        }
        Ok(blobs)
    }

    /// Puts every value back that is in storage. One that is damaged or gone stays a reference and is logged:
    /// the rest of the notebook must still be written.
    pub(crate) async fn move_in(&self, runs: &mut Runs) -> Result<()> {
        for data in bundles(runs) {
            for (media_type, value) in data.iter_mut() {
                let Some((hash, layout)) = reference(value) else {
                    continue;
                };
                match self.0.blobs.read(&hash).await {
                    Ok(bytes) => *value = inside(media_type, layout.as_deref(), &bytes),
                    Err(error @ (storage::Error::NotFound | storage::Error::Damaged { .. })) => {
                        tracing::error!(%hash, %error, "an output could not be put back");
                    }
                    Err(error) => return Err(refusal(error)),
                }
            }
        }
        Ok(())
    }

    /// Puts back the text that runs printed beyond what their log keeps, at most `whole` bytes. What does not fit, or is
    /// damaged or gone, stays [`notebook::runs::CellRun::truncated`], which files say in words.
    pub(crate) async fn put_back(
        &self,
        notebook: &NotebookId,
        runs: &mut Runs,
        mut whole: u64,
    ) -> Result<()> {
        for run in runs.cells.values_mut() {
            let Some((_, Some(hash))) = &run.truncated else {
                continue;
            };
            let size = match self.0.db.output_blob(notebook, hash).await? {
                Some((_, bytes)) => u64::try_from(bytes).unwrap_or(u64::MAX),
                None => continue,
            };
            // Looked at before it is read: a cell can print gigabytes.
            let Some(left) = whole.checked_sub(size) else {
                continue;
            };
            match self.0.blobs.read(hash).await {
                Ok(bytes) => {
                    formats::put_back(run, &String::from_utf8_lossy(&bytes));
                    whole = left;
                }
                Err(error @ (storage::Error::NotFound | storage::Error::Damaged { .. })) => {
                    tracing::error!(%hash, %error, "the whole text of a run could not be put back");
                }
                Err(error) => return Err(refusal(error)),
            }
        }
        Ok(())
    }
}

/// What people read when storage fails.
pub(crate) fn refusal(error: storage::Error) -> Error {
    match &error {
        storage::Error::NotFound => Error::not_found(Noun::Blob),
        storage::Error::Full => Error::unavailable("storage.full", error.to_string()),
        storage::Error::Damaged { .. } => {
            tracing::error!(%error, "a blob is damaged");
            Error::unavailable(
                "storage.damaged",
                "this file was damaged on disk; restore it from a backup",
            )
        }
        storage::Error::Disk(_) => {
            tracing::error!(%error, "the folder of files failed");
            Error::unavailable(
                "storage.disk",
                "the folder of files does not answer; try again in a moment",
            )
        }
    }
}

/// A media type fit for a header: printable ASCII, not too long.
pub(crate) fn clean_media_type(text: &str) -> String {
    let fine = !text.is_empty()
        && text.len() <= MEDIA_TYPE
        && text.contains('/')
        && text.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    if fine {
        text.to_owned()
    } else {
        "application/octet-stream".to_owned()
    }
}

fn bundles(runs: &mut Runs) -> impl Iterator<Item = &mut Map> {
    runs.cells
        .values_mut()
        .flat_map(|run| &mut run.outputs)
        .filter_map(|output| match output {
            Output::DisplayData { data, .. } | Output::ExecuteResult { data, .. } => Some(data),
            Output::Stream { .. } | Output::Error { .. } | Output::Unknown(_) => None,
        })
}

fn is_binary(media_type: &str) -> bool {
    let kind = media_type.split('/').next().unwrap_or("");
    matches!(kind, "image" | "audio" | "video") && !media_type.starts_with("image/svg")
        || media_type.starts_with("application/pdf")
        || media_type.starts_with("application/octet-stream")
}

/// The bytes to keep outside and how the text was laid out; `None` where the value is small.
fn outside(media_type: &str, value: &Value) -> Option<(Bytes, Option<&'static str>)> {
    match value {
        Value::String(text) if text.len() <= INLINE => None,
        Value::String(text) => {
            if is_binary(media_type) {
                for layout in [None, Some("base64-line"), Some("base64-lines")] {
                    let packed: String =
                        text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
                    if let Ok(bytes) = STANDARD.decode(packed)
                        && base64_text(&bytes, layout) == *text
                    {
                        return Some((bytes.into(), layout));
                    }
                }
            }
            Some((text.clone().into(), Some("text")))
        }
        // Small ones are the rule: they are not written out just to be measured, unless they hold much.
        Value::Array(_) | Value::Object(_) => {
            let text = value.to_string();
            (text.len() > INLINE).then(|| (text.into(), Some("json")))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

fn inside(media_type: &str, layout: Option<&str>, bytes: &Bytes) -> Value {
    let text = || Value::String(String::from_utf8_lossy(bytes).into_owned());
    match layout {
        Some("text") => text(),
        Some("json") => serde_json::from_slice(bytes).unwrap_or_else(|_| text()),
        Some(layout @ ("base64-line" | "base64-lines")) => {
            Value::String(base64_text(bytes, Some(layout)))
        }
        _ if is_binary(media_type) => Value::String(base64_text(bytes, None)),
        // Kept by a runtime: JSON types hold JSON, all others text.
        _ if media_type == "application/json" || media_type.ends_with("+json") => {
            serde_json::from_slice(bytes).unwrap_or_else(|_| text())
        }
        _ => text(),
    }
}

/// Base64 in one piece, in one piece with a line break behind it, or in lines of 76 as Python's `encodebytes` writes them.
fn base64_text(bytes: &[u8], layout: Option<&str>) -> String {
    let packed = STANDARD.encode(bytes);
    match layout {
        Some("base64-line") => packed + "\n",
        Some("base64-lines") => {
            let mut lines = String::with_capacity(packed.len() + packed.len() / 76 + 1);
            for (index, c) in packed.chars().enumerate() {
                if index > 0 && index % 76 == 0 {
                    lines.push('\n');
                }
                lines.push(c);
            }
            lines + "\n"
        }
        _ => packed,
    }
}

fn reference(value: &Value) -> Option<(String, Option<String>)> {
    let map = value.as_object()?;
    let hash = map.get("blob")?.as_str()?;
    map.get("bytes")?.as_u64()?;
    Some((
        hash.to_owned(),
        map.get("as").and_then(Value::as_str).map(str::to_owned),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back(media_type: &str, value: Value) -> (Option<&'static str>, Value) {
        let (bytes, layout) = outside(media_type, &value).unwrap();
        (layout, inside(media_type, layout, &bytes))
    }

    #[test]
    fn a_picture_comes_back_letter_by_letter_however_its_base64_was_laid_out() {
        let bytes: Vec<u8> = (0..100_000_u32).map(|n| (n * 7 % 251) as u8).collect();
        for layout in [None, Some("base64-line"), Some("base64-lines")] {
            let text = Value::String(base64_text(&bytes, layout));
            assert_eq!(
                outside("image/png", &text).unwrap().0,
                bytes,
                "kept decoded"
            );
            assert_eq!(there_and_back("image/png", text.clone()), (layout, text));
        }
    }

    #[test]
    fn what_is_not_base64_after_all_is_kept_as_the_text_it_is() {
        let text = Value::String("not base64! ".repeat(10_000));
        assert_eq!(
            there_and_back("image/png", text.clone()),
            (Some("text"), text)
        );
    }

    #[test]
    fn large_json_and_large_text_come_back_as_they_were() {
        let figure = json!({ "data": vec![1.5; 50_000], "layout": { "title": "b\u{e9}zier" } });
        assert_eq!(
            there_and_back("application/vnd.plotly.v1+json", figure.clone()),
            (Some("json"), figure)
        );
        let lines = Value::Array((0..20_000).map(|n| format!("line {n}\n").into()).collect());
        assert_eq!(
            there_and_back("text/html", lines.clone()),
            (Some("json"), lines)
        );
        assert!(outside("text/plain", &Value::String("short".into())).is_none());
        assert!(outside("application/json", &json!({ "short": true })).is_none());
    }

    #[test]
    fn what_a_runtime_kept_is_read_by_its_media_type() {
        assert_eq!(
            inside("image/png", None, &Bytes::from_static(b"abc")),
            json!("YWJj")
        );
        assert_eq!(
            inside("application/json", None, &Bytes::from_static(b"{\"a\":1}")),
            json!({ "a": 1 })
        );
        assert_eq!(
            inside("text/plain", None, &Bytes::from_static(b"abc")),
            json!("abc")
        );
        assert_eq!(
            inside("image/svg+xml", None, &Bytes::from_static(b"<svg/>")),
            json!("<svg/>")
        );
    }

    #[test]
    fn a_media_type_that_could_break_a_header_is_replaced() {
        assert_eq!(clean_media_type("image/png"), "image/png");
        for bad in ["", "text", "text/html\r\nX: y", "t\u{e9}xt/html"] {
            assert_eq!(clean_media_type(bad), "application/octet-stream", "{bad:?}");
        }
    }
}
