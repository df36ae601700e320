//! The site: the app compiled for the browser, the script bundles, the styles and the public files, all named by their content.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

use crate::{
    packing::{Packer, Squeeze},
    steps::{Stamp, fingerprint, say, spell},
    supplies,
    toolchain::{self, WASM},
    workshop::Workshop,
};

/// The modules the browser loads, each from the feature of `frontend` with its name: every page but a notebook's, a notebook's,
/// and what sets its text cells. One for all would be twice as much to download.
pub const MODULES: [&str; 3] = ["explorer", "notebook", "text"];

/// How the site is built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// Small and slow to build (`wasm` profile), or large and quick (`dev` profile).
    pub small: bool,
    pub squeeze: Squeeze,
}

/// Build the whole site into `<target>/site`.
pub fn build(shop: &mut Workshop, kind: Kind) -> Result<()> {
    let modules = supplies::node_modules(shop, "frontend/web")?;
    let toolchain = toolchain::wasm(shop)?;
    let bundles = bundles(shop, kind)?;
    let app = app(shop, kind, &toolchain)?;
    shop.step("site", |shop| {
        let mut packer = Packer::new(shop.site(), kind.squeeze)?;
        public_files(shop, &mut packer, &modules)?;
        styles(shop, &mut packer)?;
        for (name, file) in read_manifest(&bundles)? {
            packer.add_named(&name, &bundles.join(&file), &file)?;
        }
        packer.add_extra(&bundles, &read_manifest(&bundles)?)?;
        for module in MODULES {
            for name in [format!("{module}.js"), format!("{module}_bg.wasm")] {
                packer.add(&app.join(&name), &name)?;
            }
        }
        packer.write_beside(&bundles.join("frame.html"), "frame.html")?;
        packer.finish()
    })
}

/// What esbuild made, as it wrote it down: logical name → file name.
fn read_manifest(folder: &Path) -> Result<BTreeMap<String, String>> {
    let file = folder.join("bundles.json");
    let text =
        fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not as expected", file.display()))
}

/// Monaco, the output frame, the store: everything in `frontend/web`.
fn bundles(shop: &mut Workshop, kind: Kind) -> Result<PathBuf> {
    let web = shop.at("frontend/web");
    let folder = if kind.small { "web" } else { "web-dev" };
    let out = shop.target.join("site-parts").join(folder);
    let stamp = Stamp::new(
        out.join(".complete"),
        fingerprint([
            web.join("src"),
            web.join("build.mjs"),
            web.join("package-lock.json"),
        ])?,
    );
    if stamp.holds() {
        return Ok(out);
    }
    shop.step("script bundles (Monaco, output frame)", |shop| {
        let _ = fs::remove_dir_all(&out);
        fs::create_dir_all(&out)?;
        let mut node = Command::new("node");
        node.current_dir(&web)
            .args(["build.mjs", "--out"])
            .arg(&out);
        if !kind.small {
            node.arg("--dev");
        }
        shop.show(&mut node)?;
        stamp.set()
    })?;
    Ok(out)
}

/// The browser's modules as WebAssembly with their glue, bundled.
fn app(shop: &mut Workshop, kind: Kind, toolchain: &toolchain::Toolchain) -> Result<PathBuf> {
    let profile = if kind.small { "wasm" } else { "dev" };
    let out = shop
        .target
        .join("site-parts")
        .join(format!("app-{profile}"));
    for module in MODULES {
        compile(shop, module, profile, toolchain)?;
        let compiled = shop
            .target
            .join(WASM)
            .join(if kind.small { "wasm" } else { "debug" })
            .join("frontend.wasm");
        let stamp = Stamp::new(
            out.join(format!(".{module}.complete")),
            fingerprint([&compiled])?,
        );
        if !stamp.holds() {
            shop.step(&format!("glue of {module}"), |shop| {
                glue(shop, kind, module, &compiled, &out)?;
                stamp.set()
            })?;
        }
    }
    Ok(out)
}

fn compile(
    shop: &mut Workshop,
    module: &str,
    profile: &str,
    toolchain: &toolchain::Toolchain,
) -> Result<()> {
    shop.step(
        &format!("{module} for the browser (profile {profile})"),
        |shop| {
            let mut cargo = shop.cargo(["build", "--package", "frontend", "--lib"]);
            cargo.args(["--target", WASM, "--profile", profile]).args([
                "--no-default-features",
                "--features",
                module,
            ]);
            toolchain.equip(&mut cargo);
            shop.show(&mut cargo)
        },
    )
}

fn glue(shop: &Workshop, kind: Kind, module: &str, compiled: &Path, out: &Path) -> Result<()> {
    let raw = out.join(format!("raw-{module}"));
    let _ = fs::remove_dir_all(&raw);
    fs::create_dir_all(&raw)?;
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(compiled)
        .web(true)?
        .typescript(false)
        .remove_name_section(kind.small)
        .remove_producers_section(true)
        .out_name(module)
        .omit_default_module_path(true)
        .generate(&raw)?;
    let mut node = Command::new("node");
    node.current_dir(shop.at("frontend/web"))
        .args(["build.mjs", "--app"])
        .arg(raw.join(format!("{module}.js")))
        .arg("--out")
        .arg(out);
    if !kind.small {
        node.arg("--dev");
    }
    shop.show(&mut node)?;
    let wasm = format!("{module}_bg.wasm");
    fs::rename(raw.join(&wasm), out.join(&wasm))
        .with_context(|| format!("wasm-bindgen made no {wasm}"))
}

/// Icons, images and faces: `public/**`, and the font files the lock file pins.
fn public_files(shop: &Workshop, packer: &mut Packer, modules: &Path) -> Result<()> {
    let public = shop.at("public");
    let mut files = Vec::new();
    crate::steps::gather(&public, &mut files)?;
    files.sort();
    for file in files {
        let name = file.strip_prefix(&public)?.to_string_lossy().into_owned();
        packer.add(&file, &name)?;
    }
    for (package, file, name) in [
        (
            "@fontsource-variable/inter",
            "files/inter-latin-wght-normal.woff2",
            "inter.woff2",
        ),
        (
            "@fontsource/jetbrains-mono",
            "files/jetbrains-mono-latin-400-normal.woff2",
            "jetbrains-mono.woff2",
        ),
    ] {
        let path = modules.join(package).join(file);
        if path.is_file() {
            packer.add(&path, name)?;
        }
    }
    Ok(())
}

/// `style/main.scss`, with `url("inter.woff2")` and the like turned into hashed addresses.
fn styles(shop: &Workshop, packer: &mut Packer) -> Result<()> {
    let main = shop.at("style/main.scss");
    if !main.is_file() {
        bail!("style/main.scss is missing: the pages would have no style");
    }
    let options = grass::Options::default()
        .style(grass::OutputStyle::Compressed)
        .load_path(shop.at("style"));
    let began = std::time::Instant::now();
    let css = grass::from_path(&main, &options)
        .map_err(|error| anyhow::anyhow!("{error}"))
        .context("style/main.scss does not compile")?;
    let css = packer.resolve_urls(&css)?;
    say(&format!(
        "  styles: {} KB ({})",
        css.len() / 1024,
        spell(began.elapsed())
    ));
    packer.add_bytes(css.as_bytes(), "main.css")
}
