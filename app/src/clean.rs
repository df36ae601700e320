//! Makes foreign HTML harmless by writing it anew: only a fixed vocabulary of tags and checked attributes comes out.
//!
//! Nothing is copied from the input but escaped text, so what is not in the vocabulary cannot appear, however the input
//! is malformed. What needs more (scripts, SVG, styles) belongs in the sandboxed output frame.

use crate::highlight::escape_into;

/// Where the HTML comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Markdown somebody wrote: headings, links and pictures too.
    Text,
    /// An output: tables and plain markup. `None` is the answer when it holds anything more.
    Output,
}

const PLAIN: &[&str] = &[
    "abbr",
    "b",
    "blockquote",
    "br",
    "caption",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "details",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "hr",
    "i",
    "ins",
    "kbd",
    "li",
    "mark",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "samp",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "tt",
    "u",
    "ul",
    "var",
    "center",
    "font",
];
const OF_TEXT: &[&str] = &["a", "h1", "h2", "h3", "h4", "h5", "h6", "img", "input"];
/// Tags whose content is not text for people.
const OPAQUE: &[&str] = &[
    "script",
    "style",
    "head",
    "title",
    "template",
    "noscript",
    "textarea",
    "iframe",
    "object",
    "xmp",
    "svg",
    "math",
    "plaintext",
    "noembed",
    "noframes",
];
const VOID: &[&str] = &["br", "col", "hr", "img", "input"];

/// Rewrites text of an author. Tags outside the vocabulary vanish, their text stays; opaque ones vanish whole.
pub fn clean_text(html: &str) -> String {
    rewrite(html, Origin::Text).0
}

/// Rewrites an output when all of it is plain markup (a `<style>` block of pandas counts as nothing); `None` when it needs the frame.
pub fn clean_output(html: &str) -> Option<String> {
    let (clean, whole) = rewrite(html, Origin::Output);
    whole.then_some(clean)
}

/// The link, if its scheme is one that cannot run anything.
pub fn safe_link(link: &str) -> Option<String> {
    let tidy: String = link
        .chars()
        .filter(|c| !c.is_control() && !c.is_whitespace())
        .collect();
    let scheme = tidy
        .split(['/', '?', '#'])
        .next()
        .unwrap_or("")
        .split_once(':')
        .map(|(scheme, _)| scheme.to_ascii_lowercase());
    match scheme.as_deref() {
        None => Some(tidy),
        Some("http" | "https" | "mailto") => Some(tidy),
        Some(_) => None,
    }
}

/// The picture's address, if it is one the page may load: inline bytes, an attachment or a file of this studio.
fn safe_picture(link: &str) -> Option<String> {
    let tidy: String = link
        .chars()
        .filter(|c| !c.is_control() && !c.is_whitespace())
        .collect();
    let lower = tidy.to_ascii_lowercase();
    let inline = [
        "data:image/png;",
        "data:image/jpeg;",
        "data:image/gif;",
        "data:image/webp;",
        "data:image/svg+xml;",
    ];
    (inline.iter().any(|start| lower.starts_with(start))
        || (tidy.starts_with('/') && !tidy.starts_with("//")))
    .then_some(tidy)
}

fn rewrite(html: &str, origin: Origin) -> (String, bool) {
    let mut out = String::with_capacity(html.len());
    let mut open: Vec<&'static str> = Vec::new();
    let mut whole = true;
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        text(&mut out, &rest[..at]);
        rest = &rest[at..];
        match Tag::read(rest) {
            Some((Tag::Comment, length)) => rest = &rest[length..],
            Some((Tag::Close(name), length)) => {
                rest = &rest[length..];
                if let Some(position) = open.iter().rposition(|tag| *tag == name) {
                    for tag in open.drain(position..).rev() {
                        out.push_str("</");
                        out.push_str(tag);
                        out.push('>');
                    }
                }
            }
            Some((Tag::Open { name, attributes }, length)) => {
                rest = &rest[length..];
                if let Some(opaque) = OPAQUE.iter().find(|tag| **tag == name) {
                    whole &= *opaque == "style" || *opaque == "head" || *opaque == "title";
                    rest = after_close(rest, opaque);
                } else if let Some(tag) = known(&name, origin) {
                    element(&mut out, &mut open, tag, &attributes, &mut whole);
                } else {
                    whole = whole && matches!(name.as_str(), "html" | "body" | "meta");
                }
            }
            None => {
                out.push_str("&lt;");
                rest = &rest[1..];
            }
        }
    }
    text(&mut out, rest);
    for tag in open.iter().rev() {
        out.push_str("</");
        out.push_str(tag);
        out.push('>');
    }
    (out, whole)
}

