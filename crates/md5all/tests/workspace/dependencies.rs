//! Which module knows which. A module is what its crate's root declares, with all files in its directory.
//!
//! The sources are read as text. That is enough: they are formatted, and what they use of their crate begins with
//! `crate::`, or `super::` in a file beside the root.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::sources::{ROOTS, code, read, sources};

/// The modules of a crate, or of its program, and who uses whom.
struct Graph {
    root: String,
    modules: BTreeSet<String>,
    /// From one to another: in these files.
    uses: BTreeMap<(String, String), BTreeSet<String>>,
}

/// What should not be, and why it is. Without these, no module knows one that knows it.
const EXCUSED: [(&str, &str, &str, &str); 3] = [
    ("md5all", "entry", "digest", "a file that is begun takes what was hashed of it along, from worker to worker"),
    ("md5-lanes", "kernel", "lanes", "a kernel is chosen only if it passes a test, by way of the lanes that it is for"),
    ("md5-lanes", "kernel", "many", "as above"),
];

/// Who must not come to know whom, not even through others; but for what is excused.
const KEPT_APART: [(&str, &[&str]); 8] = [
    ("algorithm", &["digest", "source", "walk", "manifest", "record"]),
    ("facts", &["source", "walk", "digest", "manifest"]),
    ("error", &["source", "walk", "digest", "manifest", "trees"]),
    ("source", &["walk", "digest", "entry", "manifest", "trees"]),
    ("record", &["source", "walk", "digest", "entry", "manifest", "trees"]),
    ("manifest", &["source", "walk", "digest", "entry", "names", "trees", "catalog", "audit", "update"]),
    ("walk", &["manifest", "names", "trees", "journal", "audit"]),
    ("trees", &["audit", "check", "diff", "update", "bag", "etag", "listed"]),
];

impl Graph {
    fn of(name: &str, root: &str) -> Graph {
        let text = code(name, root);
        let modules: BTreeSet<_> = text.lines().filter_map(declared).map(str::to_owned).collect();
        let exported = exported(&text);
        let mut uses = BTreeMap::<_, BTreeSet<_>>::new();
        for file in sources(name) {
            let module = module_of(&file);
            if !modules.contains(module) {
                continue;
            }
            let code = code(name, &file);
            let words: &[&str] = if file.contains('/') { &["crate::"] } else { &["crate::", "super::"] };
            for used in words.iter().flat_map(|word| behind(&code, word)) {
                let used = exported.get(used).copied().unwrap_or(used);
                if used != module && modules.contains(used) {
                    uses.entry((module.to_owned(), used.to_owned())).or_default().insert(file.clone());
                }
            }
        }
        Graph { root: format!("crates/{name}/src/{root}"), modules, uses }
    }

    fn used_by<'a>(&'a self, module: &'a str) -> impl Iterator<Item = &'a str> {
        self.uses.keys().filter(move |(from, _)| from == module).map(|(_, to)| to.as_str())
    }

    /// Those of a crate's library, without what is excused.
    fn of_library(name: &str) -> Graph {
        let excused = EXCUSED.iter().filter(|(of, ..)| *of == name);
        excused.fold(Graph::of(name, "lib.rs"), |graph, (_, from, to, _)| graph.without(from, to))
    }

    /// The same without one use.
    fn without(mut self, from: &str, to: &str) -> Graph {
        let used = self.uses.remove(&(from.to_owned(), to.to_owned()));
        assert!(used.is_some(), "{from} is excused for using {to} and does not: take it out of EXCUSED");
        self
    }

    /// A way from one module to another.
    fn way<'a>(&'a self, from: &'a str, to: &str) -> Option<Vec<&'a str>> {
        let mut ways = vec![vec![from]];
        let mut seen = BTreeSet::new();
        while let Some(way) = ways.pop() {
            for next in self.used_by(way[way.len() - 1]) {
                let longer = [&way[..], &[next]].concat();
                if next == to {
                    return Some(longer);
                }
                if seen.insert(next) {
                    ways.push(longer);
                }
            }
        }
        None
    }

