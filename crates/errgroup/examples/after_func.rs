//! A read that no context can interrupt, ended all the same: `Context::after_func`.
//!
//! `cargo run --example after_func` reads lines from a peer that says two things and then nothing, while another task
//! finds that its file is not there. A cancelled context does not wake a thread that reads; the function that was left
//! with it shuts the connection down, and that does.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use errgroup::{Context, Group};

fn main() -> io::Result<()> {
    let (ours, mut theirs) = UnixStream::pair()?;
    theirs.write_all(b"one\ntwo\n")?; // and it stays open: whoever reads on waits for ever

    let (group, ctx) = Group::<io::Error>::with_context(&Context::background());
    let reading = ctx.clone();
    group.go(move || read(&reading, ours));
    group.go(|| fs::metadata("no such file").map(drop));

    let error = group.join().expect_err("the file is not there");
    println!("stopped by: {error}");
    match error.kind() {
        io::ErrorKind::NotFound => Ok(()), // as it should be, here
        _ => Err(error),
    }
}

fn read(ctx: &Context, stream: UnixStream) -> io::Result<()> {
    let other = stream.try_clone()?;
    let after = ctx.after_func(move || {
        if let Err(error) = other.shutdown(Shutdown::Both) {
            eprintln!("cannot shut down: {error}");
        }
    });
    for line in BufReader::new(stream).lines() {
        println!("read: {}", line?);
    }
    if after.stop() {
        println!("the peer has ended it");
    }
    ctx.check()?; // or it was we
    Ok(())
}
