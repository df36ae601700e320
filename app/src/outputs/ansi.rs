//! Terminal text as HTML: SGR colours and weights; every other control sequence is dropped.

use crate::highlight::escape_into;

#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Style {
    /// 0–15 named; 16–255 of the palette; or a 24-bit colour.
    fore: Option<Colour>,
    back: Option<Colour>,
    bold: bool,
    faint: bool,
    italic: bool,
    underline: bool,
    strike: bool,
    inverse: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Colour {
    Named(u8),
    Rgb(u8, u8, u8),
}

/// Escaped HTML; colours are classes `ansi-0` … `ansi-15` (the theme decides) or exact inline colours.
pub fn to_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    let mut style = Style::default();
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        write(&mut out, style, &rest[..at]);
        rest = &rest[at + 1..];
        rest = sequence(rest, &mut style);
    }
    write(&mut out, style, rest);
    out
}

/// The text without any control sequence.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut style = Style::default();
    while let Some(at) = rest.find('\u{1b}') {
        out.push_str(&rest[..at]);
        rest = sequence(&rest[at + 1..], &mut style);
    }
    out.push_str(rest);
    out
}

/// Reads one sequence after its escape character; returns what follows it.
fn sequence<'a>(rest: &'a str, style: &mut Style) -> &'a str {
    if let Some(body) = rest.strip_prefix('[') {
        let Some(end) = body.find(|c: char| ('\u{40}'..='\u{7e}').contains(&c)) else {
            return "";
        };
        if body[end..].starts_with('m') {
            sgr(&body[..end], style);
        }
        return &body[end + 1..];
    }
    if let Some(body) = rest.strip_prefix(']') {
        // An operating system command (a link, a title) ends with BEL or ESC \.
        let bell = body.find('\u{7}').map(|at| (at, 1));
        let string_end = body.find("\u{1b}\\").map(|at| (at, 2));
        return match bell.into_iter().chain(string_end).min() {
            Some((at, length)) => &body[at + length..],
            None => "",
        };
    }
    let mut chars = rest.chars();
    chars.next();
    chars.as_str()
}

fn sgr(parameters: &str, style: &mut Style) {
    let mut numbers = parameters
        .split([';', ':'])
        .map(|number| number.parse::<u16>().unwrap_or(0));
    while let Some(number) = numbers.next() {
        match number {
            0 => *style = Style::default(),
            1 => style.bold = true,
            2 => style.faint = true,
            3 => style.italic = true,
            4 => style.underline = true,
            7 => style.inverse = true,
            9 => style.strike = true,
            22 => (style.bold, style.faint) = (false, false),
            23 => style.italic = false,
            24 => style.underline = false,
            27 => style.inverse = false,
            29 => style.strike = false,
            30..=37 => style.fore = Some(Colour::Named((number - 30) as u8)),
            38 => style.fore = extended(&mut numbers),
            39 => style.fore = None,
            40..=47 => style.back = Some(Colour::Named((number - 40) as u8)),
            48 => style.back = extended(&mut numbers),
            49 => style.back = None,
            90..=97 => style.fore = Some(Colour::Named((number - 82) as u8)),
            100..=107 => style.back = Some(Colour::Named((number - 92) as u8)),
            _ => {}
        }
    }
}

fn extended(numbers: &mut impl Iterator<Item = u16>) -> Option<Colour> {
    match numbers.next()? {
        5 => {
            let index = numbers.next()?.min(255) as u8;
            Some(match index {
                0..=15 => Colour::Named(index),
                16..=231 => {
                    let level = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
                    let cube = index - 16;
                    Colour::Rgb(level(cube / 36), level(cube / 6 % 6), level(cube % 6))
                }
                _ => {
                    let grey = 8 + 10 * (index - 232);
                    Colour::Rgb(grey, grey, grey)
                }
            })
        }
        2 => {
            let mut part = || numbers.next().map(|n| n.min(255) as u8);
            Some(Colour::Rgb(part()?, part()?, part()?))
        }
        _ => None,
    }
}

fn write(out: &mut String, style: Style, text: &str) {
    // What is left of C0 controls but line breaks and tabs has no picture.
    let visible: std::borrow::Cow<str> = if text
        .chars()
        .any(|c| c.is_control() && c != '\n' && c != '\t')
    {
        text.chars()
            .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
            .collect::<String>()
            .into()
    } else {
        text.into()
    };
    if visible.is_empty() {
        return;
    }
    if style == Style::default() {
        escape_into(out, &visible);
        return;
    }
    let (fore, back) = if style.inverse {
        (style.back, style.fore)
    } else {
        (style.fore, style.back)
    };
    let mut classes: Vec<String> = Vec::new();
    let mut inline = String::new();
    match fore {
        Some(Colour::Named(index)) => classes.push(format!("ansi-{index}")),
        // On a background of the program's own it is as the program wants it; on ours it has to be read in every theme.
        Some(Colour::Rgb(r, g, b)) if back.is_none() && !style.inverse => {
            classes.push("ansi-own".into());
            inline.push_str(&format!("--own:rgb({r} {g} {b});"));
        }
        Some(Colour::Rgb(r, g, b)) => inline.push_str(&format!("color:rgb({r} {g} {b});")),
        None => {}
    }
    match back {
        Some(Colour::Named(index)) => classes.push(format!("ansi-bg-{index}")),
        Some(Colour::Rgb(r, g, b)) => inline.push_str(&format!("background:rgb({r} {g} {b});")),
        None if style.inverse => classes.push("ansi-inverse".into()),
        None => {}
    }
    for (set, class) in [
        (style.bold, "ansi-bold"),
        (style.faint, "ansi-faint"),
        (style.italic, "ansi-italic"),
        (style.underline, "ansi-underline"),
        (style.strike, "ansi-strike"),
    ] {
        if set {
            classes.push(class.into());
        }
    }
    out.push_str("<span");
    if !classes.is_empty() {
        out.push_str(" class=\"");
        out.push_str(&classes.join(" "));
        out.push('"');
    }
    if !inline.is_empty() {
        out.push_str(" style=\"");
        out.push_str(&inline);
        out.push('"');
    }
    out.push('>');
    escape_into(out, &visible);
    out.push_str("</span>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_become_classes_and_text_is_escaped() {
        assert_eq!(
            to_html("a\u{1b}[31;1m<b>\u{1b}[0mc"),
            "a<span class=\"ansi-1 ansi-bold\">&lt;b&gt;</span>c"
        );
        assert_eq!(
            to_html("\u{1b}[38;5;196mx\u{1b}[39my"),
            "<span class=\"ansi-own\" style=\"--own:rgb(255 0 0);\">x</span>y"
        );
        assert_eq!(
            to_html("\u{1b}[38;2;1;2;3mx"),
            "<span class=\"ansi-own\" style=\"--own:rgb(1 2 3);\">x</span>"
        );
        assert_eq!(
            to_html("\u{1b}[38;2;1;2;3;48;2;4;5;6mx"),
            "<span style=\"color:rgb(1 2 3);background:rgb(4 5 6);\">x</span>"
        );
    }

    #[test]
    fn other_sequences_vanish_and_broken_ones_do_no_harm() {
        assert_eq!(
            to_html("a\u{1b}[2Kb\u{1b}]8;;https://x\u{7}c\u{1b}[?25ld\u{8}"),
            "abcd"
        );
        assert_eq!(to_html("a\u{1b}[31"), "a");
        assert_eq!(to_html("a\u{1b}"), "a");
        assert_eq!(plain("\u{1b}[1;31mName\u{1b}[0m"), "Name");
    }
}
