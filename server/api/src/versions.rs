//! Versions on the wire: `ETag`, and the conditions a request makes about them.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::problem::{Answer, Problem};

/// The header that names a version.
pub fn etag(version: &str) -> (HeaderName, HeaderValue) {
    let value = HeaderValue::from_str(&format!("\"{version}\""));
    (
        header::ETAG,
        value.unwrap_or(HeaderValue::from_static("\"\"")),
    )
}

/// The versions a change is meant for; `None`: whatever it is now.
pub fn if_match(headers: &HeaderMap) -> Answer<Option<Vec<String>>> {
    versions(headers, &header::IF_MATCH)
}

/// Has whoever asks this version already?
pub fn is_known(headers: &HeaderMap, version: &str) -> bool {
    // A condition that cannot be read is no reason not to answer.
    let known = versions(headers, &header::IF_NONE_MATCH).ok().flatten();
    known.is_some_and(|known| known.iter().any(|one| one == version))
}

fn versions(headers: &HeaderMap, name: &HeaderName) -> Answer<Option<Vec<String>>> {
    let mut versions = Vec::new();
    for line in headers.get_all(name) {
        let line = line.to_str().map_err(|_| malformed(name))?.trim();
        if line == "*" {
            return Ok(None);
        }
        for one in line.split(',').map(str::trim) {
            let one = one.strip_prefix("W/").unwrap_or(one);
            let one = one
                .strip_prefix('"')
                .and_then(|one| one.strip_suffix('"'))
                .ok_or_else(|| malformed(name))?;
            versions.push(one.to_owned());
        }
    }
    Ok((!versions.is_empty()).then_some(versions))
}

fn malformed(name: &HeaderName) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "condition.malformed",
        format!("{name} takes the ETag as it came, in its quotation marks"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matching(value: &'static str) -> Answer<Option<Vec<String>>> {
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_MATCH, HeaderValue::from_static(value));
        if_match(&headers)
    }

    #[test]
    fn a_condition_names_versions_in_quotation_marks() {
        assert_eq!(matching("\"a\", W/\"b\"").unwrap().unwrap(), ["a", "b"]);
        assert_eq!(matching("*").unwrap(), None);
        assert_eq!(if_match(&HeaderMap::new()).unwrap(), None);
        assert_eq!(matching("a").unwrap_err().code, "condition.malformed");
    }
}
