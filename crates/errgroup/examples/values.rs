//! What belongs to a request, handed down with its context: `Context::with_value`, `value`.
//!
//! `cargo run --example values -- FILE…` stands for a service: each request is a context with a number, and whatever is
//! done on its behalf, however deep, can say for whom.

use std::fs;
use std::io;

use errgroup::{Context, Group};

/// A type of its own, so that nobody else's `u64` hides it.
struct RequestId(u64);

fn main() -> io::Result<()> {
    let mut files: Vec<String> = std::env::args().skip(1).collect();
    if files.is_empty() {
        files = ["README.md", "DESIGN.md", "Cargo.toml"].map(str::to_owned).into();
    }
    let (requests, ctx) = Group::<io::Error>::with_context(&Context::background());
    for (id, file) in (1..).zip(files) {
        let ctx = ctx.with_value(RequestId(id)); // cancelled with the group's
        requests.go(move || serve(&ctx, &file));
    }
    requests.join()
}

fn serve(ctx: &Context, file: &str) -> io::Result<()> {
    log(ctx, &format!("{} bytes in {file}", fs::metadata(file)?.len()));
    let (child, _cancel) = ctx.with_cancel(); // values come down
    first_line(&child, file)
}

fn first_line(ctx: &Context, file: &str) -> io::Result<()> {
    ctx.check()?;
    let text = fs::read_to_string(file)?;
    log(ctx, text.lines().next().unwrap_or("nothing"));
    Ok(())
}

fn log(ctx: &Context, message: &str) {
    match ctx.value::<RequestId>() {
        Some(RequestId(id)) => println!("request {id}: {message}"),
        None => println!("{message}"),
    }
}
