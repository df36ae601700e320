//! Notebooks as they are found in the world: our own few, and every `.ipynb` below the folder `NOTEBOOK_CORPUS`.
//! Where `DATALAYER_PYTHON` has nbformat, what we export is compared with what nbformat writes; `NOTEBOOK_CORPUS_OUT` keeps it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use notebook::formats::{ImportError, Imported, export, import, to_markdown, to_percent};

/// The files below a folder, in a settled order.
pub fn notebooks(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            notebooks(&path, found);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "ipynb")
        {
            found.push(path);
        }
    }
}

pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// What every file must hold to, whoever wrote it; or why it is refused.
pub fn holds(bytes: &[u8], name: &str) -> Result<Imported, ImportError> {
    let first = import(bytes)?;
    let written = export(&first.document, &first.runs);
    let second = import(written.as_bytes())
        .unwrap_or_else(|error| panic!("{name}: our own export is refused: {error}\n{written}"));
    assert_eq!(
        second.document, first.document,
        "{name}: the document changes on the way"
    );
    assert_eq!(
        second.runs, first.runs,
        "{name}: the outputs change on the way"
    );
    assert_eq!(
        export(&second.document, &second.runs),
        written,
        "{name}: two exports differ"
    );
    let stored = serde_json::to_vec(&(&first.document, &first.runs)).unwrap();
    let loaded: (notebook::NotebookDoc, notebook::runs::Runs) =
        serde_json::from_slice(&stored).unwrap();
    assert_eq!(
        loaded,
        (first.document.clone(), first.runs.clone()),
        "{name}: storage changes it"
    );
    let script = to_percent(&first.document);
    let mut rest = script.as_str();
    for (id, cell) in first.document.cells() {
        for line in cell.source.split_terminator('\n') {
            rest = behind(rest, line)
                .unwrap_or_else(|| panic!("{name}: the script lacks {line:?} of {id}"));
        }
    }
    let text = to_markdown(&first.document, &first.runs);
    let mut rest = text.as_str();
    for (id, cell) in first.document.cells() {
        rest = behind(rest, cell.source.trim_end())
            .unwrap_or_else(|| panic!("{name}: the Markdown lacks {id}"));
    }
    Ok(first)
}

/// What follows the first place where `part` stands.
fn behind<'a>(text: &'a str, part: &str) -> Option<&'a str> {
    text.find(part).map(|at| &text[at + part.len()..])
}

#[test]
fn our_own_notebooks_survive_the_way_in_and_out() {
    let mut found = Vec::new();
    notebooks(&fixtures(), &mut found);
    assert!(found.len() >= 4, "the fixtures are missing");
    for path in found {
        let bytes = std::fs::read(&path).unwrap();
        let imported = holds(&bytes, &path.display().to_string()).unwrap();
        if path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("nbformat-4"))
        {
            assert_eq!(
                export(&imported.document, &imported.runs).as_bytes(),
                bytes,
                "{}",
                path.display()
            );
        }
    }
}

/// Files of the corpus that are refused, and the code each is refused with. What nbformat's own tests call invalid is
/// repaired, so there are none.
const REFUSED: &[(&str, &str)] = &[];

/// What the packages of `cargo xtask` carry: 586 when this was written.
const AT_LEAST: usize = 580;

#[test]
fn public_notebooks_survive_the_way_in_and_out() {
    let Some(folder) = std::env::var_os("NOTEBOOK_CORPUS") else {
        return;
    };
    let folder = PathBuf::from(folder);
    let kept = std::env::var_os("NOTEBOOK_CORPUS_OUT").map(PathBuf::from);
    let out = kept.clone().unwrap_or_else(|| {
        std::env::temp_dir().join(format!("notebook-corpus-{}", std::process::id()))
    });
    let mut found = Vec::new();
    notebooks(&folder, &mut found);
    let (mut read, mut refused) = (0, BTreeMap::new());
    for path in &found {
        let name = path
            .strip_prefix(&folder)
            .unwrap_or(path)
            .display()
            .to_string();
        let imported = match holds(&std::fs::read(path).unwrap(), &name) {
            Ok(imported) => imported,
            Err(error) => {
                refused.insert(name, error.code());
                continue;
            }
        };
        read += 1;
        let path = out.join(&name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, export(&imported.document, &imported.runs)).unwrap();
    }
    assert!(
        read >= AT_LEAST,
        "{read} notebooks below {}",
        folder.display()
    );
    let expected: BTreeMap<String, &str> = REFUSED
        .iter()
        .map(|(name, code)| ((*name).to_owned(), *code))
        .collect();
    assert_eq!(refused, expected);
    if let Some(python) = std::env::var_os("DATALAYER_PYTHON") {
        let compared = Command::new(python)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/nbformat_agrees.py"))
            .args([&folder, &out])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&compared.stdout);
        let failed = String::from_utf8_lossy(&compared.stderr);
        assert!(compared.status.success(), "{said}{failed}");
    }
    if kept.is_none() {
        std::fs::remove_dir_all(out).unwrap();
    }
}
