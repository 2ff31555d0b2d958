//! Bags that are made: what is in them, and what becomes of those that were interrupted.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use proptest::prelude::*;

use crate::harness::{fifo, finish, md5, md5all, names_in, plant, run, tree, unprivileged};

fn verify(dir: &Path, bag: &str) {
    assert_eq!(run(dir, &["bag", "verify", bag]).clean(), format!("{bag}: valid\n"));
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).expect("it is there")
}

#[test]
fn a_directory_becomes_a_bag_where_it_stands() {
    let dir = tree(&["bag/a", "bag/sub/b", "bag/data/c", "bag/.hidden"]);
    assert_eq!(run(dir.path(), &["bag", "create", "-a", "md5", "bag"]).clean(), "");
    let bag = dir.path().join("bag");
    assert_eq!(names_in(&bag), ["bag-info.txt", "bagit.txt", "data", "manifest-md5.txt", "tagmanifest-md5.txt"]);
    assert_eq!(read(bag.join("bagit.txt")), "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n");
    let files = [".hidden", "a", "data/c", "sub/b"];
    let lines = files.map(|file| format!("{}  data/{file}\n", md5(format!("bag/{file}").as_bytes()))).concat();
    assert_eq!(read(bag.join("manifest-md5.txt")), lines);
    let tags = ["bag-info.txt", "bagit.txt", "manifest-md5.txt"];
    let lines = tags.map(|tag| format!("{}  {tag}\n", md5(&fs::read(bag.join(tag)).unwrap()))).concat();
    assert_eq!(read(bag.join("tagmanifest-md5.txt")), lines);
    verify(dir.path(), "bag");
}

#[test]
fn it_is_by_sha512_if_nothing_else_is_said_and_by_all_that_are_named() {
    let dir = tree(&["one/a", "two/a"]);
    run(dir.path(), &["bag", "create", "one"]).clean();
    let names = names_in(&dir.path().join("one"));
    assert_eq!(names, ["bag-info.txt", "bagit.txt", "data", "manifest-sha512.txt", "tagmanifest-sha512.txt"]);
    run(dir.path(), &["bag", "create", "-a", "md5,sha256", "-a", "sha1", "two"]).clean();
    let names = names_in(&dir.path().join("two")).join(" ");
    assert_eq!(
        names,
        "bag-info.txt bagit.txt data manifest-md5.txt manifest-sha1.txt manifest-sha256.txt \
         tagmanifest-md5.txt tagmanifest-sha1.txt tagmanifest-sha256.txt"
    );
    verify(dir.path(), "one");
    verify(dir.path(), "two");
}

#[test]
fn bag_info_says_what_it_is_told_and_counts_the_payload() {
    let dir = tree(&["bag/a"]);
    let info = ["--info", "Contact-Name=A = B", "--info", "Source-Organization=größe"];
    let line: Vec<_> = ["bag", "create"].into_iter().chain(info).chain(["bag"]).collect();
    run(dir.path(), &line).clean();
    let text = read(dir.path().join("bag/bag-info.txt"));
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[..2], ["Contact-Name: A = B", "Source-Organization: größe"]);
    let date = lines[2].strip_prefix("Bagging-Date: ").unwrap();
    assert!(date.len() == 10 && date.starts_with("20") && date.matches('-').count() == 2, "{date}");
    assert_eq!(lines[3], format!("Bag-Software-Agent: md5all {}", env!("CARGO_PKG_VERSION")));
    assert_eq!(lines[4..], ["Payload-Oxum: 5.1"]);
}

#[test]
fn what_does_not_fit_into_bag_info_is_refused_with_exit_3() {
    let dir = tree(&["bag/a"]);
    for info in ["nothing", "=value", "La:bel=value", " Label=value", "Label=two\nlines", "payload-oxum=1.1"] {
        let came = run(dir.path(), &["bag", "create", "--info", info, "bag"]);
        assert_eq!(came.code, Some(3), "{info}: {came:?}");
        assert_eq!(names_in(&dir.path().join("bag")), ["a"]);
    }
}

#[test]
fn an_empty_directory_is_a_bag_with_nothing_in_it() {
    let dir = tree(&[]);
    fs::create_dir(dir.path().join("bag")).unwrap();
    run(dir.path(), &["bag", "create", "bag"]).clean();
    assert!(read(dir.path().join("bag/bag-info.txt")).ends_with("Payload-Oxum: 0.0\n"));
    verify(dir.path(), "bag");
}

#[test]
fn the_working_directory_may_become_a_bag() {
    let dir = tree(&["a"]);
    run(dir.path(), &["bag", "create", "."]).clean();
    assert_eq!(read(dir.path().join("data/a")), "a");
    verify(dir.path(), ".");
}