    /// The ways that lead back to where they began.
    fn cycles(&self) -> Vec<Way<'_>> {
        self.modules.iter().filter_map(|module| self.way(module, module)).map(|way| Way(self, way)).collect()
    }
}

/// From module to module, shown with the files where each is used.
struct Way<'a>(&'a Graph, Vec<&'a str>);

impl fmt::Debug for Way<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for pair in self.1.windows(2) {
            let files = &self.0.uses[&(pair[0].to_owned(), pair[1].to_owned())];
            write!(f, "{} uses {} in {files:?}; ", pair[0], pair[1])?;
        }
        Ok(())
    }
}

/// The module that a line declares, as one in a file.
fn declared(line: &str) -> Option<&str> {
    let line = line.strip_prefix("pub ").unwrap_or(line);
    line.strip_prefix("mod ")?.strip_suffix(';')
}

/// What the root gives other names to, and the modules that it comes from.
fn exported(root: &str) -> BTreeMap<&str, &str> {
    let mut exported = BTreeMap::new();
    for (path, rest) in root.split("\npub use ").skip(1).filter_map(|rest| rest.split_once("::")) {
        let end = rest.find(';').expect("it is formatted");
        exported.extend(words(&rest[..end]).map(|name| (name, path)));
    }
    exported
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !is_of_a_word(c)).filter(|word| !word.is_empty())
}

fn is_of_a_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The words right behind a path's beginning: one, or those that begin each part of a list in braces.
fn behind<'a>(code: &'a str, beginning: &str) -> Vec<&'a str> {
    let is_word = |at: usize| !code[..at].ends_with(is_of_a_word);
    let places = code.match_indices(beginning).filter(|(at, _)| is_word(*at));
    places.flat_map(|(at, found)| heads(&code[at + found.len()..])).collect()
}

fn heads(rest: &str) -> Vec<&str> {
    let Some(list) = rest.strip_prefix('{') else { return words(rest).take(1).collect() };
    let (mut depth, mut from, mut heads) = (0, 0, Vec::new());
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' | ',' if depth == 0 => {
                heads.extend(words(&list[from..at]).next());
                from = at + 1;
            }
            '}' => depth -= 1,
            _ => {}
        }
        if c == '}' && from == at + 1 {
            break;
        }
    }
    heads
}

fn module_of(file: &str) -> &str {
    file.split('/').next().expect("there is always one part").trim_end_matches(".rs")
}

#[test]
fn no_module_knows_one_that_knows_it() {
    for (name, root) in ROOTS {
        let graph = if root == "lib.rs" { Graph::of_library(name) } else { Graph::of(name, root) };
        assert!(graph.modules.len() > 5 && graph.uses.len() > graph.modules.len(), "{} was not understood", graph.root);
        let cycles = graph.cycles();
        assert!(
            cycles.is_empty(),
            "{}: move what these share to a module of its own, or excuse one use in {} and say why: {cycles:#?}",
            graph.root,
            file!()
        );
    }
}

#[test]
fn every_excuse_is_needed() {
    for (name, from, to, _) in EXCUSED {
        let graph = Graph::of(name, "lib.rs");
        assert!(graph.way(to, from).is_some(), "{to} does not use {from}: take this out of EXCUSED");
    }
}

#[test]
fn what_is_kept_apart_stays_apart() {
    let graph = Graph::of_library("md5all");
    for (module, others) in KEPT_APART {
        for other in [&[module], others].concat() {
            assert!(graph.modules.contains(other), "there is no module {other} any more: mend KEPT_APART");
        }
        let ways = others.iter().filter_map(|other| graph.way(module, other)).map(|way| Way(&graph, way));
        let ways: Vec<_> = ways.collect();
        assert!(ways.is_empty(), "{module} must not know of these: {ways:#?}");
    }
}

