//! The `datalayer` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    studio::cli::run()
}
