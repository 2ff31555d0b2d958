//! The workspace's own files, as text.

use std::fs;
use std::path::{Path, PathBuf};

/// The crates, and the files that their modules are declared in.
pub(crate) const ROOTS: [(&str, &str); 4] =
    [("errgroup", "lib.rs"), ("md5-lanes", "lib.rs"), ("md5all", "lib.rs"), ("md5all", "main.rs")];

/// Where the workspace begins.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What is in a file of the workspace.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(workspace().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every source file of a crate, relative to its `src`, sorted.
pub(crate) fn sources(name: &str) -> Vec<String> {
    let src = workspace().join("crates").join(name).join("src");
    let mut files: Vec<_> = walkdir::WalkDir::new(&src)
        .into_iter()
        .map(|entry| entry.expect("the sources can be listed").into_path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| path.strip_prefix(&src).expect("it is below").to_str().expect("names are ASCII").to_owned())
        .collect();
    files.sort();
    files
}

/// The code of a source file that is shipped: without comments, and without the tests at its end. Nothing, of a file that
/// is tests.
pub(crate) fn code(name: &str, file: &str) -> String {
    if file.ends_with("/tests.rs") || file.ends_with("/models.rs") {
        return String::new();
    }
    let text = read(&format!("crates/{name}/src/{file}"));
    let tests = text.match_indices("\n#[cfg(test)]\n").find(|(at, mark)| begins_a_module(&text[at + mark.len()..]));
    let shipped = tests.map_or(&*text, |(at, _)| &text[..at]);
    shipped.lines().map(without_comment).collect::<Vec<_>>().join("\n")
}

fn begins_a_module(text: &str) -> bool {
    text.lines().next().is_some_and(|line| line.starts_with("mod ") || line.starts_with("pub(crate) mod "))
}

/// A comment begins a line, or stands behind code and a blank: `//` in a text has no blank before it.
fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with("//") { "" } else { line.split(" //").next().expect("there is always one part") }
}
