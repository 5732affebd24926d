//! Where the programs under test are, and a folder for what each test leaves behind.

use crate::Result;
use anyhow::{Context as _, ensure};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

/// Root of the checkout.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".."))
}

/// The program `name`, built beside the running one.
///
/// # Errors
/// When it is not there.
pub fn program(name: &str) -> Result<PathBuf> {
    let path = build_folder()?.join(name);
    ensure!(path.is_file(), "{} is missing: run `cargo build --workspace --bins`", path.display());
    Ok(path)
}

/// `target/debug`, or whatever folder the running program was built into.
fn build_folder() -> Result<PathBuf> {
    let this = std::env::current_exe()?;
    let folder = this.parent().context("this program is in no folder")?;
    let folder = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
    Ok(folder.to_owned())
}

/// Whether the running program is a test binary.
#[must_use]
pub fn in_tests() -> bool {
    std::env::current_exe().is_ok_and(|this| this.parent().is_some_and(|folder| folder.ends_with("deps")))
}

/// An empty folder for the logs and files of the test `name`, kept after the test and emptied before the next one:
/// `target/tests/NAME`.
///
/// # Errors
/// When it cannot be made.
pub fn folder(name: &str) -> Result<PathBuf> {
    let target = build_folder()?;
    let path = target.parent().unwrap_or(&target).join("tests").join(name);
    match std::fs::remove_dir_all(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    std::fs::create_dir_all(&path)?;
    Ok(path)
}

/// A port of loopback that was free a moment ago, for a program that has to come back on the same one.
///
/// # Errors
/// When there is none.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