fn known(name: &str, origin: Origin) -> Option<&'static str> {
    let find = |list: &'static [&'static str]| list.iter().copied().find(|tag| *tag == name);
    find(PLAIN).or_else(|| {
        if origin == Origin::Text {
            find(OF_TEXT)
        } else {
            None
        }
    })
}

fn element(
    out: &mut String,
    open: &mut Vec<&'static str>,
    tag: &'static str,
    attributes: &[(String, String)],
    whole: &mut bool,
) {
    let value = |wanted: &str| {
        attributes
            .iter()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.as_str())
    };
    if attributes.iter().any(|(name, _)| name.starts_with("on")) {
        *whole = false;
    }
    let mut written: Vec<(&str, String)> = Vec::new();
    match tag {
        "a" => {
            if let Some(link) = value("href").and_then(safe_link) {
                let here = link.starts_with('#');
                written.push(("href", link));
                if !here {
                    written.push(("rel", "noopener noreferrer nofollow ugc".into()));
                    written.push(("target", "_blank".into()));
                }
            }
        }
        "img" => {
            match value("src").and_then(safe_picture) {
                Some(source) => {
                    written.push(("src", source));
                    written.push(("alt", value("alt").unwrap_or("").to_owned()));
                    written.push(("loading", "lazy".into()));
                    written.extend(size(value("width"), "width"));
                    written.extend(size(value("height"), "height"));
                }
                None => {
                    // Foreign pictures would tell their host who reads; a link lets the reader decide.
                    let source = value("src").unwrap_or("");
                    let label = value("alt").filter(|alt| !alt.is_empty()).unwrap_or(source);
                    match safe_link(source).filter(|link| link.starts_with("http")) {
                        Some(link) => {
                            out.push_str("<a rel=\"noopener noreferrer nofollow ugc\" target=\"_blank\" href=\"");
                            escape_into(out, &link);
                            out.push_str("\">Picture: ");
                            escape_into(out, label);
                            out.push_str("</a>");
                        }
                        None => escape_into(out, label),
                    }
                    return;
                }
            }
        }
        // Only the check box of a task list.
        "input" => {
            if value("type") != Some("checkbox") {
                return;
            }
            written.push(("type", "checkbox".into()));
            written.push(("disabled", String::new()));
            if attributes.iter().any(|(name, _)| name == "checked") {
                written.push(("checked", String::new()));
            }
        }
        "td" | "th" => {
            written.extend(size(value("colspan"), "colspan"));
            written.extend(size(value("rowspan"), "rowspan"));
        }
        "ol" => written.extend(size(value("start"), "start")),
        "details" if attributes.iter().any(|(name, _)| name == "open") => {
            written.push(("open", String::new()))
        }
        _ => {}
    }
    out.push('<');
    out.push_str(tag);
    for (name, value) in written {
        out.push(' ');
        out.push_str(name);
        out.push_str("=\"");
        escape_into(out, &value);
        out.push('"');
    }
    out.push('>');
    if !VOID.contains(&tag) {
        open.push(tag);
    }
}

fn size(value: Option<&str>, name: &'static str) -> Option<(&'static str, String)> {
    let number: u32 = value?.trim().trim_end_matches("px").parse().ok()?;
    (number <= 10_000).then(|| (name, number.to_string()))
}

/// Text between tags: character references stay what they are, everything else is escaped.
fn text(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        escape_into(out, &rest[..at]);
        rest = &rest[at..];
        match reference(rest) {
            Some(length) => {
                out.push_str(&rest[..length]);
                rest = &rest[length..];
            }
            None => {
                out.push_str("&amp;");
                rest = &rest[1..];
            }
        }
    }
    escape_into(out, rest);
}

/// Length of the character reference (`&amp;`, `&#38;`) at the start.
fn reference(rest: &str) -> Option<usize> {
    let end = rest.find(';').filter(|end| (2..=32).contains(end))?;
    let body = rest[1..end].trim_start_matches('#');
    (!body.is_empty() && body.bytes().all(|b| b.is_ascii_alphanumeric())).then_some(end + 1)
}

