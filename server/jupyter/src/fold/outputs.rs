//! What a kernel's message means for a run, and what it weighs.

use notebook::runs::{Happening, Output};
use notebook::{CellId, Map};
use serde_json::Value;

use crate::blobs;

/// What an event weighs beside what it carries.
const ENVELOPE: usize = 256;
/// The name and the value of an error are kept so far, and all lines of its traceback together.
const ERROR_TEXT: usize = 64 * 1024;
const TRACEBACK: usize = 256 * 1024;

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

/// About how many bytes of memory it takes.
pub fn weight(what: &Happening) -> usize {
    ENVELOPE
        + match what {
            Happening::Stream { text, .. } => text.len(),
            Happening::AskInput { prompt, .. } => prompt.len(),
            Happening::Cleared { cells, .. } => cells.len() * size_of::<CellId>(),
            Happening::Update { data, metadata, .. } => weight_of(data) + weight_of(metadata),
            Happening::Output { output } => match output {
                Output::DisplayData { data, metadata, .. }
                | Output::ExecuteResult { data, metadata, .. } => {
                    weight_of(data) + weight_of(metadata)
                }
                other => inline_of(other),
            },
            _ => 0,
        }
}

/// About how many bytes it takes in the log, when what is large has gone to storage.
pub fn inline(what: &Happening) -> usize {
    ENVELOPE
        + match what {
            Happening::Update { data, metadata, .. } => data_inline(data) + weight_of(metadata),
            Happening::Output { output } => inline_of(output),
            _ => 0,
        }
}

fn inline_of(output: &Output) -> usize {
    match output {
        Output::Stream { text, .. } => text.len(),
        Output::DisplayData { data, metadata, .. }
        | Output::ExecuteResult { data, metadata, .. } => data_inline(data) + weight_of(metadata),
        Output::Error {
            ename,
            evalue,
            traceback,
        } => ename.len() + evalue.len() + traceback.iter().map(String::len).sum::<usize>(),
        Output::Unknown(value) => weight_of_value(value),
    }
}

fn data_inline(data: &Map) -> usize {
    data.iter()
        .filter(|(media_type, value)| !blobs::is_moved(media_type, value))
        .map(|(media_type, value)| media_type.len() + weight_of_value(value))
        .sum()
}

fn weight_of(map: &Map) -> usize {
    map.iter()
        .map(|(key, value)| key.len() + weight_of_value(value))
        .sum()
}

fn weight_of_value(value: &Value) -> usize {
    // Even the smallest value has its place in memory.
    size_of::<Value>()
        + match value {
            Value::String(text) => text.len(),
            Value::Array(items) => items.iter().map(weight_of_value).sum(),
            Value::Object(map) => weight_of(map),
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        }
}

/// Cuts the text of an error where it is too long to be kept; how many bytes went. The traceback's last line stays, because
/// it says what was wrong.
pub fn shorten(what: &mut Happening) -> usize {
    let Happening::Output {
        output:
            Output::Error {
                ename,
                evalue,
                traceback,
            },
    } = what
    else {
        return 0;
    };
    let mut gone = cut(ename, ERROR_TEXT) + cut(evalue, ERROR_TEXT);
    let last = traceback.pop();
    let mut room = TRACEBACK;
    traceback.retain_mut(|line| {
        let cut = if room > 0 {
            cut(line, room)
        } else {
            line.len()
        };
        gone += cut;
        let kept = room > 0;
        room = if cut > 0 { 0 } else { room - line.len() };
        kept
    });
    if let Some(mut last) = last {
        gone += cut(&mut last, ERROR_TEXT);
        traceback.push(last);
    }
    gone
}

/// Cuts a text to at most `limit` bytes; how many went.
pub fn cut(text: &mut String, limit: usize) -> usize {
    let before = text.len();
    text.truncate(text.floor_char_boundary(limit.min(before)));
    before - text.len()
}

fn display_id(content: &Value) -> Option<String> {
    content["transient"]["display_id"]
        .as_str()
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_error_is_cut_and_still_says_what_was_wrong() {
        let error = |evalue: String, traceback: Vec<String>| Happening::Output {
            output: Output::Error {
                ename: "E".into(),
                evalue,
                traceback,
            },
        };
        let mut short = error("v".into(), vec!["line".into(), "E: v".into()]);
        assert_eq!(shorten(&mut short), 0);
        assert_eq!(short, error("v".into(), vec!["line".into(), "E: v".into()]));

        let frames = vec!["é".repeat(10_000); 20];
        let mut lines = frames.clone();
        lines.push("E: ".to_owned() + &"v".repeat(1_000_000));
        let mut long = error("v".repeat(1_000_000), lines);
        let before = inline(&long);
        let gone = shorten(&mut long);
        assert_eq!(before - gone, inline(&long));
        let Happening::Output {
            output: Output::Error { traceback, .. },
        } = &long
        else {
            panic!("{long:?}")
        };
        assert_eq!(traceback[..13], frames[..13]);
        assert!(traceback.len() == 15 && traceback[14].starts_with("E: v"));
        assert!(inline(&long) < TRACEBACK + 3 * ERROR_TEXT);
    }
}