#[test]
fn what_is_a_bag_already_is_left_alone() {
    let dir = tree(&["bag/a"]);
    run(dir.path(), &["bag", "create", "bag"]).clean();
    let before = names_in(&dir.path().join("bag"));
    let came = run(dir.path(), &["bag", "create", "bag"]);
    assert_eq!((came.code, came.stderr.as_str()), (Some(1), "md5all: bag: is a bag already\n"));
    assert_eq!(names_in(&dir.path().join("bag")), before);
    verify(dir.path(), "bag");
}

#[test]
fn what_holds_links_or_special_files_is_left_alone() {
    let dir = tree(&["link/sub/a", "fifo/sub/a"]);
    symlink("a", dir.path().join("link/sub/b")).unwrap();
    fifo(&dir.path().join("fifo/sub/b"));
    let link = run(dir.path(), &["bag", "create", "link"]);
    assert_eq!(
        (link.code, link.stderr.as_str()),
        (Some(1), "md5all: link/sub/b: a symbolic link, which a bag cannot hold\n")
    );
    let special = run(dir.path(), &["bag", "create", "fifo"]);
    assert_eq!(special.code, Some(1));
    assert_eq!(special.stderr, "md5all: fifo/sub/b: a FIFO, socket or device, which a bag cannot hold\n");
    for bag in ["link", "fifo"] {
        assert_eq!(names_in(&dir.path().join(bag)), ["sub"]);
    }
}

#[test]
fn what_cannot_be_read_is_told_before_anything_has_moved() {
    let dir = tree(&["bag/a", "bag/sub/b"]);
    let Some((_keep, mut command)) = unprivileged(dir.path()) else { return };
    fs::set_permissions(dir.path().join("bag"), fs::Permissions::from_mode(0o777)).unwrap();
    fs::set_permissions(dir.path().join("bag/sub/b"), fs::Permissions::from_mode(0o000)).unwrap();
    let came = finish(command.args(["bag", "create", "bag"]));
    assert_eq!((came.code, came.stderr.as_str()), (Some(2), "md5all: bag/sub/b: cannot open: Permission denied\n"));
    assert_eq!(names_in(&dir.path().join("bag")), ["a", "sub"]);
    for name in ["gone", "bag/a"] {
        let came = run(dir.path(), &["bag", "create", name]);
        assert_eq!(came.code, Some(2), "{came:?}");
    }
}

#[test]
fn several_directories_become_bags_whatever_becomes_of_the_others() {
    let dir = tree(&["one/a", "two/a"]);
    let came = run(dir.path(), &["bag", "create", "one", "gone", "two"]);
    assert_eq!(came.code, Some(2));
    verify(dir.path(), "one");
    verify(dir.path(), "two");
}

#[test]
fn a_bag_of_the_version_before_the_rfc() {
    let dir = tree(&["bag/100%", "bag/a\nb"]);
    run(dir.path(), &["bag", "create", "--version-of", "0.97", "-a", "md5", "bag"]).clean();
    assert!(read(dir.path().join("bag/bagit.txt")).starts_with("BagIt-Version: 0.97\n"));
    let manifest = read(dir.path().join("bag/manifest-md5.txt"));
    assert!(manifest.contains("  data/100%\n") && manifest.contains("  data/a%0Ab\n"), "{manifest}");
    verify(dir.path(), "bag");
}

#[test]
fn names_that_version_0_97_cannot_tell_are_refused_and_1_0_tells_them() {
    for name in ["%0A", "a%0db", "100%25"] {
        let dir = tree(&[&format!("bag/{name}")]);
        let came = run(dir.path(), &["bag", "create", "--version-of", "0.97", "bag"]);
        let said = format!("md5all: bag/{name}: a name that bags before version 1.0 cannot tell from another one\n");
        assert_eq!((came.code, came.stderr), (Some(1), said));
        assert_eq!(names_in(&dir.path().join("bag")), [name]);
        run(dir.path(), &["bag", "create", "bag"]).clean();
        verify(dir.path(), "bag");
    }
}

