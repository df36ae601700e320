//! What a notebook's page weighs on the wire, and the most it may.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use crate::steps::say;

/// Everything a notebook's page loads before an editor is needed, by its name in the manifest.
const FILES: [&str; 8] = [
    "notebook_bg.wasm",
    "notebook.js",
    "main.css",
    "icons.svg",
    "store.js",
    "favicon.svg",
    "inter.woff2",
    "jetbrains-mono.woff2",
];

/// Compressed as the gate compresses (brotli 5; a release is about a tenth smaller). Lower it when the page got lighter.
const BUDGET: u64 = 803_000;

/// Fails when the files of a notebook's page are heavier than they may be together.
pub fn check(site: &Path) -> Result<()> {
    let sizes = sizes(site)?;
    let all: u64 = sizes.iter().map(|(_, bytes)| bytes).sum();
    for (name, bytes) in &sizes {
        say(&format!("  {:>7} B  {name}", bytes));
    }
    say(&format!(
        "  a notebook's page: {all} bytes of at most {BUDGET}"
    ));
    ensure!(
        all <= BUDGET,
        "a notebook's page is {all} bytes to download, {} more than it may be: see BUDGET in xtask/src/weight.rs",
        all - BUDGET
    );
    Ok(())
}

fn sizes(site: &Path) -> Result<Vec<(&'static str, u64)>> {
    let manifest = site.join("manifest.json");
    let text = fs::read_to_string(&manifest)
        .with_context(|| format!("cannot read {}", manifest.display()))?;
    let manifest: BTreeMap<String, String> = serde_json::from_str(&text)?;
    FILES
        .iter()
        .map(|name| {
            let address = manifest
                .get(*name)
                .with_context(|| format!("the site has no {name}"))?;
            let file = site.join(address.trim_start_matches('/'));
            // What is small or compressed already goes as it is.
            let bytes = fs::metadata(packed(&file)).or_else(|_| fs::metadata(&file));
            Ok((
                *name,
                bytes
                    .with_context(|| format!("{} is gone", file.display()))?
                    .len(),
            ))
        })
        .collect()
}

/// `name.js` → `name.js.br`.
fn packed(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".br");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_over_the_wire_is_what_counts() {
        let folder = std::env::temp_dir().join(format!("weight-{}", std::process::id()));
        fs::create_dir_all(folder.join("pkg")).unwrap();
        let manifest: BTreeMap<&str, String> = FILES
            .iter()
            .map(|name| (*name, format!("/pkg/{name}")))
            .collect();
        fs::write(
            folder.join("manifest.json"),
            serde_json::to_string(&manifest).unwrap(),
        )
        .unwrap();
        for name in FILES {
            fs::write(folder.join("pkg").join(name), [0_u8; 100]).unwrap();
        }
        fs::write(folder.join("pkg/notebook_bg.wasm.br"), [0_u8; 40]).unwrap();
        let all: u64 = sizes(&folder).unwrap().iter().map(|(_, bytes)| bytes).sum();
        assert_eq!(all, 7 * 100 + 40);
        assert!(check(&folder).is_ok());
        fs::write(folder.join("pkg/main.css"), vec![0; BUDGET as usize]).unwrap();
        assert!(check(&folder).is_err());
        fs::remove_file(folder.join("pkg/store.js")).unwrap();
        assert!(check(&folder).unwrap_err().to_string().contains("is gone"));
        fs::remove_dir_all(&folder).unwrap();
    }
}
