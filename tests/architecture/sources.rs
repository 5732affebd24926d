//! Source files are short, and each belongs to a crate.

use std::path::{Path, PathBuf};
use support::programs::root;

/// Longest source file, in lines. Tests in files of their own may be longer.
const MAX_LINES: usize = 400;
/// Folders with Rust in them. Of other languages, Go keeps to the same length.
const FOLDERS: &[&str] = &["crds", "operator", "proxy", "tests"];

/// Every file below `folder` with the extension, in order. Build output is left out.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries =
            std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Every Rust file below `folder`.
pub(crate) fn rust_files(folder: &Path) -> Vec<PathBuf> {
    files(folder, "rs")
}

fn is_tests(file: &Path) -> bool {
    let in_tests = |part: &Path| part.file_name().is_some_and(|name| name == "tests");
    file.file_name().is_some_and(|name| {
        name.to_string_lossy().ends_with("tests.rs") || name.to_string_lossy().ends_with("_test.go")
    }) || file.ancestors().skip(1).take_while(|part| *part != root()).any(in_tests)
        && !file.starts_with(root().join("tests"))
}

#[test]
fn no_source_file_is_longer_than_400_lines() {
    let mut looked = 0;
    let mut long = Vec::new();
    for folder in FOLDERS {
        for extension in ["rs", "go"] {
            for file in files(&root().join(folder), extension).iter().filter(|file| !is_tests(file)) {
                looked += 1;
                let lines = std::fs::read_to_string(file).unwrap().lines().count();
                if lines > MAX_LINES {
                    long.push(format!("{}: {lines}", file.strip_prefix(root()).unwrap().display()));
                }
            }
        }
    }
    assert!(looked > 50, "only {looked} files: does this test look where they are?");
    assert!(long.is_empty(), "longer than {MAX_LINES} lines: {long:#?}");
}

/// Where Rust looks for the module of `file`, and the word that has to be there.
fn named_by(file: &Path) -> Option<(Vec<PathBuf>, String)> {
    let stem = file.file_stem()?.to_str()?;
    let folder = file.parent()?;
    // The file `a/b.rs` and the file `a/b/mod.rs` are the module `b` of `a`.
    let (module, parent) =
        if stem == "mod" { (folder.file_name()?.to_str()?, folder.parent()?) } else { (stem, folder) };
    let parent_name = parent.file_name()?.to_str()?;
    let candidates = vec![
        parent.join("mod.rs"),
        parent.join("lib.rs"),
        parent.join("main.rs"),
        parent.parent()?.join(format!("{parent_name}.rs")),
    ];
    Some((candidates, module.to_owned()))
}

/// `mod NAME;`, public or not.
fn declares(text: &str, module: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim();
        line.strip_suffix(&format!("mod {module};"))
            .is_some_and(|before| before.is_empty() || before.ends_with(' '))
    })
}

/// The files that other files name by path: `#[path = "PLACE"]`.
fn named_by_path(files: &[PathBuf]) -> Vec<PathBuf> {
    let places = |file: &PathBuf| {
        let text = std::fs::read_to_string(file).unwrap();
        let place =
            |line: &str| Some(line.trim().strip_prefix("#[path = \"")?.strip_suffix("\"]")?.to_owned());
        let folder = file.parent().unwrap().to_owned();
        text.lines().filter_map(place).map(|place| folder.join(place)).collect::<Vec<_>>()
    };
    files.iter().flat_map(places).filter_map(|place| place.canonicalize().ok()).collect()
}

/// Cargo finds these by their place, or the manifest names them.
fn is_root(file: &Path) -> bool {
    let roots = ["lib.rs", "main.rs", "build.rs"];
    if file.file_name().is_some_and(|name| roots.iter().any(|root| name == *root)) {
        return true;
    }
    let folder = file.parent().unwrap();
    let place = folder.file_name().unwrap().to_str().unwrap();
    if ["tests", "benches", "examples", "bin", "fuzz_targets"].contains(&place)
        && folder != root().join("tests")
    {
        return folder
            .parent()
            .is_some_and(|above| above.join("Cargo.toml").is_file() || above.ends_with("src"));
    }
    manifests_above(file).iter().any(|manifest| {
        let text = std::fs::read_to_string(manifest).unwrap();
        let path = file.strip_prefix(manifest.parent().unwrap()).unwrap();
        text.contains(&format!("path = \"{}\"", path.display()))
    })
}

fn manifests_above(file: &Path) -> Vec<PathBuf> {
    file.ancestors()
        .skip(1)
        .take_while(|folder| folder.starts_with(root()))
        .map(|folder| folder.join("Cargo.toml"))
        .filter(|manifest| manifest.is_file())
        .collect()
}

#[test]
fn every_source_file_is_named_by_a_module() {
    let mut orphans = Vec::new();
    let mut looked = 0;
    let files: Vec<PathBuf> = FOLDERS.iter().flat_map(|folder| rust_files(&root().join(folder))).collect();
    let by_path = named_by_path(&files);
    for file in files.iter().filter(|file| !is_root(file)) {
        looked += 1;
        if file.canonicalize().is_ok_and(|file| by_path.contains(&file)) {
            continue;
        }
        let (candidates, module) = named_by(file).unwrap();
        let named = candidates
            .iter()
            .filter_map(|candidate| std::fs::read_to_string(candidate).ok())
            .any(|text| declares(&text, &module));
        if !named {
            orphans.push(file.strip_prefix(root()).unwrap().to_owned());
        }
    }
    assert!(looked > 50, "only {looked} files: does this test look where they are?");
    assert!(orphans.is_empty(), "no module names {orphans:#?}");
}
