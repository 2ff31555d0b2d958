//! Nothing more is begun once something is over: `Group::go_until`.
//!
//! `cargo run --example go_until -- DIR TEXT` looks for a file below DIR that has TEXT in it. The first that is found
//! cancels the search: those that read stop early, no other is begun.

use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::sync::mpsc;

use errgroup::{Context, Group};
use walkdir::WalkDir;

fn main() -> io::Result<()> {
    let mut args = std::env::args().skip(1);
    let root = args.next().unwrap_or_else(|| "crates".to_owned());
    let text = args.next().unwrap_or_else(|| "fn main".to_owned());

    let (ctx, found) = Context::background().with_cancel();
    let (sender, receiver) = mpsc::channel();
    let group = Group::<io::Error>::new();
    group.set_limit(4);
    let mut begun = 0;
    for entry in WalkDir::new(root).sort_by_file_name() {
        let entry = entry?;
        if !entry.file_type().is_file() {
            continue;
        }
        let (searching, found, sender, text) = (ctx.clone(), found.clone(), sender.clone(), text.clone());
        let search = move || {
            if has(&searching, entry.path(), text.as_bytes())? {
                found.cancel();
                let _ = sender.send(entry.into_path()); // several may be found at once; the first will do
            }
            Ok(())
        };
        if group.go_until(&ctx, search).is_err() {
            break; // the closure came back, not run: it is dropped here
        }
        begun += 1;
    }
    drop(sender);
    group.join()?;
    match receiver.recv() {
        Ok(path) => println!("{} has it; {begun} files were begun", path.display()),
        Err(mpsc::RecvError) => println!("none of {begun} files has it"),
    }
    Ok(())
}

fn has(ctx: &Context, path: &Path, text: &[u8]) -> io::Result<bool> {
    for line in BufReader::new(std::fs::File::open(path)?).split(b'\n') {
        if ctx.is_cancelled() || line?.windows(text.len()).any(|part| part == text) {
            return Ok(!ctx.is_cancelled());
        }
    }
    Ok(false)
}
