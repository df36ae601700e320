//! Markdown as people write it in notebooks: CommonMark, tables, task lists, footnotes, maths; harmless HTML.

use notebook::Map;
use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd};

use crate::clean::clean_text;
use crate::highlight::{Language, escape_into, highlight};

/// Longest maths that is set, in bytes; longer stays as typed.
const MATHS_BYTES: usize = 20_000;

/// HTML for a text cell. `attachments` are the cell's, by file name.
pub fn render(source: &str, attachments: &Map) -> String {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_MATH
        | Options::ENABLE_GFM;
    // Parts we make ourselves (maths, coloured code) wait outside and come in after the cleaning.
    let mut kept: Vec<String> = Vec::new();
    let mut code: Option<(Language, String)> = None;
    let mut events = Vec::new();
    for event in Parser::new_ext(source, options) {
        match event {
            Event::InlineMath(tex) => events.push(keep(&mut kept, maths(&tex, false))),
            Event::DisplayMath(tex) => events.push(keep(&mut kept, maths(&tex, true))),
            Event::Start(Tag::CodeBlock(kind)) => {
                let name = match &kind {
                    pulldown_cmark::CodeBlockKind::Fenced(name) => {
                        name.split([' ', ',', '{']).next().unwrap_or("").to_owned()
                    }
                    pulldown_cmark::CodeBlockKind::Indented => String::new(),
                };
                code = Some((Language::named(&name), String::new()));
            }
            Event::Text(text) if code.is_some() => {
                if let Some((_, block)) = &mut code {
                    block.push_str(&text);
                }
            }
            Event::End(TagEnd::CodeBlock) => {
                if let Some((language, block)) = code.take() {
                    let html = format!(
                        "<pre class=\"code\">{}</pre>",
                        highlight(block.trim_end_matches('\n'), language, &[])
                    );
                    events.push(keep(&mut kept, html));
                }
            }
            Event::Start(Tag::Image {
                link_type,
                dest_url,
                title,
                id,
            }) => {
                let dest_url = attachment(&dest_url, attachments).map_or(dest_url, CowStr::from);
                events.push(Event::Start(Tag::Image {
                    link_type,
                    dest_url,
                    title,
                    id,
                }));
            }
            // Private-use marks stand for kept parts; the author's own must not.
            Event::Text(text) if text.contains(['\u{E000}', '\u{E001}']) => {
                events.push(Event::Text(
                    text.replace(['\u{E000}', '\u{E001}'], "\u{FFFD}").into(),
                ));
            }
            event => events.push(event),
        }
    }
    let mut html = String::with_capacity(source.len() * 2);
    pulldown_cmark::html::push_html(&mut html, events.into_iter());
    let clean = clean_text(&html);
    put_back(&clean, &kept)
}

fn keep(kept: &mut Vec<String>, html: String) -> Event<'static> {
    kept.push(html);
    Event::InlineHtml(format!("\u{E000}{}\u{E001}", kept.len() - 1).into())
}

fn put_back(html: &str, kept: &[String]) -> String {
    let mut out = String::with_capacity(html.len() + kept.iter().map(String::len).sum::<usize>());
    let mut rest = html;
    while let Some(at) = rest.find('\u{E000}') {
        out.push_str(&rest[..at]);
        rest = &rest[at + '\u{E000}'.len_utf8()..];
        if let Some(end) = rest.find('\u{E001}') {
            if let Some(part) = rest[..end]
                .parse::<usize>()
                .ok()
                .and_then(|index| kept.get(index))
            {
                out.push_str(part);
            }
            rest = &rest[end + '\u{E001}'.len_utf8()..];
        }
    }
    out.push_str(rest);
    out
}

