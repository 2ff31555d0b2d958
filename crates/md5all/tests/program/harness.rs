//! Running the program, and what it should have said.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use md5::{Digest, Md5};
use rustix::fs::{CWD, Mode, mkfifoat};
use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

/// After this long a run that has not ended is said to hang.
const HANGS: Duration = Duration::from_secs(120);

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
    pub(crate) code: Option<i32>,
}

/// The program, to run in `dir`.
pub(crate) fn md5all(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_md5all"));
    command.current_dir(dir).stdin(Stdio::null());
    command
}

/// The program with arguments, run in `dir` to its end.
pub(crate) fn run(dir: &Path, arguments: &[&str]) -> Run {
    finish(md5all(dir).args(arguments))
}

/// Runs a command to its end, and fails if that does not come.
pub(crate) fn finish(command: &mut Command) -> Run {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command starts");
    join(child)
}

/// Waits for the end of a run, and fails if it does not come.
pub(crate) fn join(child: Child) -> Run {
    let id = pid(&child);
    let (done, ended) = mpsc::channel();
    thread::spawn(move || done.send(child.wait_with_output()));
    let output = match ended.recv_timeout(HANGS) {
        Ok(output) => output.expect("the output can be read"),
        Err(_) => {
            kill_process(id, Signal::KILL).expect("what hangs can be killed");
            panic!("the program hangs");
        }
    };
    Run {
        stdout: output.stdout,
        stderr: String::from_utf8(output.stderr).expect("messages are text"),
        code: output.status.code(),
    }
}

pub(crate) fn pid(child: &Child) -> Pid {
    Pid::from_child(child)
}

impl Run {
    /// The lines of a run that found nothing wrong.
    pub(crate) fn clean(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{self:?}");
        self.text()
    }

    pub(crate) fn text(self) -> String {
        String::from_utf8(self.stdout).expect("names here are text")
    }

    /// The names on GNU lines, without escapes.
    pub(crate) fn names(self) -> Vec<String> {
        self.text().lines().map(|line| line[34..].to_owned()).collect()
    }
}

/// A directory with these files, each with its own path in it.
pub(crate) fn tree(files: &[&str]) -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for file in files {
        plant(dir.path(), OsStr::new(file), file.as_bytes());
    }
    dir
}

/// A directory for thousands of entries, which a disk may take long to make and
/// remove: in memory, where the system has such a place.
pub(crate) fn roomy() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a temporary directory")
}

/// Writes a file, and the directories above it.
pub(crate) fn plant(root: &Path, name: &OsStr, contents: &[u8]) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().expect("a file is in a directory")).expect("directories");
    fs::write(path, contents).expect("a file");
}

pub(crate) fn fifo(path: &Path) {
    mkfifoat(CWD, path, Mode::from_raw_mode(0o600)).expect("a FIFO");
}

/// GNU lines for all files below `root`, made the slow and obvious way. Names
/// must need no escaping.
pub(crate) fn oracle(dir: &Path, root: &str) -> String {
    let mut paths: Vec<PathBuf> = walkdir::WalkDir::new(dir.join(root))
        .into_iter()
        .map(|entry| entry.expect("the tree can be walked"))
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| entry.into_path())
        .collect();
    paths.sort_by(|a, b| a.as_os_str().as_bytes().cmp(b.as_os_str().as_bytes()));
    paths
        .iter()
        .map(|path| {
            let below = path.strip_prefix(dir).expect("it is below");
            let name = below.to_str().expect("names here are text");
            format!("{}  {name}\n", md5(&fs::read(path).expect("it can be read")))
        })
        .collect()
}

/// MD5 by another implementation.
pub(crate) fn md5(bytes: &[u8]) -> String {
    Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The program as a user for whom permissions mean something, to run in `dir`;
/// `None`, with a message, if there is no way to be one.
pub(crate) fn unprivileged(dir: &Path) -> Option<(TempDir, Command)> {
    let (keep, program) = readable_copy();
    fs::set_permissions(dir, Permissions::from_mode(0o755)).expect("own directory");
    let mut command = match geteuid().is_root() {
        false => Command::new(program),
        true => {
            let mut setpriv = found("setpriv")?;
            setpriv.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
            setpriv.arg(program);
            setpriv
        }
    };
    command.current_dir(dir).stdin(Stdio::null());
    Some((keep, command))
}

/// The build directory may lie where only its owner gets at it.
///
/// By `cp`, not by a copy of our own: while we had it open for writing, another
/// test might start its program and hand the descriptor down, and what somebody
/// has open for writing cannot be run.
fn readable_copy() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).expect("own directory");
    let copy = dir.path().join("md5all");
    let program = env!("CARGO_BIN_EXE_md5all");
    let copied = Command::new("cp").arg(program).arg(&copy).status();
    assert!(copied.expect("there is a cp").success());
    (dir, copy)
}

/// A tool, if this machine has it; a message, if not.
pub(crate) fn found(tool: &str) -> Option<Command> {
    let path = std::env::var_os("PATH")?;
    let there = std::env::split_paths(&path).any(|dir| dir.join(tool).is_file());
    if !there {
        eprintln!("SKIPPED: there is no {tool} here to test with");
    }
    there.then(|| Command::new(tool))
}

/// Names in a directory, sorted, the hidden ones too.
pub(crate) fn names_in(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(dir)
        .expect("it can be listed")
        .map(|entry| entry.expect("it can be listed").file_name().into_vec())
        .map(|name| String::from_utf8(name).expect("names here are text"))
        .collect();
    names.sort();
    names
}

/// A file that takes hours to hash, with more at its beginning to read than all others in a test hold: the rest is a
/// hole.
pub(crate) fn endless(path: &Path) -> File {
    let mut file = File::create(path).expect("a file");
    file.write_all(&vec![b'x'; 16 << 20]).expect("room for it");
    file.set_len(1 << 40).expect("a hole");
    file
}

/// Runs the program, and gives as well how many bytes it has read, from whatever it was.
#[cfg(target_os = "linux")]
pub(crate) fn run_counted(dir: &Path, arguments: &[&str]) -> (Run, u64) {
    // What was read by those it has waited for counts as the shell's.
    let script = "\"$0\" \"$@\"; code=$?; grep rchar /proc/$$/io >&2; exit $code";
    let mut shell = Command::new("sh");
    shell.current_dir(dir).args(["-c", script, env!("CARGO_BIN_EXE_md5all")]).args(arguments);
    let mut run = finish(&mut shell);
    let counted = run.stderr.rfind("rchar: ").expect("the shell says what was read");
    let bytes = run.stderr.split_off(counted)["rchar: ".len()..].trim().parse().expect("a number");
    (run, bytes)
}

/// Blocks until the program has opened this FIFO to read from it.
pub(crate) fn open_writer(fifo: &Path) -> File {
    File::options().write(true).open(fifo).expect("a FIFO opens once it has a reader")
}

/// After this long, what has not come to be never will.
pub(crate) const NEVER: Duration = Duration::from_secs(60);

/// Waits until this is there.
#[track_caller]
pub(crate) fn until<T>(mut what: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = what() {
            return found;
        }
        assert!(begun.elapsed() < NEVER, "it does not come to be");
        thread::yield_now();
    }
}