fn after_close<'a>(rest: &'a str, tag: &str) -> &'a str {
    let bytes = rest.as_bytes();
    let mut from = 0;
    while let Some(at) = rest[from..].find("</") {
        let start = from + at + 2;
        let end = start + tag.len();
        if bytes
            .get(start..end)
            .is_some_and(|name| name.eq_ignore_ascii_case(tag.as_bytes()))
        {
            let tail = &rest[end..];
            return tail.find('>').map_or("", |at| &tail[at + 1..]);
        }
        from = start;
    }
    ""
}

enum Tag {
    Comment,
    Close(String),
    Open {
        name: String,
        attributes: Vec<(String, String)>,
    },
}

impl Tag {
    /// The tag at the start of `rest` (which starts with `<`) and its length in bytes; `None` where it is text.
    fn read(rest: &str) -> Option<(Self, usize)> {
        if let Some(body) = rest.strip_prefix("<!--") {
            return Some((
                Self::Comment,
                body.find("-->").map_or(rest.len(), |at| at + 7),
            ));
        }
        if rest.starts_with("<!") || rest.starts_with("<?") {
            return Some((
                Self::Comment,
                rest.find('>').map_or(rest.len(), |at| at + 1),
            ));
        }
        let (closing, body) = match rest.strip_prefix("</") {
            Some(body) => (true, body),
            None => (false, &rest[1..]),
        };
        if !body.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return None;
        }
        let name_end = body
            .find(|c: char| c.is_whitespace() || c == '>' || c == '/')
            .unwrap_or(body.len());
        let name = body[..name_end].to_ascii_lowercase();
        let mut at = rest.len() - body.len() + name_end;
        let mut attributes = Vec::new();
        loop {
            let tail = &rest[at..];
            let skipped = tail.len()
                - tail
                    .trim_start_matches(|c: char| c.is_whitespace() || c == '/')
                    .len();
            at += skipped;
            let tail = &rest[at..];
            if tail.is_empty() {
                break;
            }
            if tail.starts_with('>') {
                at += 1;
                break;
            }
            let key_end = tail
                .find(|c: char| c.is_whitespace() || matches!(c, '=' | '>' | '/'))
                .unwrap_or(tail.len())
                .max(tail.chars().next().map_or(1, char::len_utf8));
            let key = tail[..key_end].to_ascii_lowercase();
            at += key_end;
            let after = rest[at..].trim_start();
            let mut value = String::new();
            if let Some(raw) = after.strip_prefix('=') {
                let raw = raw.trim_start();
                let start = rest.len() - raw.len();
                let (text, length) = match raw.chars().next() {
                    Some(quote @ ('"' | '\'')) => match raw[1..].find(quote) {
                        Some(end) => (&raw[1..=end], end + 2),
                        None => (&raw[1..], raw.len()),
                    },
                    _ => {
                        let end = raw
                            .find(|c: char| c.is_whitespace() || c == '>')
                            .unwrap_or(raw.len());
                        (&raw[..end], end)
                    }
                };
                value = decode(text);
                at = start + length;
            }
            attributes.push((key, value));
        }
        let tag = if closing {
            Self::Close(name)
        } else {
            Self::Open { name, attributes }
        };
        Some((tag, at))
    }
}