/// LaTeX set as MathML; what cannot be set stays as typed.
pub fn maths(tex: &str, display: bool) -> String {
    let as_typed = |why: &str| {
        let mut html = String::from("<code class=\"maths-as-typed\" title=\"");
        escape_into(&mut html, why);
        html.push_str("\">");
        escape_into(&mut html, tex);
        html.push_str("</code>");
        html
    };
    if tex.len() > MATHS_BYTES {
        return as_typed("This formula is longer than 20 kB.");
    }
    // Links inside formulas could carry any scheme; Markdown has links.
    if tex.contains("\\href") || tex.contains("\\url") || tex.contains("\\includegraphics") {
        return as_typed("Formulas cannot hold links or pictures.");
    }
    let storage = pulldown_latex::Storage::new();
    let mut events = Vec::new();
    for event in pulldown_latex::Parser::new(tex, &storage) {
        match event {
            Ok(event) => events.push(Ok::<_, std::convert::Infallible>(event)),
            Err(_) => return as_typed("This formula could not be read."),
        }
    }
    let config = pulldown_latex::RenderConfig {
        display_mode: if display {
            pulldown_latex::config::DisplayMode::Block
        } else {
            pulldown_latex::config::DisplayMode::Inline
        },
        ..Default::default()
    };
    let mut html = String::new();
    match pulldown_latex::push_mathml(&mut html, events.into_iter(), config) {
        Ok(()) => html,
        Err(_) => as_typed("This formula could not be set."),
    }
}

/// `attachment:name.png` as the bytes the cell carries.
fn attachment(link: &str, attachments: &Map) -> Option<String> {
    let name = link.strip_prefix("attachment:")?;
    let bundle = attachments.get(name)?.as_object()?;
    let (kind, data) = bundle
        .iter()
        .find(|(kind, data)| kind.starts_with("image/") && data.is_string())?;
    Some(format!(
        "data:{kind};base64,{}",
        data.as_str()?.replace(['\n', '\r'], "")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(source: &str) -> String {
        render(source, &Map::new())
    }

    #[test]
    fn common_markdown_is_set() {
        assert_eq!(
            html("# A *b*\n\ntext"),
            "<h1>A <em>b</em></h1>\n<p>text</p>\n"
        );
        assert!(html("| a | b |\n|---|---|\n| 1 | 2 |").contains("<td>1</td>"));
        assert!(html("- [x] done").contains("type=\"checkbox\""));
        assert!(html("```python\nfor x in y: pass\n```").contains("<span class=\"k\">for</span>"));
    }

    #[test]
    fn maths_is_set_and_stays_harmless() {
        assert!(html("$x^2$").contains("<math"), "{}", html("$x^2$"));
        assert!(html("$$\\frac{1}{2}$$").contains("<mfrac"));
        let evil = html("$\\href{javascript:alert(1)}{x}$");
        assert!(!evil.contains("<a") && evil.contains("\\href"), "{evil}");
        let evil = html("$\\text{<script>alert(1)</script>}$");
        assert!(!evil.contains("<script"), "{evil}");
        let evil = html("$<img src=x onerror=alert(1)>$");
        assert!(!evil.contains("<img"), "{evil}");
    }

    #[test]
    fn scripts_and_foreign_schemes_do_not_come_through() {
        for evil in [
            "<script>alert(1)</script>",
            "[x](javascript:alert(1))",
            "<svg onload=alert(1)>",
            "![x](javascript:alert(1))",
            "<a href=\"javascript:alert(1)\">x</a>",
            "<iframe src=x></iframe>",
            "\u{E000}0\u{E001} $x$",
        ] {
            let html = html(evil);
            assert!(
                !html.contains("javascript:")
                    && !html.contains("<script")
                    && !html.contains("<svg")
                    && !html.contains("<iframe")
                    && !html.contains('\u{E000}'),
                "{evil} -> {html}"
            );
        }
    }

    #[test]
    fn an_attached_picture_is_shown() {
        let attachments: Map = serde_json::from_str(r#"{"a.png": {"image/png": "AAAA"}}"#).unwrap();
        assert!(
            render("![plot](attachment:a.png)", &attachments)
                .contains("src=\"data:image/png;base64,AAAA\"")
        );
    }
}