/// What is found when it was killed: the payload begun to move, all moved, tag files begun, tag files in their places.
#[test]
fn what_was_interrupted_goes_on_wherever_it_was() {
    let states: [(&str, &[(&str, &str)]); 6] = [
        ("nothing has moved", &[("a", "1"), ("sub/b", "2"), ("data/c", "3")]),
        ("some has moved", &[(".md5all-bag/payload/a", "1"), ("sub/b", "2"), ("data/c", "3")]),
        (
            "all has moved",
            &[(".md5all-bag/payload/a", "1"), (".md5all-bag/payload/sub/b", "2"), (".md5all-bag/payload/data/c", "3")],
        ),
        (
            "the payload is in its place, and a manifest is begun",
            &[
                ("data/a", "1"),
                ("data/sub/b", "2"),
                ("data/data/c", "3"),
                (".md5all-bag/manifest-sha1.txt", "half a li"),
            ],
        ),
        (
            "some tag files are in their places",
            &[
                ("data/a", "1"),
                ("data/sub/b", "2"),
                ("data/data/c", "3"),
                ("manifest-md5.txt", "of another try"),
                ("tagmanifest-sha1.txt", "of another try"),
                (".md5all-bag/bag-info.txt", "half"),
            ],
        ),
        (
            "all but what makes it a bag are",
            &[
                ("data/a", "1"),
                ("data/sub/b", "2"),
                ("data/data/c", "3"),
                ("bag-info.txt", "whatever"),
                ("manifest-md5.txt", "whatever"),
                (".md5all-bag/bagit.txt", "whatever"),
            ],
        ),
    ];
    for (state, files) in states {
        let dir = tree(&[]);
        for (file, text) in files {
            plant(dir.path(), OsStr::new(&format!("bag/{file}")), text.as_bytes());
        }
        if state == "nothing has moved" {
            fs::create_dir_all(dir.path().join("bag/.md5all-bag.new/payload")).unwrap();
        }
        run(dir.path(), &["bag", "create", "-a", "md5", "bag"]).clean();
        let bag = dir.path().join("bag");
        let names = ["bag-info.txt", "bagit.txt", "data", "manifest-md5.txt", "tagmanifest-md5.txt"];
        assert_eq!(names_in(&bag), names, "{state}");
        assert_eq!(["a", "sub/b", "data/c"].map(|file| read(bag.join("data").join(file))), ["1", "2", "3"], "{state}");
        verify(dir.path(), "bag");
    }
}

#[test]
fn what_is_in_the_way_of_what_was_moved_is_not_overwritten() {
    let dir = tree(&["bag/.md5all-bag/payload/a", "bag/a"]);
    let came = run(dir.path(), &["bag", "create", "bag"]);
    assert_eq!(came.code, Some(1));
    assert_eq!(came.stderr, "md5all: bag/a: in the way of the bag that is to be made here\n");
    assert_eq!(read(dir.path().join("bag/a")), "bag/a");
    assert_eq!(read(dir.path().join("bag/.md5all-bag/payload/a")), "bag/.md5all-bag/payload/a");
}

#[test]
fn what_lies_where_a_bag_is_begun_and_is_not_ours_is_never_removed() {
    let states: [(&str, &str, &[&str]); 10] = [
        (".md5all-bag.new/letter", ".md5all-bag.new/letter", &[]),
        (".md5all-bag.new/payload/letter", ".md5all-bag.new/payload/letter", &[]),
        (".md5all-bag.new/payload", ".md5all-bag.new/payload", &[]),
        (".md5all-bag.new", ".md5all-bag.new", &[]),
        (".md5all-bag", ".md5all-bag", &[]),
        (".md5all-bag/letter", ".md5all-bag/letter", &["data/b", "manifest-md5.txt", ".md5all-bag/bag-info.txt"]),
        (".md5all-bag/letter", ".md5all-bag/letter", &[".md5all-bag/payload/b"]),
        (".md5all-bag/bagit.txt", ".md5all-bag/bagit.txt/letter", &["data/b", ".md5all-bag/bag-info.txt"]),
        (".md5all-bag/payload", ".md5all-bag/payload", &["data/b"]),
        ("manifest-md5.txt", "manifest-md5.txt/letter", &["data/b", ".md5all-bag/bag-info.txt", "manifest-sha1.txt"]),
    ];
    for (stranger, precious, beside) in states {
        let dir = tree(&["bag/a"]);
        for file in beside.iter().chain([&precious]) {
            plant(dir.path(), OsStr::new(&format!("bag/{file}")), file.as_bytes());
        }
        let before = everything(&dir.path().join("bag"));
        let came = run(dir.path(), &["bag", "create", "-a", "md5", "bag"]);
        let said = format!("md5all: bag/{stranger}: in the way of the bag that is to be made here\n");
        assert_eq!((came.code, came.stderr), (Some(1), said), "{precious} {beside:?}");
        assert_eq!(everything(&dir.path().join("bag")), before, "{precious} {beside:?}");
    }
}

#[test]
fn a_directory_that_only_has_the_name_of_ours_is_not_taken_for_it() {
    let dir = tree(&["bag/a", "bag/manifest-md5.txt"]);
    fs::create_dir(dir.path().join("bag/.md5all-bag")).unwrap();
    let before = everything(&dir.path().join("bag"));
    let came = run(dir.path(), &["bag", "create", "bag"]);
    let said = "md5all: bag/.md5all-bag: in the way of the bag that is to be made here\n";
    assert_eq!((came.code, came.stderr.as_str()), (Some(1), said));
    assert_eq!(everything(&dir.path().join("bag")), before);
}

