//! Static code colours: a small lexer that draws the same HTML on the server and in the browser.
//!
//! Editors colour what is being typed; this colours what is read. It must be the same on both sides for hydration,
//! and a grammar library would cost more bytes than the rest of the page.

use std::fmt::Write as _;

/// A language the lexer knows. Others are drawn plain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Python,
    R,
    Sql,
    Json,
    JavaScript,
    Shell,
    /// Scala, Java, C and their relatives.
    CLike,
    Plain,
}

impl Language {
    /// From a kernelspec's or a fence's word for it.
    pub fn named(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "python" | "python3" | "ipython" | "ipython3" | "py" | "pyspark" | "sage" => {
                Self::Python
            }
            "r" | "ir" => Self::R,
            "sql" => Self::Sql,
            "json" => Self::Json,
            "javascript" | "js" | "typescript" | "ts" => Self::JavaScript,
            "bash" | "sh" | "shell" | "console" => Self::Shell,
            "scala" | "java" | "c" | "cpp" | "c++" | "rust" | "go" | "kotlin" | "julia" => {
                Self::CLike
            }
            _ => Self::Plain,
        }
    }

    fn keywords(self) -> &'static [&'static str] {
        match self {
            Self::Python => &[
                "False", "None", "True", "and", "as", "assert", "async", "await", "break", "case",
                "class", "continue", "def", "del", "elif", "else", "except", "finally", "for",
                "from", "global", "if", "import", "in", "is", "lambda", "match", "nonlocal", "not",
                "or", "pass", "raise", "return", "try", "while", "with", "yield",
            ],
            Self::R => &[
                "FALSE", "Inf", "NA", "NULL", "NaN", "TRUE", "break", "else", "for", "function",
                "if", "in", "library", "next", "repeat", "require", "return", "while",
            ],
            Self::Sql => &[
                "all",
                "and",
                "as",
                "asc",
                "between",
                "by",
                "case",
                "create",
                "cross",
                "delete",
                "desc",
                "distinct",
                "drop",
                "else",
                "end",
                "exists",
                "from",
                "full",
                "group",
                "having",
                "in",
                "inner",
                "insert",
                "into",
                "is",
                "join",
                "left",
                "like",
                "limit",
                "not",
                "null",
                "offset",
                "on",
                "or",
                "order",
                "outer",
                "over",
                "partition",
                "right",
                "select",
                "set",
                "table",
                "then",
                "union",
                "update",
                "using",
                "values",
                "view",
                "when",
                "where",
                "with",
            ],
            Self::Json => &["false", "null", "true"],
            Self::JavaScript => &[
                "async",
                "await",
                "break",
                "case",
                "catch",
                "class",
                "const",
                "continue",
                "default",
                "delete",
                "do",
                "else",
                "export",
                "extends",
                "false",
                "finally",
                "for",
                "from",
                "function",
                "if",
                "import",
                "in",
                "instanceof",
                "let",
                "new",
                "null",
                "of",
                "return",
                "static",
                "super",
                "switch",
                "this",
                "throw",
                "true",
                "try",
                "typeof",
                "undefined",
                "var",
                "void",
                "while",
                "yield",
            ],
            Self::Shell => &[
                "case", "do", "done", "elif", "else", "esac", "export", "fi", "for", "function",
                "if", "in", "then", "while",
            ],
            Self::CLike => &[
                "abstract",
                "break",
                "case",
                "catch",
                "class",
                "const",
                "continue",
                "def",
                "do",
                "else",
                "end",
                "enum",
                "extends",
                "false",
                "final",
                "finally",
                "fn",
                "for",
                "func",
                "function",
                "if",
                "implements",
                "import",
                "in",
                "interface",
                "let",
                "match",
                "module",
                "mut",
                "new",
                "null",
                "object",
                "override",
                "package",
                "private",
                "protected",
                "pub",
                "public",
                "return",
                "static",
                "struct",
                "super",
                "switch",
                "this",
                "throw",
                "trait",
                "true",
                "try",
                "type",
                "use",
                "using",
                "val",
                "var",
                "void",
                "while",
                "with",
            ],
            Self::Plain => &[],
        }
    }

    fn line_comment(self) -> &'static str {
        match self {
            Self::Python | Self::R | Self::Shell => "#",
            Self::Sql => "--",
            Self::JavaScript | Self::CLike => "//",
            Self::Json | Self::Plain => "",
        }
    }

    fn block_comment(self) -> Option<(&'static str, &'static str)> {
        matches!(self, Self::Sql | Self::JavaScript | Self::CLike).then_some(("/*", "*/"))
    }

    fn is_quote(self, c: char) -> bool {
        match self {
            Self::Plain => false,
            Self::Json => c == '"',
            Self::JavaScript | Self::R => matches!(c, '"' | '\'' | '`'),
            _ => matches!(c, '"' | '\''),
        }
    }
}

