//! Bags that are broken, one rule after the other, and what is said of them.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use tempfile::TempDir;

use crate::harness::{self, fifo, finish, md5, run, tree, unprivileged};

/// A bag of two files by MD5, in `bag`, made by hand: so that what is read is not only what was written here.
fn bag(version: &str) -> TempDir {
    let dir = tree(&["bag/data/a", "bag/data/sub/b"]);
    let manifest = format!("{}  data/a\n{}  data/sub/b\n", md5(b"bag/data/a"), md5(b"bag/data/sub/b"));
    let info = "Bagging-Date: 2020-02-02\nContact-Name: somebody\n  with two lines\nPayload-Oxum: 24.2\n";
    let declaration = format!("BagIt-Version: {version}\nTag-File-Character-Encoding: UTF-8\n");
    let root = dir.path().join("bag");
    fs::write(root.join("manifest-md5.txt"), manifest).unwrap();
    fs::write(root.join("bag-info.txt"), info).unwrap();
    fs::write(root.join("bagit.txt"), declaration).unwrap();
    seal(&root);
    dir
}

/// Writes the tag manifest anew.
fn seal(bag: &Path) {
    let names = ["bag-info.txt", "bagit.txt", "manifest-md5.txt"];
    let line = |name: &str| format!("{}  {name}\n", md5(&fs::read(bag.join(name)).unwrap()));
    fs::write(bag.join("tagmanifest-md5.txt"), names.map(line).concat()).unwrap();
}

fn append(path: impl AsRef<Path>, text: &str) {
    fs::File::options().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

fn replace(path: impl AsRef<Path>, from: &str, to: &str) {
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from));
    fs::write(path, text.replace(from, to)).unwrap();
}

/// What is said, on both streams, of a bag that `meddle` had its way with; without what comes before the findings.
fn said(version: &str, meddle: impl FnOnce(&Path)) -> (Option<i32>, Vec<String>) {
    let dir = bag(version);
    meddle(&dir.path().join("bag"));
    let came = run(dir.path(), &["bag", "verify", "bag"]);
    let text = came.stderr.replace("md5all: ", "") + &String::from_utf8(came.stdout).unwrap();
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    let last = lines.pop().unwrap();
    let verdict = match came.code {
        Some(0) => "bag: valid",
        Some(1) => "bag: invalid",
        _ => "bag: unknown, for not all could be read, or is supported",
    };
    assert_eq!(last, verdict, "{lines:?}");
    lines.sort();
    (came.code, lines)
}

/// The bag is not valid, for these reasons and no others.
fn invalid(meddle: impl Fn(&Path), findings: &[&str]) {
    for version in ["1.0", "0.97"] {
        assert_eq!(
            said(version, &meddle),
            (Some(1), findings.iter().map(|line| (*line).to_owned()).collect()),
            "{version}"
        );
    }
}

/// The bag is valid, with these warnings.
fn valid(meddle: impl Fn(&Path), warnings: &[&str]) {
    for version in ["1.0", "0.97"] {
        let warnings: Vec<_> = warnings.iter().map(|line| line.replace(": ", ": warning: ")).collect();
        assert_eq!(said(version, &meddle), (Some(0), warnings), "{version}");
    }
}

#[test]
fn a_bag_that_is_well_is_valid_without_a_word() {
    valid(|_| {}, &[]);
}

#[test]
fn payload_that_is_missing_changed_or_too_much_is_told() {
    let gone = |bag: &Path| fs::remove_file(bag.join("data/a")).unwrap();
    invalid(
        gone,
        &["bag/bag-info.txt: Payload-Oxum says 24 bytes in 2 files, and there are 14 in 1", "bag/data/a: missing"],
    );
    let changed = |bag: &Path| fs::write(bag.join("data/a"), "bag/data/A").unwrap();
    let line = format!("bag/data/a: md5 is {}, not {}", md5(b"bag/data/A"), md5(b"bag/data/a"));
    invalid(changed, &[&line]);
    let more = |bag: &Path| fs::write(bag.join("data/c"), "").unwrap();
    invalid(
        more,
        &[
            "bag/bag-info.txt: Payload-Oxum says 24 bytes in 2 files, and there are 24 in 3",
            "bag/data/c: in no manifest",
        ],
    );
}

