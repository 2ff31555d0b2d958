//! `--progress json`.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::harness::*;

#[test]
fn there_is_an_object_a_second_and_one_at_the_end() {
    let dir = tree(&["a", "b"]);
    let path = dir.path().join("fifo");
    fifo(&path);
    let mut command = md5all(dir.path());
    command.args(["--progress=json", "a", "b", "fifo", "gone"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut writer = open_writer(&path);
    writer.write_all(b"abc").unwrap();
    let mut objects = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap).filter_map(|line| {
        let object: Option<Value> = serde_json::from_str(&line).ok();
        object.map(|object| object["progress"].clone()).or_else(|| {
            assert_eq!(line, "md5all: gone: cannot stat: No such file or directory");
            None
        })
    });
    let during = objects.by_ref().find(|object| !object["files_in_all"].is_null()).expect("it is known before the end");
    let fields = json!([during["files"], during["files_in_all"], during["bytes_in_all"], during["done"]]);
    assert_eq!(fields, json!([2, 4, 2, false]), "{during}");
    let slowest = json!([during["slowest"]["path"], during["slowest"]["bytes"]]);
    assert_eq!(slowest, json!(["fifo", 3]), "{during}");
    drop(writer);
    let last = objects.last().unwrap();
    let fields = json!([last["files"], last["bytes"], last["errors"], last["skipped"], last["done"]]);
    assert_eq!(fields, json!([3, 5, 1, 0, true]), "{last}");
    assert!(last["slowest"].is_null() && last["seconds"].as_f64().unwrap() >= 1.0, "{last}");
    assert_eq!(join(child).code, Some(2));
}

/// The names are asked for before anybody could count.
#[test]
fn names_that_come_one_after_the_other_have_no_whole() {
    let dir = tree(&["a"]);
    let path = dir.path().join("names");
    fifo(&path);
    let mut command = md5all(dir.path());
    command.args(["--progress=json", "--files-from=names"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut writer = open_writer(&path);
    writer.write_all(b"a\n").unwrap();
    let objects = BufReader::new(child.stderr.take().unwrap()).lines();
    // What is counted after one second is told after two.
    let during: Vec<Value> = objects.take(3).map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    drop(writer);
    for object in during {
        assert_eq!(object["progress"]["done"], false, "{object}");
        assert!(object["progress"]["files_in_all"].is_null(), "{object}");
    }
    child.wait().unwrap();
}