/// Somebody else's caret or selection in a text, UTF-16 units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caret {
    pub color: u8,
    pub name: String,
    pub anchor: u32,
    pub head: u32,
}

/// Bytes of a text that are coloured. What follows is plain: the markup of a coloured text is ten times its size.
const COLOURED: usize = 128 * 1024;
/// Bytes and lines of a text that are drawn at all. The editor draws only what is seen, and shows the rest.
const DRAWN: usize = 512 * 1024;
const DRAWN_LINES: usize = 5_000;

/// `<span>`s for a `<pre class="code">`; all text escaped. Of a very long text the beginning, and how much is missing.
pub fn highlight(source: &str, language: Language, carets: &[Caret]) -> String {
    let drawn = drawn(source);
    let coloured = whole_lines(drawn, COLOURED);
    let mut out = Painter::new(drawn.len(), carets);
    lex(coloured, language, |class, text| out.paint(class, text));
    out.paint(None, &drawn[coloured.len()..]);
    out.finish(source[drawn.len()..].split_inclusive('\n').count())
}

/// The beginning of a text that is drawn while nobody writes in it.
pub fn drawn(source: &str) -> &str {
    let source = whole_lines(source, DRAWN);
    match source.match_indices('\n').nth(DRAWN_LINES - 1) {
        Some((at, _)) => &source[..=at],
        None => source,
    }
}

/// At most so many bytes, up to the end of a line if there is one.
fn whole_lines(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let cut = &text[..text.floor_char_boundary(most)];
    cut.rfind('\n').map_or(cut, |at| &cut[..=at])
}

/// Escapes text for HTML content and attributes.
pub fn escape_into(out: &mut String, text: &str) {
    for c in text.chars() {
        escape_char(out, c);
    }
}

fn escape_char(out: &mut String, c: char) {
    match c {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '"' => out.push_str("&quot;"),
        '\'' => out.push_str("&#39;"),
        c => out.push(c),
    }
}

/// Writes spans, cutting them where a caret or a selection's edge stands.
struct Painter {
    html: String,
    position: u32,
    /// Edges in the order of their position: (position, what to write).
    edges: std::iter::Peekable<std::vec::IntoIter<(u32, String)>>,
}

impl Painter {
    fn new(capacity: usize, carets: &[Caret]) -> Self {
        let mut edges = Vec::new();
        for caret in carets {
            let (from, to) = (caret.anchor.min(caret.head), caret.anchor.max(caret.head));
            let mut flag = format!(
                "<span class=\"caret w{}\"><span class=\"caret__flag\">",
                caret.color
            );
            escape_into(&mut flag, &caret.name);
            flag.push_str("</span></span>");
            // A selection is drawn as a zero-width start mark and the caret at its head: spans of several people may overlap.
            if from != to {
                edges.push((
                    from,
                    format!("<span class=\"peer-edge w{}\"></span>", caret.color),
                ));
                edges.push((
                    to,
                    format!("<span class=\"peer-edge w{}\"></span>", caret.color),
                ));
            }
            edges.push((caret.head, flag));
        }
        edges.sort_by_key(|edge| edge.0);
        Self {
            html: String::with_capacity(capacity * 2),
            position: 0,
            edges: edges.into_iter().peekable(),
        }
    }

    fn paint(&mut self, class: Option<char>, text: &str) {
        let open = |html: &mut String| {
            if let Some(class) = class {
                let _ = write!(html, "<span class=\"{class}\">");
            }
        };
        let close = |html: &mut String| {
            if class.is_some() {
                html.push_str("</span>");
            }
        };
        open(&mut self.html);
        for c in text.chars() {
            if self
                .edges
                .peek()
                .is_some_and(|(at, _)| *at <= self.position)
            {
                close(&mut self.html);
                self.edges_here();
                open(&mut self.html);
            }
            escape_char(&mut self.html, c);
            self.position += c.len_utf16() as u32;
        }
        close(&mut self.html);
    }

