//! Whose code the program stands on, and under which terms: `deny.toml` says what may be, and this holds it against what
//! is, for `cargo deny` takes minutes to build.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use crate::sources::{read, workspace};

/// All packages that cargo would build on Linux, of all features.
fn packages() -> Vec<Value> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut command = Command::new(cargo);
    command.args(["metadata", "--format-version=1", "--locked", "--all-features"]);
    command.args(["--filter-platform", "x86_64-unknown-linux-gnu"]).current_dir(workspace());
    let output = command.output().expect("cargo can be run");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo says JSON");
    metadata["packages"].as_array().expect("there are packages").clone()
}

fn text<'a>(package: &'a Value, key: &str) -> &'a str {
    package[key].as_str().unwrap_or_default()
}

/// The texts in quotes that begin lines of a list in `deny.toml`.
fn listed(name: &str) -> BTreeSet<String> {
    let deny = read("deny.toml");
    let (_, rest) = deny.split_once(&format!("\n{name} = [\n")).unwrap_or_else(|| panic!("deny.toml has no `{name}`"));
    let (list, _) = rest.split_once("\n]").expect("a list ends");
    list.lines().filter_map(|line| line.split('"').nth(1)).map(str::to_owned).collect()
}

/// Whether an SPDX expression is met by licences that are allowed. What is in parentheses comes first, then `AND`.
fn is_met(expression: &str, allowed: &BTreeSet<String>) -> bool {
    if let Some((rest, behind)) = expression.split_once(')') {
        let (before, inside) = rest.rsplit_once('(').expect("parentheses come in pairs");
        let met = if is_met(inside, allowed) { MET } else { "nothing" };
        return is_met(&format!("{before}{met}{behind}"), allowed);
    }
    let one = |name: &str| name == MET || allowed.contains(name);
    let all = |names: &str| names.split(" AND ").all(|name| one(name.trim()));
    expression.replace('/', " OR ").split(" OR ").any(all)
}

/// What stands for a part that is met.
const MET: &str = "met";

#[test]
fn every_licence_is_one_that_deny_toml_allows() {
    let allowed = listed("allow");
    let packages = packages();
    assert!(packages.len() > 50, "cargo metadata was not understood");
    let refused = packages.iter().filter(|package| !is_met(text(package, "license"), &allowed));
    let refused: Vec<_> = refused.map(|package| (text(package, "name"), text(package, "license"))).collect();
    assert!(refused.is_empty(), "not allowed by deny.toml: {refused:?}");
    let needed = |licence: &String| packages.iter().any(|package| text(package, "license").contains(licence.as_str()));
    let unused: Vec<_> = allowed.iter().filter(|licence| !needed(licence)).collect();
    assert!(unused.is_empty(), "deny.toml allows what nothing has: {unused:?}");
}

#[test]
fn nothing_is_built_that_deny_toml_bans() {
    let banned = listed("deny");
    assert!(!banned.is_empty());
    let found: Vec<_> = packages().iter().map(|package| text(package, "name").to_owned()).collect();
    let found: Vec<_> = found.into_iter().filter(|name| banned.contains(name)).collect();
    assert!(found.is_empty(), "banned by deny.toml: {found:?}");
}

#[test]
fn everything_comes_from_a_registry_or_from_here() {
    let is_elsewhere = |source: &&str| !source.is_empty() && !source.starts_with("registry+");
    let packages = packages();
    let elsewhere: Vec<_> = packages.iter().map(|package| text(package, "source")).filter(is_elsewhere).collect();
    assert!(elsewhere.is_empty(), "from elsewhere: {elsewhere:?}");
}

#[test]
fn expressions_are_read_as_they_are_meant() {
    let allowed = BTreeSet::from(["MIT".to_owned(), "Apache-2.0".to_owned(), "Unicode-3.0".to_owned()]);
    for met in ["MIT", "GPL-3.0 OR MIT", "MIT/Apache-2.0", "(MIT OR GPL-3.0) AND Unicode-3.0", "MIT AND Apache-2.0"] {
        assert!(is_met(met, &allowed), "{met}");
    }
    for refused in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR Apache-2.0) AND GPL-3.0", "(GPL-3.0 OR BSL-1.0)"] {
        assert!(!is_met(refused, &allowed), "{refused}");
    }
}
