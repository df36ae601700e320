//! `cargo xtask bench`: the programs in `end2end/bench`, each on the optimised build.

use std::{
    fs,
    process::{Command, ExitCode},
};

use anyhow::{Context, Result};

use crate::{
    steps::say,
    studio::{self, BuildOptions},
    supplies,
    workshop::Workshop,
};

/// Run every benchmark, or those whose name contains `name`.
pub fn bench(shop: &mut Workshop, name: Option<&str>) -> Result<ExitCode> {
    let folder = shop.at("end2end/bench");
    let mut found: Vec<_> = fs::read_dir(&folder)
        .with_context(|| format!("there are no benchmarks in {}", folder.display()))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            file.ends_with(".bench.mjs") && name.is_none_or(|name| file.contains(name))
        })
        .collect();
    found.sort();
    if found.is_empty() {
        say(&format!(
            "no benchmark is called {}; they are end2end/bench/*.bench.mjs",
            name.unwrap_or("anything")
        ));
        return Ok(ExitCode::FAILURE);
    }
    let python = supplies::python(shop)?;
    let modules = supplies::node_modules(shop, "end2end")?;
    let chromium = supplies::chromium(shop)?;
    let release = BuildOptions {
        release: true,
        ..BuildOptions::default()
    };
    crate::site::build(shop, studio::kind(&release))?;
    studio::server(shop, "release")?;

    let mut failed = 0;
    for program in &found {
        let title = program
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let result = shop.step(&format!("bench {title}"), |shop| {
            let mut node = Command::new("node");
            node.current_dir(shop.at("end2end"))
                .arg(program)
                .env("DATALAYER_BINARY", shop.binary("release"))
                .env("DATALAYER_SITE", shop.site())
                .env("NODE_PATH", &modules)
                .env("CHROMIUM", &chromium);
            studio::equip(&mut node, &python);
            shop.show(&mut node)
        });
        if let Err(error) = result {
            eprintln!("{error:#}");
            failed += 1;
        }
    }
    shop.clock.say_where_the_time_went();
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