    fn edges_here(&mut self) {
        while let Some((_, mark)) = self.edges.next_if(|(at, _)| *at <= self.position) {
            self.html.push_str(&mark);
        }
    }

    fn finish(mut self, missing: usize) -> String {
        for (_, mark) in self.edges {
            self.html.push_str(&mark);
        }
        if missing > 0 {
            let lines = if missing == 1 { "line" } else { "lines" };
            let _ = write!(
                self.html,
                "<span class=\"code__more\">… {missing} more {lines}: click to see and write all of it</span>"
            );
        }
        // A <pre> does not show an empty last line.
        if self.html.is_empty() || self.html.ends_with('\n') {
            self.html.push('\u{200b}');
        }
        self.html
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn lex<'a>(source: &'a str, language: Language, mut emit: impl FnMut(Option<char>, &'a str)) {
    if language == Language::Plain {
        emit(None, source);
        return;
    }
    let mut rest = source;
    let mut line_start = true;
    let mut after_definition = false;
    while let Some(c) = rest.chars().next() {
        let (class, length) = token(rest, c, language, line_start, after_definition);
        let (text, tail) = rest.split_at(length);
        if !text.trim().is_empty() {
            after_definition =
                class == Some('k') && matches!(text, "def" | "class" | "function" | "fn" | "func");
            line_start = false;
        }
        if text.ends_with('\n') || (line_start && text.contains('\n')) {
            line_start = true;
        }
        emit(class, text);
        rest = tail;
    }
}

/// The class and length in bytes of the token at the start of `rest`, which is not empty.
fn token(
    rest: &str,
    c: char,
    language: Language,
    line_start: bool,
    after_definition: bool,
) -> (Option<char>, usize) {
    let whole = rest.len();
    let until = |test: fn(char) -> bool| rest.find(|c| !test(c)).unwrap_or(whole);
    if c.is_whitespace() {
        return (None, until(char::is_whitespace));
    }
    let comment = language.line_comment();
    if !comment.is_empty() && rest.starts_with(comment) {
        return (Some('c'), rest.find('\n').unwrap_or(whole));
    }
    if let Some((open, close)) = language.block_comment()
        && rest.starts_with(open)
    {
        let end = rest[open.len()..]
            .find(close)
            .map_or(whole, |at| open.len() + at + close.len());
        return (Some('c'), end);
    }
    if line_start && language == Language::Python && matches!(c, '%' | '!') {
        return (Some('d'), rest.find('\n').unwrap_or(whole));
    }
    if c == '@' && matches!(language, Language::Python | Language::CLike) && line_start {
        let end = rest[1..]
            .find(|c: char| !is_word(c) && c != '.')
            .map_or(whole, |at| at + 1);
        return (Some('d'), end);
    }
    if c.is_alphabetic() || c == '_' {
        let end = until(is_word);
        let word = &rest[..end];
        // Python's string prefixes: r"", f'', rb""…
        if language == Language::Python
            && end <= 2
            && word.chars().all(|c| "rRbBfFuUtT".contains(c))
            && rest[end..].starts_with(['"', '\''])
        {
            return (Some('s'), end + string_length(&rest[end..], language));
        }
        return (
            word_class(word, &rest[end..], language, after_definition),
            end,
        );
    }
    if c.is_ascii_digit() || (c == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) {
        return (Some('n'), number_length(rest));
    }
    if language.is_quote(c) {
        let end = string_length(rest, language);
        let is_key = language == Language::Json && rest[end..].trim_start().starts_with(':');
        return (Some(if is_key { 'f' } else { 's' }), end);
    }
    (Some('o'), c.len_utf8())
}

fn word_class(word: &str, tail: &str, language: Language, after_definition: bool) -> Option<char> {
    let keywords = language.keywords();
    let is_keyword = if language == Language::Sql {
        keywords
            .binary_search(&word.to_ascii_lowercase().as_str())
            .is_ok()
    } else {
        keywords.contains(&word)
    };
    if is_keyword {
        return Some('k');
    }
    if tail.starts_with('(') || after_definition {
        // Capitalised callables are classes by every convention of the languages here.
        let class = word.starts_with(|c: char| c.is_uppercase())
            && word.contains(|c: char| c.is_lowercase());
        return Some(if class { 't' } else { 'f' });
    }
    None
}

fn number_length(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let mut end = 1;
    while let Some(&b) = bytes.get(end) {
        let sign_of_exponent = matches!(b, b'+' | b'-')
            && matches!(bytes[end - 1], b'e' | b'E')
            && !rest.starts_with("0x");
        if b.is_ascii_alphanumeric() || b == b'.' || b == b'_' || sign_of_exponent {
            end += 1;
        } else {
            break;
        }
    }
    end
}

/// Length of the string literal at the start, an unclosed one to the end of its line (or of the text, for triple quotes).
fn string_length(rest: &str, language: Language) -> usize {
    let Some(quote) = rest.chars().next() else {
        return 0;
    };
    if language == Language::Python {
        let triple = if quote == '"' { "\"\"\"" } else { "'''" };
        if let Some(body) = rest.strip_prefix(triple) {
            return body.find(triple).map_or(rest.len(), |at| at + 6);
        }
    }
    let multiline = quote == '`' || language == Language::Sql;
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if language != Language::Sql => escaped = true,
            '\n' if !multiline => return at,
            c if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(html: &str) -> String {
        let mut text = String::new();
        let mut inside = false;
        for c in html.chars() {
            match c {
                '<' => inside = true,
                '>' => inside = false,
                c if !inside && c != '\u{200b}' => text.push(c),
                _ => {}
            }
        }
        text.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&#39;", "'")
            .replace("&amp;", "&")
    }

    #[test]
    fn python_is_coloured_as_in_the_design() {
        let html = highlight(
            "@cache\ndef area(r):  # of a circle\n    return 3.14e-2 * f\"{r}\"",
            Language::Python,
            &[],
        );
        assert_eq!(
            html,
            "<span class=\"d\">@cache</span>\n<span class=\"k\">def</span> <span class=\"f\">area</span><span class=\"o\">(</span>r<span class=\"o\">)</span><span class=\"o\">:</span>  <span class=\"c\"># of a circle</span>\n    <span class=\"k\">return</span> <span class=\"n\">3.14e-2</span> <span class=\"o\">*</span> <span class=\"s\">f&quot;{r}&quot;</span>"
        );
    }

    #[test]
    fn nothing_of_the_text_is_lost_whatever_it_is() {
        let nasty = [
            "",
            "\n",
            "'''unclosed",
            "\"a\\",
            "<script>&'\"",
            "é漢🎈\r\n\t",
            "0x",
            ".5",
            "%%time\nx",
            "/* a",
            "-- a\n'",
            "`",
            "\\",
        ];
        for language in [
            Language::Python,
            Language::R,
            Language::Sql,
            Language::Json,
            Language::JavaScript,
            Language::Shell,
            Language::CLike,
            Language::Plain,
        ] {
            for text in nasty {
                assert_eq!(plain(&highlight(text, language, &[])), text, "{language:?}");
            }
        }
    }

    #[test]
    fn a_caret_stands_between_the_characters_it_was_put_between() {
        let caret = Caret {
            color: 2,
            name: "K<b>".into(),
            anchor: 3,
            head: 3,
        };
        let html = highlight("a🎈b", Language::Python, &[caret]);
        assert!(html.contains("🎈</span><span class=\"caret w2\"><span class=\"caret__flag\">K&lt;b&gt;</span></span>"), "{html}");
        assert!(!html.contains("<b>"));
    }

    #[test]
    fn of_a_very_long_text_the_beginning_is_drawn_and_the_rest_counted() {
        let lines = "x = 1\n".repeat(300_000);
        let html = highlight(&lines, Language::Python, &[]);
        assert!(html.len() < 3 * DRAWN, "{} bytes", html.len());
        assert!(html.contains("… 295000 more lines"));
        // One line without an end, of characters of three bytes.
        let line = "€".repeat(1_000_000);
        let html = highlight(&line, Language::Python, &[]);
        assert!(html.len() < 4 * DRAWN, "{} bytes", html.len());
        assert!(html.contains("… 1 more line:"));
        let short = "a\n".repeat(DRAWN_LINES);
        assert_eq!(drawn(&short), short);
        assert!(!highlight(&short, Language::Plain, &[]).contains("code__more"));
    }
}
