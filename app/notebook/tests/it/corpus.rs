//! Notebooks as they are found in the world: our own few, and every `.ipynb` below the folder `NOTEBOOK_CORPUS`.
//! With `NOTEBOOK_CORPUS_OUT`, what we export is written there under the same names, to be compared with nbformat's.

use std::path::{Path, PathBuf};

use notebook::formats::{export, import, to_markdown, to_percent};

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

/// What every file must hold to, whoever wrote it. Whether it was a notebook.
pub fn holds(bytes: &[u8], name: &str) -> bool {
    let Ok(first) = import(bytes) else {
        return false;
    };
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
    to_percent(&first.document);
    to_markdown(&first.document, &first.runs);
    true
}

#[test]
fn our_own_notebooks_survive_the_way_in_and_out() {
    let mut found = Vec::new();
    notebooks(&fixtures(), &mut found);
    assert!(found.len() >= 4, "the fixtures are missing");
    for path in found {
        let bytes = std::fs::read(&path).unwrap();
        assert!(
            holds(&bytes, &path.display().to_string()),
            "{}",
            path.display()
        );
        if path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("nbformat-4"))
        {
            let imported = import(&bytes).unwrap();
            assert_eq!(
                export(&imported.document, &imported.runs).as_bytes(),
                bytes,
                "{}",
                path.display()
            );
        }
    }
}

#[test]
fn public_notebooks_survive_the_way_in_and_out() {
    let Some(folder) = std::env::var_os("NOTEBOOK_CORPUS") else {
        return;
    };
    let out = std::env::var_os("NOTEBOOK_CORPUS_OUT").map(PathBuf::from);
    let folder = PathBuf::from(folder);
    let mut found = Vec::new();
    notebooks(&folder, &mut found);
    assert!(
        !found.is_empty(),
        "there is no .ipynb file below {}",
        folder.display()
    );
    let (mut read, mut same) = (0, 0);
    for path in &found {
        let name = path
            .strip_prefix(&folder)
            .unwrap_or(path)
            .display()
            .to_string();
        let bytes = std::fs::read(path).unwrap();
        if !holds(&bytes, &name) {
            println!(
                "{name}: {}",
                import(&bytes)
                    .err()
                    .map(|error| error.to_string())
                    .unwrap_or_default()
            );
            continue;
        }
        read += 1;
        let imported = import(&bytes).unwrap();
        let written = export(&imported.document, &imported.runs);
        same += usize::from(written.as_bytes() == bytes);
        for notice in &imported.notices {
            println!("{name}: {}: {}", notice.code, notice.message);
        }
        if let Some(out) = &out {
            let path = out.join(&name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &written).unwrap();
            std::fs::write(
                path.with_extension("percent"),
                to_percent(&imported.document),
            )
            .unwrap();
        }
    }
    println!(
        "{read} of {} read, {same} byte for byte as they were",
        found.len()
    );
}