#[test]
fn a_bag_that_was_changed_is_not_made_valid_by_what_was_left_of_its_making() {
    for left in [&[][..], &[".md5all-bag/bag-info.txt"]] {
        let dir = tree(&["bag/a"]);
        let bag = dir.path().join("bag");
        run(dir.path(), &["bag", "create", "-a", "md5", "bag"]).clean();
        fs::write(bag.join("data/a"), "worse").unwrap();
        let changed = everything(&bag);
        fs::create_dir(bag.join(".md5all-bag")).unwrap();
        for file in left {
            plant(dir.path(), OsStr::new(&format!("bag/{file}")), b"half");
        }
        let with_stage = everything(&bag);
        let came = run(dir.path(), &["bag", "create", "-a", "md5", "bag"]);
        assert_eq!((came.code, came.stderr.as_str()), (Some(1), "md5all: bag: is a bag already\n"));
        assert_eq!(everything(&bag), if left.is_empty() { changed } else { with_stage });
        assert_eq!(run(dir.path(), &["bag", "verify", "bag"]).code, Some(1));
    }
}

/// All that is below a directory, and what is in it.
fn everything(dir: &Path) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    let entries = walkdir::WalkDir::new(dir).sort_by_file_name().into_iter().map(|entry| {
        let entry = entry.expect("it can be listed");
        let contents = entry.file_type().is_file().then(|| fs::read(entry.path()).expect("it can be read"));
        (entry.into_path(), contents)
    });
    entries.collect()
}

/// Killed as soon as it has come so far, wherever it is by then.
#[test]
fn killed_at_any_moment_nothing_is_lost_and_a_second_run_makes_the_bag() {
    let files: Vec<_> = (0..300).map(|index| format!("bag/{index}")).collect();
    for sign in [
        ".md5all-bag",
        ".md5all-bag/payload/7",
        "data",
        ".md5all-bag/manifest-md5.txt",
        "manifest-md5.txt",
        "bagit.txt",
    ] {
        let dir = tree(&files.iter().map(String::as_str).collect::<Vec<_>>());
        let bag = dir.path().join("bag");
        let mut command = md5all(dir.path());
        command.args(["bag", "create", "-a", "md5", "bag"]).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        while !bag.join(sign).exists() && child.try_wait().unwrap().is_none() {}
        child.kill().unwrap();
        child.wait().unwrap();
        let left = walkdir::WalkDir::new(&bag).into_iter().filter(|entry| {
            let name = entry.as_ref().unwrap().file_name();
            name.as_bytes().iter().all(u8::is_ascii_digit)
        });
        assert_eq!(left.count(), files.len(), "{sign}");
        let again = run(dir.path(), &["bag", "create", "-a", "md5", "bag"]);
        let is_bag = again.code == Some(1) && again.stderr == "md5all: bag: is a bag already\n";
        assert!(again.code == Some(0) || is_bag, "{sign}: {again:?}");
        verify(dir.path(), "bag");
        for file in &files {
            assert_eq!(read(bag.join("data").join(&file[4..])), *file, "{sign}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]
    #[test]
    fn names_of_any_bytes_are_bagged_and_verified(
        names in prop::collection::hash_set(prop::collection::vec(prop_oneof![
            Just(b'\n'), Just(b'\r'), Just(b'%'), Just(b' '), Just(b'*'), Just(b'\\'), Just(b'0'), Just(b'A'),
            (1..=255u8).prop_filter("a name has no slash", |&byte| byte != b'/'),
        ], 1..40), 1..12),
        old in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut count = 0;
        // What cannot be told from a name that is encoded, where the percent sign itself is not.
        let looks_encoded = |name: &[u8]| name.windows(3).any(|three| matches!(three, b"%0A" | b"%0a" | b"%0D" | b"%0d" | b"%25"));
        let is_none = |name: &[u8]| matches!(name, b"." | b"..") || (old && looks_encoded(name));
        for name in names.iter().filter(|name| !is_none(name)) {
            plant(dir.path(), OsStr::from_bytes(&[b"bag/", &name[..]].concat()), name);
            count += 1;
        }
        prop_assume!(count > 0);
        let version = if old { "0.97" } else { "1.0" };
        run(dir.path(), &["bag", "create", "--version-of", version, "-a", "md5", "bag"]).clean();
        let came = run(dir.path(), &["bag", "verify", "--json", "bag"]);
        let sum = came.text().lines().rev().nth(1).unwrap().to_owned();
        let verdict = format!("{{\"bag\":\"bag\",\"verdict\":\"valid\",\"files\":{count}");
        prop_assert!(sum.starts_with(&verdict), "{}", sum);
    }
}

const CASES: u32 = 24;
