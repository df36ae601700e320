//! What browsers report: something a page's policy stopped. Either an attack, or a mistake of ours; both are worth a line of the log.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::Value;

use crate::body;
use crate::doors::Doors;
use crate::problem::Answer;

const LIMIT: usize = 64 * 1024;
/// Of one report, how many; of one field, how many characters.
const MOST: usize = 5;
const FIELD: usize = 256;

/// `POST /api/v1/reports`: anybody may send one, so it is read with suspicion and logged with measure.
pub async fn take(State(doors): State<Arc<Doors>>, body: Body) -> Answer<StatusCode> {
    let bytes = body::read(body, LIMIT).await?;
    let value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let reports = match &value {
        Value::Array(reports) => reports.as_slice(),
        one => std::slice::from_ref(one),
    };
    for report in reports.iter().take(MOST) {
        let Some((directive, blocked, page)) = read(report) else {
            continue;
        };
        if doors.limits.may_report() {
            tracing::warn!(
                directive,
                blocked,
                page,
                "a browser stopped something on a page of ours"
            );
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

/// The directive, what was stopped, and where: as the Reporting API has them, or as `report-uri` had.
fn read(report: &Value) -> Option<(String, String, String)> {
    let (body, names) = match report.get("csp-report") {
        Some(body) => (body, ["effective-directive", "blocked-uri", "document-uri"]),
        None if report["type"] == "csp-violation" => (
            &report["body"],
            ["effectiveDirective", "blockedURL", "documentURL"],
        ),
        None => return None,
    };
    let field = |name: &str| {
        let text = body[name].as_str().unwrap_or("");
        // An address may hold what is nobody's business behind its `?` or `#`.
        let text = text.split(['?', '#']).next().unwrap_or("");
        text.chars()
            .filter(|c| !c.is_control())
            .take(FIELD)
            .collect::<String>()
    };
    let [directive, blocked, page] = names.map(field);
    Some((directive, blocked, page))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_ways_of_reporting_are_read_and_nothing_else_is() {
        let new = json!({ "type": "csp-violation", "body": { "effectiveDirective": "script-src", "blockedURL": "https://evil.example/x.js?token=1", "documentURL": "https://studio.example/n/nb_1#c" } });
        let old = json!({ "csp-report": { "effective-directive": "script-src", "blocked-uri": "https://evil.example/x.js", "document-uri": "https://studio.example/n/nb_1" } });
        let expected = Some((
            "script-src".to_owned(),
            "https://evil.example/x.js".to_owned(),
            "https://studio.example/n/nb_1".to_owned(),
        ));
        assert_eq!(read(&new), expected);
        assert_eq!(read(&old), expected);
        assert_eq!(read(&json!({ "type": "deprecation" })), None);
        assert_eq!(read(&Value::Null), None);
        let long =
            json!({ "csp-report": { "blocked-uri": format!("a\nb{}", "x".repeat(10_000)) } });
        let blocked = read(&long).unwrap().1;
        assert!(blocked.len() == FIELD && !blocked.contains('\n'));
    }
}
