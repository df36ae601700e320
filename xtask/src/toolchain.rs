//! The compiler for the browser: rustup's wasm target, or Debian's packaged toolchain where rustup cannot download.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{
    steps::{Stamp, found, output_of, say},
    workshop::Workshop,
};

pub const WASM: &str = "wasm32-unknown-unknown";

/// Debian's toolchain for web browsers, and what it needs to link.
const DEBIAN: &[&str] = &[
    "rustc-web=1.96*",
    "libstd-rust-web-dev=1.96*",
    "libstd-rust-web-1.96",
    "rust-web-src=1.96*",
    "lld-22",
    "libllvm22",
    "libz3-4",
    "libedit2",
    "libxml2",
];

/// Which rustc builds for the browser. Cargo is always the one at hand.
pub enum Toolchain {
    /// The one that built us.
    Own,
    /// Debian's, unpacked in the cache.
    Debian(PathBuf),
}

impl Toolchain {
    /// Set a cargo command up for this toolchain.
    pub fn equip(&self, command: &mut Command) {
        if let Self::Debian(home) = self {
            command
                .env("RUSTC", home.join("usr/bin/rustc"))
                .env("LD_LIBRARY_PATH", libraries(home))
                .env(
                    "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER",
                    home.join("wasm-ld"),
                )
                .env_remove("RUSTUP_TOOLCHAIN");
        }
    }
}

/// Make sure that something here compiles for wasm.
pub fn wasm(shop: &mut Workshop) -> Result<Toolchain> {
    let sysroot = output_of(
        Command::new("rustc")
            .current_dir(&shop.root)
            .args(["--print", "sysroot"]),
    )?;
    if has_wasm(Path::new(&sysroot)) {
        return Ok(Toolchain::Own);
    }
    let unpacked = unpacked(shop);
    if unpacked.1.holds() {
        return Ok(Toolchain::Debian(unpacked.0));
    }
    if found("rustup") {
        let added = shop.step("rustup target add wasm32-unknown-unknown", |shop| {
            let mut rustup = Command::new("rustup");
            rustup.current_dir(&shop.root).args(["target", "add", WASM]);
            shop.quietly("rustup-target", &mut rustup)
        });
        if added.is_ok() && has_wasm(Path::new(&sysroot)) {
            return Ok(Toolchain::Own);
        }
        say("  rustup could not fetch the target; trying Debian's packaged toolchain");
    }
    debian(shop).context(
        "no compiler for the browser: run `rustup target add wasm32-unknown-unknown`, \
         or install a Rust whose sysroot has that target",
    )
}

fn has_wasm(sysroot: &Path) -> bool {
    sysroot.join("lib/rustlib").join(WASM).join("lib").is_dir()
}

/// Where Debian's toolchain is unpacked, and what says that it is there whole.
fn unpacked(shop: &Workshop) -> (PathBuf, Stamp) {
    let home = shop.cache.join("wasm-toolchain");
    let stamp = Stamp::new(home.join(".complete"), DEBIAN.join(" "));
    (home, stamp)
}

/// Unpack Debian's packages (no root needed) and compile the standard library for wasm with them.
fn debian(shop: &mut Workshop) -> Result<Toolchain> {
    let (home, stamp) = unpacked(shop);
    if !found("apt-get") || !found("dpkg-deb") {
        bail!("this is not Debian, so its packaged toolchain is not at hand either");
    }
    shop.step("Debian's Rust for the browser", |shop| {
        let _ = fs::remove_dir_all(&home);
        let packages = home.join("packages");
        fs::create_dir_all(&packages)?;
        // Where we may not refresh the index, the one at hand is often good enough.
        let mut update = Command::new("apt-get");
        let _ = shop.quietly("wasm-update", update.args(["update", "-q"]));
        let mut download = Command::new("apt-get");
        download
            .current_dir(&packages)
            .args(["download", "-q"])
            .args(DEBIAN);
        shop.quietly("wasm-download", &mut download)?;
        for entry in fs::read_dir(&packages)? {
            let mut unpack = Command::new("dpkg-deb");
            unpack.arg("-x").arg(entry?.path()).arg(&home);
            shop.quietly("wasm-unpack", &mut unpack)?;
        }
        fs::remove_dir_all(&packages)?;
        linker(&home)?;
        standard_library(shop, &home)?;
        stamp.set()
    })?;
    Ok(Toolchain::Debian(home))
}

/// A `wasm-ld` that finds its own libraries; rustc tells the flavour from the name.
fn linker(home: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let script = format!(
        "#!/bin/sh\nexport LD_LIBRARY_PATH='{}'\nexec '{}' \"$@\"\n",
        libraries(home),
        home.join("usr/lib/llvm-22/bin/wasm-ld").display()
    );
    let at = home.join("wasm-ld");
    fs::write(&at, script)?;
    fs::set_permissions(&at, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

fn libraries(home: &Path) -> String {
    [
        "usr/lib",
        "usr/lib/x86_64-linux-gnu",
        "usr/lib/aarch64-linux-gnu",
        "usr/lib/llvm-22/lib",
    ]
    .map(|folder| home.join(folder).display().to_string())
    .join(":")
}

/// Compile an empty crate with the standard library built from source, and keep the libraries.
fn standard_library(shop: &Workshop, home: &Path) -> Result<()> {
    let rustlib = home.join("usr/lib/rustlib");
    if !rustlib.join("src/rust/library/std").is_dir() {
        bail!("the package with the standard library's source has changed its layout");
    }

    let empty = home.join("empty");
    fs::create_dir_all(empty.join("src"))?;
    fs::write(
        empty.join("src/lib.rs"),
        "//! Nothing, so that only the standard library is compiled.\n",
    )?;
    fs::write(
        empty.join("Cargo.toml"),
        "[package]\nname = \"empty\"\nedition = \"2024\"\n[workspace]\n[profile.release]\npanic = \"abort\"\n",
    )?;
    let mut cargo = shop.cargo([
        "build",
        "--release",
        "--target",
        WASM,
        "-Zbuild-std=std,panic_abort",
    ]);
    cargo
        .current_dir(&empty)
        .env("CARGO_TARGET_DIR", empty.join("target"))
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-Cembed-bitcode=yes");
    Toolchain::Debian(home.to_path_buf()).equip(&mut cargo);
    shop.quietly("wasm-std", &mut cargo)?;

    let libraries = rustlib.join(WASM).join("lib");
    fs::create_dir_all(&libraries)?;
    for entry in fs::read_dir(empty.join("target").join(WASM).join("release/deps"))?.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.extension().is_some_and(|end| end == "rlib")
            && !name.to_string_lossy().starts_with("libempty")
        {
            fs::copy(&path, libraries.join(name))?;
        }
    }
    fs::remove_dir_all(&empty)?;
    Ok(())
}