#[test]
fn a_bag_without_payload_manifests_or_declaration_is_none() {
    invalid(|bag| fs::remove_file(bag.join("bagit.txt")).unwrap(), &["bag/bagit.txt: missing"]);
    invalid(
        |bag| {
            fs::remove_file(bag.join("manifest-md5.txt")).unwrap();
            fs::remove_file(bag.join("tagmanifest-md5.txt")).unwrap();
        },
        &["bag/data/a: in no manifest", "bag/data/sub/b: in no manifest", "bag/manifest-sha512.txt: missing"],
    );
    invalid(
        |bag| {
            fs::remove_dir_all(bag.join("data")).unwrap();
            fs::write(bag.join("manifest-md5.txt"), "").unwrap();
            replace(bag.join("bag-info.txt"), "24.2", "0.0");
            seal(bag);
        },
        &["bag/data: missing"],
    );
}

#[test]
fn tag_files_that_a_tag_manifest_lists_are_verified() {
    let dir = bag("1.0");
    let info = dir.path().join("bag/bag-info.txt");
    let before = md5(&fs::read(&info).unwrap());
    replace(&info, "somebody", "somebodi");
    let after = md5(&fs::read(&info).unwrap());
    let came = run(dir.path(), &["bag", "verify", "bag"]);
    assert_eq!(came.code, Some(1));
    assert_eq!(came.text(), format!("bag/bag-info.txt: md5 is {after}, not {before}\nbag: invalid\n"));
}

#[test]
fn tag_files_that_are_missing_are_told_and_those_that_nobody_lists_are_not() {
    invalid(
        |bag| append(bag.join("tagmanifest-md5.txt"), &format!("{}  extra/tag\n", md5(b""))),
        &["bag/extra/tag: missing"],
    );
    valid(|bag| fs::write(bag.join("notes.txt"), "").unwrap(), &[]);
    valid(|bag| fs::remove_file(bag.join("tagmanifest-md5.txt")).unwrap(), &[]);
    valid(
        |bag| {
            harness::plant(bag, "extra/tag".as_ref(), b"");
            append(bag.join("tagmanifest-md5.txt"), &format!("{}  extra/tag\n", md5(b"")));
        },
        &[],
    );
}

#[test]
fn a_declaration_is_two_lines_and_nothing_else() {
    let with = |text: &str| {
        let text = text.to_owned();
        move |bag: &Path| fs::write(bag.join("bagit.txt"), &text).unwrap()
    };
    let encoding = "Tag-File-Character-Encoding: UTF-8\n";
    for (text, finding) in [
        (String::new(), "line 1: not BagIt-Version: and a version"),
        (format!("Version: 1.0\n{encoding}"), "line 1: not BagIt-Version: and a version"),
        ("BagIt-Version: 1.0\n".to_owned(), "line 2: not Tag-File-Character-Encoding: and an encoding"),
        (format!("BagIt-Version: 1.0\n\n{encoding}"), "line 2: not Tag-File-Character-Encoding: and an encoding"),
        (format!("BagIt-Version: 1.0\n{encoding}more\n"), "line 3: more than two lines"),
        (format!("\u{feff}BagIt-Version: 1.0\n{encoding}"), "line 1: a byte-order mark, which bagit.txt must not have"),
        (format!("BagIt-Version:1.0\n{encoding}"), "line 1: not exactly one blank before the value"),
        (format!("BagIt-Version:  1.0\n{encoding}"), "line 1: not exactly one blank before the value"),
        (format!("BagIt-Version: 1.0 \n{encoding}"), "line 1: not exactly one blank before the value"),
    ] {
        invalid(with(&text), &[&format!("bag/bagit.txt: {finding}")]);
    }
    valid(
        |bag| {
            fs::write(bag.join("bagit.txt"), "BagIt-Version:  0.97\r\nTag-File-Character-Encoding:UTF-8\r\n").unwrap();
            seal(bag);
        },
        &[],
    );
}

