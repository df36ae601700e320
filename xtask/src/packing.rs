//! Puts files into the site under names made from their content, compresses them, and writes the manifest.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::steps::{output_of, say, short_hash};

/// How hard the siblings `.br` and `.gz` are compressed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Squeeze {
    /// For a machine that people wait at.
    Quick,
    /// For a release.
    Hard,
}

/// One build of `site/`: files are added, then `finish` publishes the manifest and removes what it no longer names.
pub struct Packer {
    site: PathBuf,
    squeeze: Squeeze,
    manifest: BTreeMap<String, String>,
    kept: BTreeSet<String>,
}

impl Packer {
    pub fn new(site: PathBuf, squeeze: Squeeze) -> Result<Self> {
        fs::create_dir_all(site.join("pkg"))
            .with_context(|| format!("cannot create {}", site.display()))?;
        Ok(Self {
            site,
            squeeze,
            manifest: BTreeMap::new(),
            kept: BTreeSet::new(),
        })
    }

    /// A file under its logical name; the hash is put before the ending.
    pub fn add(&mut self, file: &Path, name: &str) -> Result<()> {
        let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        self.add_bytes(&bytes, name)
    }

    /// As `add`, from memory.
    pub fn add_bytes(&mut self, bytes: &[u8], name: &str) -> Result<()> {
        let flat = name.replace('/', "-");
        let (stem, ending) = flat
            .rsplit_once('.')
            .with_context(|| format!("{name} has no ending"))?;
        let hashed = format!("{stem}.{}.{ending}", short_hash(bytes));
        self.put(bytes, &hashed)?;
        self.manifest
            .insert(name.to_owned(), format!("/pkg/{hashed}"));
        Ok(())
    }

    /// A file whose name is hashed already.
    pub fn add_named(&mut self, name: &str, file: &Path, hashed: &str) -> Result<()> {
        let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        self.put(&bytes, hashed)?;
        self.manifest
            .insert(name.to_owned(), format!("/pkg/{hashed}"));
        Ok(())
    }

    /// What bundles load by themselves (chunks, faces) and the manifest need not name.
    pub fn add_extra(&mut self, folder: &Path, named: &BTreeMap<String, String>) -> Result<()> {
        let named: BTreeSet<&str> = named.values().map(String::as_str).collect();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            // Stylesheets of lazy chunks hold what the editor's own has already; no script asks for them.
            let aside = name.starts_with('.')
                || name == "bundles.json"
                || name == "frame.html"
                || name.ends_with(".css");
            if aside || named.contains(name.as_str()) || !entry.path().is_file() {
                continue;
            }
            self.put(&fs::read(entry.path())?, &name)?;
        }
        Ok(())
    }

    /// A file beside `pkg`, read by the server under a fixed name.
    pub fn write_beside(&self, file: &Path, name: &str) -> Result<()> {
        let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        replace(&self.site.join(name), &bytes)
    }

    /// Turn `url(name)` of files added before into their addresses; data and absolute addresses stay.
    pub fn resolve_urls(&self, css: &str) -> Result<String> {
        let mut out = String::with_capacity(css.len());
        let mut rest = css;
        while let Some(at) = rest.find("url(") {
            let (before, after) = rest.split_at(at + 4);
            let end = after
                .find(')')
                .context("a url( in the styles is not closed")?;
            let (word, behind) = after.split_at(end);
            let name = word.trim().trim_matches(['"', '\'']);
            out.push_str(before);
            if name.starts_with("data:") || name.starts_with('#') || name.contains("://") {
                out.push_str(word);
            } else {
                let name = name
                    .trim_start_matches("./")
                    .trim_start_matches("../")
                    .trim_start_matches('/');
                let Some(address) = self.manifest.get(name) else {
                    bail!(
                        "the styles name {name}, which is neither in public/ nor a packaged face"
                    );
                };
                out.push_str(address);
            }
            rest = behind;
        }
        out.push_str(rest);
        Ok(out)
    }

    /// Compress what is new, publish the manifest in one step, and remove files no manifest names any more.
    pub fn finish(self) -> Result<()> {
        self.compress()?;
        let manifest = serde_json::to_string_pretty(&self.manifest)?;
        replace(&self.site.join("manifest.json"), manifest.as_bytes())?;
        for entry in fs::read_dir(self.site.join("pkg"))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let plain = name.trim_end_matches(".br").trim_end_matches(".gz");
            if !self.kept.contains(plain) {
                let _ = fs::remove_file(entry.path());
            }
        }
        self.say_sizes();
        Ok(())
    }

    fn put(&mut self, bytes: &[u8], hashed: &str) -> Result<()> {
        let path = self.site.join("pkg").join(hashed);
        self.kept.insert(hashed.to_owned());
        // Same name, same content: nothing to write.
        if fs::metadata(&path).is_ok_and(|meta| meta.len() == bytes.len() as u64) {
            return Ok(());
        }
        replace(&path, bytes)
    }

    fn compress(&self) -> Result<()> {
        let level = match self.squeeze {
            Squeeze::Quick => "quick",
            Squeeze::Hard => "hard",
        };
        let script = include_str!("../assets/compress.mjs");
        let mut node = Command::new("node");
        node.args(["--input-type=module", "-e", script, level])
            .arg(self.site.join("compressed.json"))
            .arg(self.site.join("pkg"))
            .args(&self.kept);
        let said = output_of(&mut node)?;
        if !said.is_empty() {
            say(&format!("  {said}"));
        }
        Ok(())
    }

    fn say_sizes(&self) {
        let size = |name: &str, ending: &str| {
            let address = self.manifest.get(name)?;
            let file = self.site.join(address.trim_start_matches('/'));
            let path = PathBuf::from(format!("{}{ending}", file.display()));
            fs::metadata(path)
                .ok()
                .map(|meta| meta.len().div_ceil(1024))
        };
        for name in [
            "explorer_bg.wasm",
            "notebook_bg.wasm",
            "notebook.js",
            "text_bg.wasm",
            "main.css",
            "editor.js",
            "editor.css",
            "host.js",
        ] {
            if let Some(raw) = size(name, "") {
                let brotli = size(name, ".br").map_or_else(
                    || "not compressed".to_owned(),
                    |kb| format!("{kb} KB brotli"),
                );
                say(&format!("  {name}: {raw} KB, {brotli}"));
            }
        }
    }
}

/// Write a file so that a reader sees the old or the new one, never half of it.
fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let next = path.with_extension("next");
    fs::write(&next, bytes).with_context(|| format!("cannot write {}", next.display()))?;
    fs::rename(&next, path).with_context(|| format!("cannot write {}", path.display()))
}
