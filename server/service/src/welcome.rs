//! What the first administrator finds: a space of their own and a notebook whose cells run.

use datalayer::{Result, User};
use db::{NewNotebookFacts, SpaceFacts};
use notebook::CellKind::{Code, Markdown};

use crate::House;
use crate::notebooks::document;

/// A space named after the person, with a small notebook in it.
pub(crate) fn home(house: &House, user: &User) -> Result<(SpaceFacts, NewNotebookFacts)> {
    // "’s space" has eight characters; a name may have more than a space's name has room for.
    let name: String = user.name.chars().take(90).collect();
    let space = house.new_space(
        &format!("{name}’s space"),
        "Your first space. Invite people, give them roles, work together.",
    )?;
    let greeting = format!("# Welcome, {}\n\n{GREETING}", plain(&user.name));
    let cells = [
        (Markdown, greeting.as_str()),
        (Code, STATIONS),
        (
            Markdown,
            "## Look closer\n\nEach cell goes on from what the ones before it left. Change a number above, run it again, then run this one.",
        ),
        (Code, CHART),
        (
            Markdown,
            "## Outputs arrive while the cell runs\n\nClose the browser in the middle, come back: the run went on without you.",
        ),
        (Code, RUNNING),
        (Markdown, CLOSING),
    ];
    let document = document(house, &cells)?;
    let notebook = house.new_notebook(&space.id, &user.id, "Welcome".to_owned(), &document)?;
    Ok((space, notebook))
}

/// A name as Markdown shows it, letter by letter.
fn plain(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for c in name.chars() {
        if c.is_ascii_punctuation() {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

const GREETING: &str = "\
This notebook is yours to change. Everything you type is saved as you type it, and everyone in the space sees it at once.

- **Shift + Enter** runs a cell and goes to the next one.
- **Esc** leaves a cell; then **A** and **B** add one above or below, **D D** deletes, **Z** brings it back.
- **Ctrl + K** (or **⌘ K**) finds every command.";

const STATIONS: &str = "\
from statistics import mean, stdev

# Mean temperature of each month, in °C.
stations = {
    \"Reykjavík\": [0.8, 0.9, 1.2, 3.6, 6.9, 9.7, 11.6, 11.1, 8.6, 5.2, 2.4, 1.0],
    \"Brussels\": [3.7, 4.2, 7.1, 10.1, 13.9, 16.7, 18.7, 18.4, 15.2, 11.3, 7.2, 4.3],
    \"Nairobi\": [19.4, 20.2, 20.6, 19.9, 19.0, 17.6, 16.9, 17.3, 18.6, 19.7, 19.2, 18.9],
}

for name, months in stations.items():
    print(f\"{name:<10} mean {mean(months):5.1f} °C   spread {stdev(months):4.1f}\")";

const CHART: &str = "\
for name, months in stations.items():
    print(name)
    for month, degrees in zip(\"JFMAMJJASOND\", months):
        print(f\"  {month} {'▇' * round(degrees):<22} {degrees:5.1f}\")
    print()";

const RUNNING: &str = "\
import random
import time

random.seed(7)
inside = 0
for n in range(1, 200_001):
    inside += random.random() ** 2 + random.random() ** 2 <= 1
    if n % 20_000 == 0:
        print(f\"{n:>7,} points   π ≈ {4 * inside / n:.4f}\", flush=True)
        time.sleep(0.3)";

const CLOSING: &str = "\
## Then

Import a notebook of your own from the space's page: `.ipynb` files keep their outputs, and come back out as they went in. \
Or add someone to this space and write here together.";
