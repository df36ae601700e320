//! Outputs in and out.

use serde_json::{Value, json};

use super::bundle;
use crate::Map;
use crate::runs::{Output, StreamName};

/// An execution count, and whether it had to be repaired.
pub(super) fn count(value: &Value) -> (Option<u64>, bool) {
    if let Some(count) = value.as_u64() {
        return (Some(count), false);
    }
    let whole = value
        .as_f64()
        .filter(|count| count.fract() == 0.0 && (0.0..9e15).contains(count));
    (whole.map(|count| count as u64), !value.is_null())
}

/// Reads an output. What has other fields than nbformat names is kept whole. `repaired` counts execution counts set right.
pub(super) fn read(value: Value, repaired: &mut usize) -> Output {
    let Value::Object(mut fields) = value else {
        return Output::Unknown(value);
    };
    let kind = fields
        .get("output_type")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    match kind.as_str() {
        "stream" => {
            if let Some(text) = fields.get("text").and_then(bundle::joined) {
                fields.insert("text".to_owned(), Value::String(text));
            }
        }
        "display_data" | "execute_result" => {
            if let Some(Value::Object(data)) = fields.get_mut("data") {
                bundle::join(data);
            }
            if kind == "execute_result" {
                let (count, odd) = count(fields.get("execution_count").unwrap_or(&Value::Null));
                if odd {
                    *repaired += 1;
                    fields.insert("execution_count".to_owned(), json!(count));
                }
            }
        }
        _ => {}
    }
    known(&kind, &fields).unwrap_or(Output::Unknown(Value::Object(fields)))
}

/// `None` where a field is missing, malformed or one too many.
fn known(kind: &str, fields: &Map) -> Option<Output> {
    let only = |names: &[&str]| {
        fields
            .keys()
            .all(|key| key == "output_type" || names.contains(&key.as_str()))
    };
    let text = |key: &str| fields.get(key)?.as_str().map(str::to_owned);
    let object = |key: &str| fields.get(key)?.as_object().cloned();
    let metadata = || match fields.get("metadata") {
        None => Some(Map::new()),
        Some(_) => object("metadata"),
    };
    match kind {
        "stream" if only(&["name", "text"]) => {
            let name = match text("name")?.as_str() {
                "stdout" => StreamName::Stdout,
                "stderr" => StreamName::Stderr,
                _ => return None,
            };
            Some(Output::Stream {
                name,
                text: text("text")?,
            })
        }
        "display_data" if only(&["data", "metadata"]) => Some(Output::DisplayData {
            data: object("data")?,
            metadata: metadata()?,
            display_id: None,
        }),
        "execute_result" if only(&["data", "metadata", "execution_count"]) => {
            let (execution_count, _) = count(fields.get("execution_count").unwrap_or(&Value::Null));
            Some(Output::ExecuteResult {
                data: object("data")?,
                metadata: metadata()?,
                execution_count,
                display_id: None,
            })
        }
        "error" if only(&["ename", "evalue", "traceback"]) => {
            let lines = fields.get("traceback")?.as_array()?.iter();
            let traceback = lines
                .map(|line| line.as_str().map(str::to_owned))
                .collect::<Option<Vec<_>>>()?;
            Some(Output::Error {
                ename: text("ename")?,
                evalue: text("evalue")?,
                traceback,
            })
        }
        _ => None,
    }
}

/// An output as a file has it.
pub(super) fn write(output: &Output) -> Value {
    match output {
        Output::Stream { name, text } => json!({
            "output_type": "stream",
            "name": match name { StreamName::Stdout => "stdout", StreamName::Stderr => "stderr" },
            "text": bundle::list(text),
        }),
        Output::DisplayData { data, metadata, .. } => json!({
            "output_type": "display_data",
            "data": bundle::split(data),
            "metadata": metadata,
        }),
        Output::ExecuteResult {
            data,
            metadata,
            execution_count,
            ..
        } => json!({
            "output_type": "execute_result",
            "data": bundle::split(data),
            "metadata": metadata,
            "execution_count": execution_count,
        }),
        Output::Error {
            ename,
            evalue,
            traceback,
        } => json!({
            "output_type": "error",
            "ename": ename,
            "evalue": evalue,
            "traceback": traceback,
        }),
        Output::Unknown(value) => unknown(value),
    }
}

fn unknown(value: &Value) -> Value {
    let Value::Object(fields) = value else {
        return value.clone();
    };
    let mut fields = fields.clone();
    match fields.get("output_type").and_then(Value::as_str) {
        Some("stream") => {
            if let Some(Value::String(text)) = fields.get("text") {
                let lines = bundle::list(text);
                fields.insert("text".to_owned(), lines);
            }
        }
        Some("display_data" | "execute_result") => {
            if let Some(Value::Object(data)) = fields.get("data") {
                let data = bundle::split(data);
                fields.insert("data".to_owned(), Value::Object(data));
            }
        }
        _ => {}
    }
    Value::Object(fields)
}
