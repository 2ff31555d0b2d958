//! `distant SOURCE POINT MILLISECONDS`: mounts, says `mounted`, and unmounts at the end of standard input, so that the
//! mount does not outlive whoever asked for it, however that ended.

use std::env;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use bench_distant::Distant;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    let [source, point, delay] = arguments.as_slice() else { return usage() };
    let Some(delay) = delay.to_str().and_then(|text| text.parse().ok()) else { return usage() };
    match serve(Path::new(source), Path::new(point), Duration::from_millis(delay)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("distant: {}: {error}", Path::new(point).display());
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: distant SOURCE POINT MILLISECONDS");
    ExitCode::from(2)
}

fn serve(source: &Path, point: &Path, delay: Duration) -> io::Result<()> {
    let distant = Distant::mount(source, point, delay)?;
    println!("mounted");
    io::stdout().flush()?;
    io::stdin().read_to_end(&mut Vec::new())?;
    distant.unmount()
}