#[test]
fn versions_encodings_and_algorithms_that_are_not_known_leave_nobody_knowing() {
    for (file, from, to, finding) in [
        ("bagit.txt", "BagIt-Version: ", "BagIt-Version: 7", "bag/bagit.txt: not supported: version 71.0"),
        ("bagit.txt", "UTF-8", "KOI8-R", "bag/bagit.txt: not supported: encoding KOI8-R"),
    ] {
        let (code, lines) = said("1.0", |bag| replace(bag.join(file), from, to));
        assert_eq!((code, lines), (Some(2), vec![finding.to_owned()]));
    }
    for name in ["manifest-sha3.txt", "tagmanifest-whirlpool.txt"] {
        let (code, lines) = said("1.0", |bag| fs::write(bag.join(name), "00  data/a\n").unwrap());
        let by = name.split(['-', '.']).nth(1).unwrap();
        assert_eq!((code, lines), (Some(2), vec![format!("bag/{name}: not supported: algorithm {by}")]));
    }
}

#[test]
fn every_manifest_lists_all_payload_since_the_rfc() {
    let partly = |bag: &Path| {
        let sha1 = "79d7c4c2b8aa1c0fbbd0e2e4d0b3d1ad0e4a9f2c";
        fs::write(bag.join("manifest-sha1.txt"), format!("{sha1}  data/a\n")).unwrap();
    };
    let (code, lines) = said("1.0", partly);
    assert_eq!(code, Some(1));
    assert!(lines.contains(&"bag/data/sub/b: not in manifest-sha1.txt".to_owned()), "{lines:?}");
    let (_, lines) = said("0.97", partly);
    assert!(!lines.iter().any(|line| line.contains("not in manifest")), "{lines:?}");
    assert!(lines[0].starts_with("bag/data/a: sha1 is "));
}

#[test]
fn files_that_are_listed_twice() {
    let twice = |bag: &Path| {
        append(bag.join("manifest-md5.txt"), &format!("{}  data/a\n", md5(b"bag/data/a").to_uppercase()));
        seal(bag);
    };
    assert_eq!(said("1.0", twice), (Some(1), vec!["bag/data/a: listed twice, by md5".to_owned()]));
    assert_eq!(said("0.97", twice), (Some(0), vec!["bag/data/a: warning: listed twice, by md5".to_owned()]));
    let contradicted = |bag: &Path| {
        append(bag.join("manifest-md5.txt"), &format!("{}  data/a\n", md5(b"else")));
        seal(bag);
    };
    invalid(contradicted, &["bag/data/a: listed twice, with different digests, by md5"]);
}

#[test]
fn paths_that_lead_out_of_the_bag_are_refused_and_nothing_there_is_read() {
    for name in ["../secret", "data/../../secret", "/etc/passwd", "~/secret", "~root/x", "./../x"] {
        for file in ["manifest-md5.txt", "tagmanifest-md5.txt"] {
            let (code, lines) = said("1.0", |bag| {
                append(bag.join(file), &format!("{}  {name}\n", md5(b"")));
                if file == "manifest-md5.txt" {
                    seal(bag);
                }
            });
            let line = format!("bag/{file}: names what may lie outside of the bag: \"{name}\"");
            assert_eq!((code, lines), (Some(1), vec![line]));
        }
    }
    invalid(
        |bag| fs::write(bag.join("fetch.txt"), "http://localhost/x 3 data/../../x\n").unwrap(),
        &["bag/fetch.txt: names what may lie outside of the bag: \"data/../../x\""],
    );
}

#[test]
fn manifests_list_payload_and_tag_manifests_all_else_but_themselves() {
    invalid(
        |bag| {
            append(bag.join("manifest-md5.txt"), &format!("{}  bag-info.txt\n", md5(b"")));
            seal(bag);
        },
        &["bag/manifest-md5.txt: names what it may not name: \"bag-info.txt\""],
    );
    for name in ["data/a", "tagmanifest-md5.txt"] {
        invalid(
            |bag| append(bag.join("tagmanifest-md5.txt"), &format!("{}  {name}\n", md5(b""))),
            &[&format!("bag/tagmanifest-md5.txt: names what it may not name: \"{name}\"")],
        );
    }
}