/// The references that matter inside attributes: a link may be written with them.
fn decode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let decoded = reference(rest).and_then(|length| {
            let body = &rest[1..length - 1];
            let c = match body {
                "amp" => Some('&'),
                "lt" => Some('<'),
                "gt" => Some('>'),
                "quot" => Some('"'),
                "apos" => Some('\''),
                "colon" => Some(':'),
                "Tab" => Some('\t'),
                "NewLine" => Some('\n'),
                _ => match body.strip_prefix('#') {
                    Some(number) => match number.strip_prefix(['x', 'X']) {
                        Some(hex) => u32::from_str_radix(hex, 16).ok(),
                        None => number.parse().ok(),
                    }
                    .and_then(char::from_u32),
                    None => None,
                },
            };
            c.map(|c| (c, length))
        });
        match decoded {
            Some((c, length)) => {
                out.push(c);
                rest = &rest[length..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pandas_table_stays_a_table() {
        let html = "<div>\n<style scoped>\n .dataframe tbody tr th { vertical-align: top; }\n</style>\n<table border=\"1\" class=\"dataframe\"><thead><tr style=\"text-align: right;\"><th></th><th>a</th></tr></thead><tbody><tr><th>0</th><td colspan=2>1 &lt; 2</td></tr></tbody></table>\n</div>";
        assert_eq!(
            clean_output(html).as_deref(),
            Some(
                "<div>\n\n<table><thead><tr><th></th><th>a</th></tr></thead><tbody><tr><th>0</th><td colspan=\"2\">1 &lt; 2</td></tr></tbody></table>\n</div>"
            )
        );
    }

    #[test]
    fn what_can_run_goes_to_the_frame() {
        for html in [
            "<script>alert(1)</script>",
            "<b onclick=x>a</b>",
            "<svg onload=x>",
            "<iframe srcdoc=x>",
            "<button data-commandlinker-command=x>a</button>",
            "<form><input></form>",
            "<SCRIPT >x</SCRIPT >",
            "<img src=x onerror=alert(1)>",
        ] {
            assert_eq!(clean_output(html), None, "{html}");
        }
    }

    #[test]
    fn written_text_keeps_its_words_and_loses_what_runs() {
        for (html, clean) in [
            ("a <script>alert(1)</script>b", "a b"),
            ("<img src=x onerror=alert(1)>", "x"),
            ("<a href=\"java\tscript:alert(1)\">x</a>", "<a>x</a>"),
            ("<a href=\"&#106;avascript:alert(1)\">x</a>", "<a>x</a>"),
            ("<a href=\"javascript&colon;alert(1)\">x</a>", "<a>x</a>"),
            (
                "<a id=MathJax name=x href='https://a.example/?q=1&amp;r'>x</a>",
                "<a href=\"https://a.example/?q=1&amp;r\" rel=\"noopener noreferrer nofollow ugc\" target=\"_blank\">x</a>",
            ),
            (
                "<svg><style><img src=x onerror=alert(1)></style></svg>c",
                "c",
            ),
            ("<p>1 < 2 & 3</p></div>", "<p>1 &lt; 2 &amp; 3</p>"),
            ("<b>open", "<b>open</b>"),
            ("<custom-element>x</custom-element>", "x"),
            (
                "<img src=\"https://track.example/p.png\" alt=\"a chart\">",
                "<a rel=\"noopener noreferrer nofollow ugc\" target=\"_blank\" href=\"https://track.example/p.png\">Picture: a chart</a>",
            ),
            ("<a href=\"data:text/html,x\">y</a>", "<a>y</a>"),
            ("<p/onclick=x>a", "<p>a</p>"),
            (
                "<a href='\"><script>'>x</a>",
                "<a href=\"&quot;&gt;&lt;script&gt;\" rel=\"noopener noreferrer nofollow ugc\" target=\"_blank\">x</a>",
            ),
        ] {
            assert_eq!(clean_text(html), clean, "{html}");
        }
    }

    #[test]
    fn random_bytes_never_bring_a_tag_or_attribute_from_outside() {
        let pieces = [
            "<",
            ">",
            "</",
            "a",
            "b",
            " href=",
            "\"",
            "'",
            "javascript:x",
            "script",
            "svg",
            "<!--",
            "-->",
            "&",
            "#106;",
            "=",
            "/",
            " onclick=y ",
            "table",
            "td",
            "é",
            "\u{0}",
            "<b",
            "style",
            "<![CDATA[",
            "textarea",
        ];
        let mut state = 7_u64;
        for _ in 0..20_000 {
            let mut html = String::new();
            for _ in 0..12 {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                html.push_str(pieces[(state >> 33) as usize % pieces.len()]);
            }
            let clean = clean_text(&html);
            let again = clean_text(&clean);
            assert_eq!(clean, again, "not stable: {html}");
            let lower = clean.to_ascii_lowercase();
            assert!(
                !lower.contains("<script") && !lower.contains("<svg") && !lower.contains("<style"),
                "{html} -> {clean}"
            );
            for tag in clean.split('<').skip(1) {
                let tag = tag.split('>').next().unwrap();
                assert!(!tag.contains(" on"), "{html} -> {clean}");
                assert!(!tag.contains("href=\"javascript"), "{html} -> {clean}");
            }
        }
    }
}
