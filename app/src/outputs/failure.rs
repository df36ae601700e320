//! A failed run: one sentence, where it happened, and the traceback with the library's part folded.

use leptos::prelude::*;

use super::ansi;

/// An error output as a person reads it.
#[component]
pub fn Failure(
    name: String,
    value: String,
    traceback: Vec<String>,
    #[prop(into)] go_to_line: Callback<u32>,
) -> impl IntoView {
    let line = failed_line(&traceback);
    let sentence = if value.is_empty() {
        name.clone()
    } else {
        ansi::plain(&value)
    };
    let detail = match line {
        Some(line) => format!("{name}, line {line} of this cell"),
        None => name.clone(),
    };
    let (own, library) = fold(&traceback);
    view! {
        <div class="traceback" role="alert">
            <div class="traceback__head">
                <ui::Icon name="error"/>
                <div class="grow">
                    <div class="semi traceback__what">{sentence}</div>
                    <div class="t2 fs-12">{detail}</div>
                </div>
                {line.map(|line| view! {
                    <button class="btn btn--sm" type="button" on:click=move |_| go_to_line.run(line)>{format!("Go to line {line}")}</button>
                })}
            </div>
            <pre class="code traceback__frames" tabindex="0" aria-label="Traceback" inner_html=ansi::to_html(&own.join("\n"))></pre>
            {(!library.is_empty()).then(|| view! {
                <details class="traceback__library">
                    <summary>{frames(library.len())}</summary>
                    <pre class="code traceback__frames" inner_html=ansi::to_html(&library.join("\n"))></pre>
                </details>
            })}
        </div>
    }
}

fn frames(count: usize) -> String {
    if count == 1 {
        "1 library frame".into()
    } else {
        format!("{count} library frames")
    }
}

/// The line (from 1) of the failing cell: the last frame of IPython's own naming (`Cell In[3], line 4`), or a syntax error's line.
fn failed_line(traceback: &[String]) -> Option<u32> {
    let mut found = None;
    for entry in traceback {
        let entry = ansi::plain(entry);
        for (start, words) in [
            ("Cell In[", ", line "),
            ("Input In [", "line "),
            ("<ipython-input-", "line "),
        ] {
            let Some(at) = entry.find(start) else {
                continue;
            };
            let tail = &entry[at + start.len()..];
            let first = tail.lines().next().unwrap_or("");
            if let Some(at) = first.find(words) {
                let number: String = first[at + words.len()..]
                    .chars()
                    .take_while(char::is_ascii_digit)
                    .collect();
                found = number.parse().ok().or(found);
            }
        }
    }
    found
}

/// Entries of the person's own cells (and the message), and those of libraries in between.
fn fold(traceback: &[String]) -> (Vec<String>, Vec<String>) {
    let is_library = |entry: &str| {
        let first = ansi::plain(entry);
        let first = first.lines().next().unwrap_or("");
        first.starts_with("File ")
            && (first.contains("site-packages")
                || first.contains("/lib/python")
                || first.contains("dist-packages"))
    };
    let library: Vec<String> = traceback
        .iter()
        .filter(|entry| is_library(entry))
        .cloned()
        .collect();
    // IPython draws a line over it; there is an edge already, and a phone is narrower than the line.
    let is_line = |entry: &str| ansi::plain(entry).chars().all(|letter| letter == '-');
    // A traceback of one long text (other kernels) is left whole.
    let own: Vec<String> = traceback
        .iter()
        .filter(|entry| !is_library(entry) && !is_line(entry))
        .cloned()
        .collect();
    if own.is_empty() {
        (traceback.to_vec(), Vec::new())
    } else {
        (own, library)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_failing_line_of_the_cell_is_found() {
        let traceback = vec![
            "\u{1b}[31m---------------------------------------------------------------------------\u{1b}[39m".to_owned(),
            "\u{1b}[31mZeroDivisionError\u{1b}[39m                         Traceback (most recent call last)".to_owned(),
            "\u{1b}[36mCell\u{1b}[39m\u{1b}[36m \u{1b}[39m\u{1b}[32mIn[7]\u{1b}[39m\u{1b}[32m, line 2\u{1b}[39m\n\u{1b}[32m      1\u{1b}[39m a = 1\n\u{1b}[32m----> 2\u{1b}[39m a / 0\n".to_owned(),
            "File \u{1b}[36m/usr/lib/python3/dist-packages/x.py:3\u{1b}[39m, in f()".to_owned(),
            "\u{1b}[31mZeroDivisionError\u{1b}[39m: division by zero".to_owned(),
        ];
        assert_eq!(failed_line(&traceback), Some(2));
        let (own, library) = fold(&traceback);
        assert_eq!((own.len(), library.len()), (3, 1));
        assert_eq!(failed_line(&["no cell here".to_owned()]), None);
    }
}