#[test]
fn lines_that_say_nothing_are_told_and_empty_ones_are_passed_over() {
    let digest = md5(b"bag/data/a");
    for line in [
        "nonsense",
        "# a comment",
        &digest,
        &format!("{digest}  "),
        &format!("{}  data/a", &digest[1..]),
        &format!("g{}  data/a", &digest[1..]),
    ] {
        invalid(
            |bag| {
                append(bag.join("manifest-md5.txt"), &format!("{line}\n"));
                seal(bag);
            },
            &["bag/manifest-md5.txt: line 3: not a digest and a path"],
        );
    }
    valid(
        |bag| {
            append(bag.join("manifest-md5.txt"), "\n\n");
            seal(bag);
        },
        &[],
    );
}

#[test]
fn manifests_are_read_as_other_programs_write_them() {
    let with = |change: fn(&str) -> Vec<u8>| {
        move |bag: &Path| {
            let text = fs::read_to_string(bag.join("manifest-md5.txt")).unwrap();
            fs::write(bag.join("manifest-md5.txt"), change(&text)).unwrap();
            seal(bag);
        }
    };
    valid(with(|text| text.replace('\n', "\r\n").into()), &[]);
    valid(with(|text| text.replace('\n', "\r").into()), &[]);
    valid(with(|text| text.trim_end().into()), &[]);
    valid(with(|text| text.replace("  ", " ").into()), &[]);
    valid(with(|text| text.replace("  ", " *").into()), &[]);
    valid(with(|text| text.replace("  ", "\t").into()), &[]);
    valid(with(|text| text.to_uppercase().replace("DATA/A", "data/a").replace("DATA/SUB/B", "data/sub/b").into()), &[]);
    valid(with(|text| format!("\u{feff}{text}").into()), &["bag/manifest-md5.txt: begins with a byte-order mark"]);
    valid(with(|text| text.replace("  data/a", "  ./data/a").into()), &["bag/data/a: listed with ./ before it"]);
}

