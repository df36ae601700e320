//! JSON questions, read strictly: what is doubtful is refused with its place, before anyone acts on it.

use std::collections::HashSet;
use std::fmt;

use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use serde::Deserialize;
use serde::de::{self, DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use crate::body::{self, JSON_LIMIT};
use crate::problem::Problem;

/// The body of a request as JSON.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let media = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("");
        let essence = media.split(';').next().unwrap_or("").trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "body.media_type",
                "send the body as JSON, with Content-Type: application/json",
            ));
        }
        let bytes = body::read(request.into_body(), JSON_LIMIT).await?;
        parse(&bytes).map(Self)
    }
}

/// Reads one JSON value strictly: no BOM, UTF-8 only, at most 128 levels deep, no name twice, no unknown fields where the type denies them.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if bytes.starts_with(&[0xef, 0xbb, 0xbf]) {
        return Err(bad(
            "json.bom",
            "the body starts with a byte order mark; send plain UTF-8",
        )
        .at(1, 1));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        let column = before
            .iter()
            .rev()
            .take_while(|&&byte| byte != b'\n')
            .count()
            + 1;
        bad("json.invalid_utf8", "the body is not UTF-8").at(line, column)
    })?;
    serde_json::from_str::<Sound>(text).map_err(unsound)?;
    // Every question here has named fields; a list would be taken for them in the order they are declared in.
    if text.trim_start().starts_with('[') {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "body.not_an_object",
            "the body is a list; send an object with named fields",
        ));
    }
    serde_json::from_str(text).map_err(unfit)
}

fn bad(code: &str, detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, code, detail)
}

/// It is not JSON, or not JSON two readers would agree about.
fn unsound(error: serde_json::Error) -> Problem {
    let words = error.to_string();
    let code = if words.starts_with("recursion limit") {
        "json.too_deep"
    } else if words.starts_with("the name") {
        "json.duplicate_name"
    } else if words.starts_with("number out of range") {
        "json.number"
    } else if words.contains("surrogate") || words.contains("end of hex escape") {
        "json.surrogate"
    } else if error.classify() == Category::Eof {
        "json.cut_off"
    } else {
        "json.syntax"
    };
    bad(code, format!("the body is not sound JSON: {words}")).at(error.line(), error.column())
}

/// It is JSON, but not what this address takes.
fn unfit(error: serde_json::Error) -> Problem {
    let words = error.to_string();
    let code = if words.starts_with("unknown field") {
        "field.unknown"
    } else if words.starts_with("missing field") {
        "field.missing"
    } else {
        "field.unfit"
    };
    let field = words.split('`').nth(1).unwrap_or("body").to_owned();
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, words)
        .field(field)
        .at(error.line(), error.column())
}

/// Any JSON whose objects name nothing twice. Reads everything, keeps nothing.
struct Sound;

impl<'de> Deserialize<'de> for Sound {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SoundVisitor)
    }
}

struct SoundVisitor;

impl<'de> Visitor<'de> for SoundVisitor {
    type Value = Sound;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_bool<E>(self, _: bool) -> Result<Sound, E> {
        Ok(Sound)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Sound, E> {
        Ok(Sound)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Sound, E> {
        Ok(Sound)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Sound, E> {
        Ok(Sound)
    }
    fn visit_str<E>(self, _: &str) -> Result<Sound, E> {
        Ok(Sound)
    }
    fn visit_unit<E>(self) -> Result<Sound, E> {
        Ok(Sound)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Sound, A::Error> {
        while items.next_element::<Sound>()?.is_some() {}
        Ok(Sound)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Sound, A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = entries.next_key::<String>()? {
            entries.next_value::<Sound>()?;
            if let Some(name) = names.replace(name) {
                let name: String = name.chars().take(64).collect();
                return Err(de::Error::custom(format_args!(
                    "the name `{name}` stands twice in one object"
                )));
            }
        }
        Ok(Sound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Question {
        #[expect(dead_code, reason = "only its reading is tested")]
        name: String,
    }

    fn refused(body: &[u8]) -> (u16, String) {
        let problem = parse::<Question>(body).unwrap_err();
        (problem.status, problem.code.clone())
    }

    #[test]
    fn each_kind_of_unsound_json_has_its_own_code() {
        let deep = [vec![b'['; 129], vec![b']'; 129]].concat();
        for (body, code) in [
            (deep.as_slice(), "json.too_deep"),
            (b"{\"name\":1e999}", "json.number"),
            (b"{\"name\":NaN}", "json.syntax"),
            (b"{\"name\":\"a\",\"name\":\"b\"}", "json.duplicate_name"),
            (b"{\"name\":\"\\ud800\"}", "json.surrogate"),
            (b"{\"name\":\"\xff\"}", "json.invalid_utf8"),
            (b"\xef\xbb\xbf{}", "json.bom"),
            (b"{\"name\":", "json.cut_off"),
            (b"", "json.cut_off"),
        ] {
            assert_eq!(
                refused(body),
                (400, code.to_owned()),
                "{:?}",
                String::from_utf8_lossy(body)
            );
        }
    }

    #[test]
    fn sound_json_of_the_wrong_shape_is_unprocessable() {
        assert_eq!(
            refused(b"{\"name\":\"a\",\"role\":\"manager\"}"),
            (422, "field.unknown".to_owned())
        );
        assert_eq!(refused(b"{}"), (422, "field.missing".to_owned()));
        assert_eq!(refused(b"{\"name\":1}"), (422, "field.unfit".to_owned()));
        // The first field would be taken for the name.
        assert_eq!(refused(b" [\"a\"]"), (422, "body.not_an_object".to_owned()));
    }

    #[test]
    fn a_duplicate_is_found_however_deep_it_lies() {
        assert_eq!(
            refused(b"{\"x\":[{\"a\":{\"b\":1,\"b\":2}}]}").1,
            "json.duplicate_name"
        );
    }
}
