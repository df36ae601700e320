//! A supervisor on its own, for tests and measurements. In the studio's binary it is the `kernel-supervisor` command.

use std::path::PathBuf;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Some(file) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: kernel-supervisor FILE");
        return ExitCode::FAILURE;
    };
    let result = match jupyter::SupervisorArgs::read(&file) {
        Ok(args) => jupyter::supervise(args).await,
        Err(error) => Err(error),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