#[test]
fn the_library_and_the_program_share_no_module() {
    let (library, program) = (Graph::of("md5all", "lib.rs"), Graph::of("md5all", "main.rs"));
    let both: Vec<_> = library.modules.intersection(&program.modules).collect();
    assert!(both.is_empty(), "declared in lib.rs and in main.rs: {both:?}");
    let files: BTreeSet<_> = sources("md5all").iter().map(|file| module_of(file).to_owned()).collect();
    let declared: BTreeSet<_> = &library.modules | &program.modules;
    let lost: Vec<_> = files.difference(&declared).filter(|file| *file != "lib" && *file != "main").collect();
    assert!(lost.is_empty(), "declared nowhere: {lost:?}");
}

#[test]
fn groups_and_lanes_do_not_know_each_other() {
    let mentions = |name: &str, words: [&str; 2]| {
        let code: String = sources(name).iter().map(|file| code(name, file)).collect();
        let text = code + &read(&format!("crates/{name}/Cargo.toml"));
        words.into_iter().any(|word| text.contains(word))
    };
    assert!(!mentions("errgroup", ["md5_lanes", "md5-lanes"]));
    assert!(!mentions("errgroup", ["md5all::", "md5all."]));
    assert!(!mentions("md5-lanes", ["errgroup", "md5all"]));
    assert!(mentions("md5all", ["errgroup::", "md5_lanes::"]), "the words are found where they are");
}

#[test]
fn lanes_touch_no_file_and_start_no_thread() {
    let forbidden = ["std::fs", "std::thread", "std::net", "std::process", "unsafe "];
    for file in sources("md5-lanes") {
        let code = code("md5-lanes", &file);
        let found: Vec<_> = forbidden.into_iter().filter(|word| code.contains(word)).collect();
        assert!(found.is_empty(), "crates/md5-lanes/src/{file} has {found:?}");
    }
    assert!(code("md5-lanes", "lib.rs").contains("#![forbid(unsafe_code)]"));
}

#[test]
fn a_crate_is_known_only_where_it_belongs() {
    only_in("md5all", "clap", &["cli"]);
    only_in("errgroup", "tokio", &["tokio"]);
    only_in("errgroup", "tokio_util", &["tokio"]);
    assert!(code("errgroup", "lib.rs").contains("#[cfg(feature = \"tokio\")]\npub mod tokio;"));
}

/// Only these modules name that crate.
fn only_in(name: &str, other: &str, modules: &[&str]) {
    let (path, import) = (format!("{other}::"), format!("use {other};"));
    let names_it = |file: &&String| {
        let code = code(name, file);
        let mut places = code.match_indices(&path);
        places.any(|(at, _)| begins_a_path(&code[..at])) || code.contains(&import)
    };
    let sources = sources(name);
    let (in_its_place, elsewhere): (Vec<_>, Vec<_>) =
        sources.iter().filter(names_it).partition(|file| modules.contains(&module_of(file)));
    assert!(!in_its_place.is_empty(), "{name} does not name {other} where it may");
    assert!(elsewhere.is_empty(), "{other} is to be named in {modules:?} only, not in {elsewhere:?}");
}

/// Whether the first word of a path may follow, with or without `::` before it.
fn begins_a_path(code: &str) -> bool {
    !code.strip_suffix("::").unwrap_or(code).ends_with(|c| is_of_a_word(c) || c == '>')
}

#[test]
fn what_a_source_uses_is_read_as_it_is_meant() {
    let code =
        "use crate::{pool, timer::{a, b}};\nuse crate::walk::{self, Step};\nlet x = my_crate::y; crate::hash_trees();";
    assert_eq!(behind(code, "crate::"), ["pool", "timer", "walk", "hash_trees"]);
    assert!(begins_a_path("use ::") && begins_a_path("(") && !begins_a_path("crate::") && !begins_a_path("my_"));
    let root = "\nmod a;\npub mod b;\npub use a::{One, two};\npub use b::c::Three;\n";
    assert_eq!(root.lines().filter_map(declared).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(
        exported(root).into_iter().collect::<Vec<_>>(),
        [("One", "a"), ("Three", "b"), ("c", "b"), ("two", "a")]
    );
}