#[test]
fn tag_files_may_be_in_other_encodings() {
    for (name, encode) in [
        ("ISO-8859-1", (|text: &str| text.chars().map(|c| c as u8).collect()) as fn(&str) -> Vec<u8>),
        ("UTF-16", |text| text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
        ("UTF-16LE", |text| text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
    ] {
        valid(
            |bag| {
                fs::rename(bag.join("data/a"), bag.join("data/größe")).unwrap();
                replace(bag.join("manifest-md5.txt"), "data/a", "data/größe");
                replace(bag.join("bagit.txt"), "UTF-8", name);
                for file in ["manifest-md5.txt", "bag-info.txt"] {
                    let text = fs::read_to_string(bag.join(file)).unwrap();
                    fs::write(bag.join(file), encode(&text)).unwrap();
                }
                fs::remove_file(bag.join("tagmanifest-md5.txt")).unwrap();
            },
            &[],
        );
    }
}

#[test]
fn names_are_percent_decoded_and_those_that_nobody_encoded_are_found_with_a_warning() {
    let listed = |name: &'static str, as_what: &'static str| {
        move |bag: &Path| {
            fs::rename(bag.join("data/a"), bag.join(name)).unwrap();
            replace(bag.join("manifest-md5.txt"), "data/a", as_what);
            seal(bag);
        }
    };
    valid(listed("data/a\nb", "data/a%0Ab"), &[]);
    valid(listed("data/a\rb", "data/a%0db"), &[]);
    valid(listed("data/100%", "data/100%25"), &[]);
    valid(listed("data/100%", "data/100%"), &[]);
    valid(listed("data/%41", "data/%41"), &[]);
    valid(listed("data/a b  ", "data/a b  "), &[]);
    valid(
        listed("data/a%25b", "data/a%25b"),
        &["bag/data/a%25b: listed without the percent-encoding that it should have"],
    );
}

#[test]
fn names_in_another_normalisation_are_found_with_a_warning() {
    let (composed, apart) = ("data/gr\u{f6}\u{df}e", "data/gro\u{308}\u{df}e");
    for (there, listed) in [(composed, apart), (apart, composed)] {
        valid(
            |bag| {
                fs::rename(bag.join("data/a"), bag.join(there)).unwrap();
                replace(bag.join("manifest-md5.txt"), "data/a", listed);
                seal(bag);
            },
            &[&format!("bag/{there}: listed under another Unicode normalisation of its name")],
        );
    }
}

#[test]
fn names_that_some_file_systems_take_for_one_are_told() {
    valid(
        |bag| {
            fs::write(bag.join("data/A"), "bag/data/a").unwrap();
            append(bag.join("manifest-md5.txt"), &format!("{}  data/A\n", md5(b"bag/data/a")));
            replace(bag.join("bag-info.txt"), "24.2", "34.3");
            seal(bag);
        },
        &["bag/data/A: has a name that some file systems take for that of another one"],
    );
}

#[test]
fn the_payloads_size_is_what_bag_info_says() {
    for (oxum, finding) in [
        ("25.2", "Payload-Oxum says 25 bytes in 2 files, and there are 24 in 2"),
        ("24.3", "Payload-Oxum says 24 bytes in 3 files, and there are 24 in 2"),
        ("24", "line 4: Payload-Oxum is not two numbers with a dot between"),
        ("24.+2", "line 4: Payload-Oxum is not two numbers with a dot between"),
        ("24.2\nPayload-Oxum: 24.2", "line 5: Payload-Oxum is there twice"),
        ("24.2\nno label", "line 5: no label with a colon"),
        ("24.2\n: no label", "line 5: no label with a colon"),
    ] {
        invalid(
            |bag| {
                replace(bag.join("bag-info.txt"), "24.2", oxum);
                seal(bag);
            },
            &[&format!("bag/bag-info.txt: {finding}")],
        );
    }
    valid(
        |bag| {
            replace(bag.join("bag-info.txt"), "Payload-Oxum: 24.2\n", "payload-oxum:24.2\n\n");
            seal(bag);
        },
        &[],
    );
}

#[test]
fn what_has_yet_to_be_fetched_makes_a_bag_incomplete() {
    let fetch = |line: &'static str| move |bag: &Path| fs::write(bag.join("fetch.txt"), format!("{line}\n")).unwrap();
    valid(fetch("https://example.org/a 10 data/a"), &[]);
    invalid(
        |bag| {
            fs::remove_file(bag.join("data/a")).unwrap();
            replace(bag.join("bag-info.txt"), "24.2", "14.1");
            seal(bag);
            fetch("https://example.org/a - data/a")(bag);
        },
        &["bag/data/a: not there: it has yet to be fetched"],
    );
    invalid(fetch("https://example.org/c 3 data/c"), &["bag/data/c: in no manifest"]);
    invalid(fetch("https://example.org/c 3 tag"), &["bag/fetch.txt: names what it may not name: \"tag\""]);
    for line in [
        "https://example.org/a",
        "https://example.org/a 10",
        "https://example.org/a ten data/a",
        "a 10 data/a",
        "https: 10 data/a",
    ] {
        invalid(fetch(line), &["bag/fetch.txt: line 1: not a URL, a length or -, and a path"]);
    }
}

#[test]
fn links_and_special_files_are_told_and_never_followed_or_waited_for() {
    invalid(
        |bag| {
            fs::rename(bag.join("data/a"), bag.join("../a")).unwrap();
            symlink("../../a", bag.join("data/a")).unwrap();
            replace(bag.join("bag-info.txt"), "24.2", "14.1");
            seal(bag);
        },
        &["bag/data/a: a symbolic link, which a bag cannot hold"],
    );
    invalid(
        |bag| {
            fs::rename(bag.join("data"), bag.join("../elsewhere")).unwrap();
            symlink("../elsewhere", bag.join("data")).unwrap();
            replace(bag.join("bag-info.txt"), "24.2", "0.0");
            seal(bag);
        },
        &["bag/data: a symbolic link, which a bag cannot hold"],
    );
    invalid(|bag| fifo(&bag.join("data/fifo")), &["bag/data/fifo: a FIFO, socket or device, which a bag cannot hold"]);
    invalid(
        |bag| {
            fifo(&bag.join("tag"));
            append(bag.join("tagmanifest-md5.txt"), &format!("{}  tag\n", md5(b"")));
        },
        &["bag/tag: a FIFO, socket or device, which a bag cannot hold"],
    );
    let (code, lines) = said("1.0", |bag| {
        fs::remove_file(bag.join("manifest-md5.txt")).unwrap();
        fifo(&bag.join("manifest-md5.txt"));
    });
    assert_eq!(code, Some(2));
    assert!(lines.contains(&"bag/manifest-md5.txt: cannot read: not a regular file".to_owned()), "{lines:?}");
}

#[test]
fn what_cannot_be_read_is_exit_2_even_if_all_else_is_well() {
    let dir = bag("1.0");
    let Some((_keep, mut command)) = unprivileged(dir.path()) else { return };
    fs::set_permissions(dir.path().join("bag/data/a"), fs::Permissions::from_mode(0o000)).unwrap();
    let came = finish(command.args(["bag", "verify", "bag"]));
    assert_eq!(came.code, Some(2));
    assert_eq!(came.stderr, "md5all: bag/data/a: cannot open: Permission denied\n");
    assert_eq!(came.text(), "bag: unknown, for not all could be read, or is supported\n");
}

#[test]
fn what_is_no_directory_is_not_taken_for_a_bag() {
    let dir = tree(&["file"]);
    for name in ["file", "gone"] {
        let came = run(dir.path(), &["bag", "verify", name]);
        assert_eq!(came.code, Some(2), "{came:?}");
        assert!(came.stderr.starts_with(&format!("md5all: {name}: cannot open: ")), "{came:?}");
    }
}

#[test]
fn several_bags_are_verified_and_the_worst_of_them_is_the_exit_status() {
    let dir = bag("1.0");
    let came = run(dir.path(), &["bag", "verify", "bag", "bag/data", "bag"]);
    assert_eq!(came.code, Some(1));
    assert_eq!(came.text(), "bag: valid\nbag/data/bagit.txt: missing\nbag/data: invalid\nbag: valid\n");
}

#[test]
fn in_json_every_finding_and_every_bag_is_an_object() {
    let dir = bag("1.0");
    fs::write(dir.path().join("bag/data/c"), "").unwrap();
    let came = run(dir.path(), &["bag", "verify", "--json", "bag"]);
    assert_eq!((came.code, came.stderr.as_str()), (Some(1), ""));
    let text = came.text();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], r#"{"path":"bag/data/c","grade":"invalid","finding":"unlisted","text":"in no manifest"}"#);
    assert!(lines[1].contains(r#""finding":"oxum""#));
    assert_eq!(lines[2], r#"{"bag":"bag","verdict":"invalid","files":3,"bytes":24}"#);
    assert_eq!(lines[3], r#"{"summary":{"valid":0,"invalid":1,"unknown":0}}"#);
}

#[test]
fn all_manifests_are_verified_in_one_read() {
    let dir = bag("1.0");
    let (first, once) = harness::run_counted(dir.path(), &["bag", "verify", "bag"]);
    assert_eq!(first.code, Some(0));
    let large = vec![b'x'; 1 << 20];
    fs::write(dir.path().join("bag/data/a"), &large).unwrap();
    let sha1 = |file: &str| {
        let mut command = std::process::Command::new("sha1sum");
        let text = finish(command.arg(dir.path().join("bag").join(file))).text();
        format!("{}  {file}\n", &text[..40])
    };
    fs::write(dir.path().join("bag/manifest-sha1.txt"), [sha1("data/a"), sha1("data/sub/b")].concat()).unwrap();
    replace(dir.path().join("bag/manifest-md5.txt"), &md5(b"bag/data/a"), &md5(&large));
    replace(dir.path().join("bag/bag-info.txt"), "24.2", "1048590.2");
    seal(&dir.path().join("bag"));
    let (second, more) = harness::run_counted(dir.path(), &["bag", "verify", "bag"]);
    assert_eq!((second.code, second.stderr.as_str()), (Some(0), ""), "{second:?}");
    assert!(more - once < (1 << 20) + 100_000, "{once} and {more}");
}
