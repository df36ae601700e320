//! What a kernel's message means for a run.

use notebook::Map;
use notebook::runs::{Happening, Output};
use serde_json::Value;

/// `None` for a message that shows nothing.
pub fn happening(kind: &str, mut content: Value) -> Option<Happening> {
    let mut map = |name: &str| match content[name].take() {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    Some(match kind {
        "display_data" => {
            let (data, metadata) = (map("data"), map("metadata"));
            Happening::Output {
                output: Output::DisplayData {
                    data,
                    metadata,
                    display_id: display_id(&content),
                },
            }
        }
        "execute_result" => {
            let (data, metadata) = (map("data"), map("metadata"));
            let execution_count = content["execution_count"].as_u64();
            let display_id = display_id(&content);
            Happening::Output {
                output: Output::ExecuteResult {
                    data,
                    metadata,
                    execution_count,
                    display_id,
                },
            }
        }
        "update_display_data" => {
            let (data, metadata) = (map("data"), map("metadata"));
            Happening::Update {
                display_id: display_id(&content)?,
                data,
                metadata,
            }
        }
        "clear_output" => Happening::Clear {
            wait: content["wait"].as_bool().unwrap_or(false),
        },
        "error" => {
            let text = |name: &str| content[name].as_str().unwrap_or_default().to_owned();
            let traceback = content["traceback"]
                .as_array()
                .map(Vec::as_slice)
                .unwrap_or_default();
            let traceback = traceback
                .iter()
                .filter_map(|line| line.as_str().map(str::to_owned))
                .collect();
            Happening::Output {
                output: Output::Error {
                    ename: text("ename"),
                    evalue: text("evalue"),
                    traceback,
                },
            }
        }
        "execute_input" => Happening::ExecutionCount {
            count: content["execution_count"].as_u64()?,
        },
        _ => return None,
    })
}

/// `object?` answers with pages in the reply; each is shown as an output.
pub fn pages(mut reply: Value) -> Vec<Output> {
    let Some(payload) = reply["payload"].as_array_mut() else {
        return Vec::new();
    };
    let pages = payload.iter_mut().filter(|page| page["source"] == "page");
    let data = pages.filter_map(|page| match page["data"].take() {
        Value::Object(data) => Some(data),
        _ => None,
    });
    data.map(|data| Output::DisplayData {
        data,
        metadata: Map::new(),
        display_id: None,
    })
    .collect()
}

fn display_id(content: &Value) -> Option<String> {
    content["transient"]["display_id"]
        .as_str()
        .map(str::to_owned)
}
