//! A directory of files to be checked, and both programs run in it.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::harness::{fifo, md5, plant};

/// One of GNU's tools.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    /// What its tagged lines begin with.
    tag: &'static str,
    /// What it computes, by another implementation.
    digest: fn(&[u8]) -> String,
}

pub(crate) const MD5SUM: Tool = Tool { name: "md5sum", tag: "MD5", digest: md5 };
pub(crate) const SHA1SUM: Tool = Tool { name: "sha1sum", tag: "SHA1", digest: hex::<sha1::Sha1> };
pub(crate) const SHA256SUM: Tool = Tool { name: "sha256sum", tag: "SHA256", digest: hex::<sha2::Sha256> };
pub(crate) const SHA512SUM: Tool = Tool { name: "sha512sum", tag: "SHA512", digest: hex::<sha2::Sha512> };

/// All that this program can be called.
pub(crate) const TOOLS: [Tool; 4] = [MD5SUM, SHA1SUM, SHA256SUM, SHA512SUM];

/// Which of the programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    Gnu,
    /// This one, called as the tool is.
    Tool,
    /// This one, under its own name.
    Md5all,
}

/// Files of every kind, and our program under the other name.
pub(crate) struct Field {
    pub(crate) tool: Tool,
    pub(crate) dir: TempDir,
    names: TempDir,
}

/// What a run came to.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    /// Both, as they came.
    pub(crate) both: Vec<u8>,
    pub(crate) code: Option<i32>,
}

/// One run.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) arguments: Vec<OsString>,
    pub(crate) stdin: Vec<u8>,
    pub(crate) locale: &'static str,
}

/// Names of regular files in the field; each holds its own name.
pub(crate) const FILES: [&[u8]; 12] = [
    b"a",
    b"b",
    b"sp ace ",
    b" lead",
    b"*star",
    b"back\\slash",
    b"new\nline",
    b"cr\rname",
    b"\xff\xfe",
    b"dir/in",
    b"dir/other",
    b"it's (odd)",
];

impl Field {
    pub(crate) fn new() -> Field {
        Field::of(MD5SUM)
    }

    /// Where this tool is what it is compared with.
    pub(crate) fn of(tool: Tool) -> Field {
        let dir = tempfile::tempdir().expect("a temporary directory");
        for name in FILES {
            plant(dir.path(), OsStr::from_bytes(name), name);
        }
        fs::write(dir.path().join("empty"), "").expect("a file");
        fs::create_dir(dir.path().join("hollow")).expect("a directory");
        symlink("a", dir.path().join("link")).expect("a link");
        fs::hard_link(dir.path().join("b"), dir.path().join("b too")).expect("a second name");
        symlink("nowhere", dir.path().join("broken")).expect("a link");
        symlink("loop", dir.path().join("loop")).expect("a link");
        fifo(&dir.path().join("fifo"));
        UnixListener::bind(dir.path().join("socket")).expect("a socket");
        let names = tempfile::tempdir().expect("a temporary directory");
        symlink(env!("CARGO_BIN_EXE_md5all"), names.path().join(tool.name)).expect("a link");
        Field { tool, dir, names }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a list, in which `{name}` stands for the digest of what is in that file, and `MD5` for the tool's tag.
    pub(crate) fn list(&self, name: &str, text: &[u8]) {
        fs::write(self.path(name), self.tool.fill(text)).expect("a list");
    }

    pub(crate) fn command(&self, program: Program, call: &Call) -> Command {
        let mut command = match program {
            Program::Gnu => Command::new(self.tool.name),
            Program::Tool => Command::new(self.names.path().join(self.tool.name)),
            Program::Md5all => Command::new(env!("CARGO_BIN_EXE_md5all")),
        };
        if program != Program::Md5all {
            command.arg0(self.tool.name);
        }
        command.args(&call.arguments).current_dir(&self.dir).env("LC_ALL", call.locale);
        command
    }

    /// Runs one of the programs, once with a stream each and once with one for both.
    pub(crate) fn run(&self, program: Program, call: &Call) -> Ended {
        let apart = [self.file("stdout"), self.file("stderr")];
        let together = self.file("both");
        let code = self.run_to(self.command(program, call), call, &apart[0], &apart[1]);
        let again = self.run_to(self.command(program, call), call, &together, &together);
        assert_eq!(code, again, "{call:?}");
        let read = |name| fs::read(self.names.path().join(name)).expect("an output");
        Ended { stdout: read("stdout"), stderr: read("stderr"), both: read("both"), code }
    }

    fn file(&self, name: &str) -> File {
        File::create(self.names.path().join(name)).expect("a file for output")
    }

    pub(crate) fn run_to(&self, mut command: Command, call: &Call, out: &File, err: &File) -> Option<i32> {
        let clone = |file: &File| file.try_clone().expect("a descriptor");
        let stdin = self.names.path().join("stdin");
        fs::write(&stdin, self.tool.fill(&call.stdin)).expect("a file for input");
        command.stdin(File::open(stdin).expect("it was written")).stdout(clone(out)).stderr(clone(err));
        let mut child = command.spawn().expect("the program starts");
        child.wait().expect("it ends").code()
    }

    /// Runs a call by GNU's program and by ours, under the names that are wanted, and compares.
    pub(crate) fn compare(&self, call: &Call, ours: &[Program]) {
        let theirs = self.run(Program::Gnu, call);
        for &program in ours {
            let is_md5all = program == Program::Md5all;
            // Malformed lines are called by the tool's algorithm, which md5all does not know.
            if is_md5all && self.tool.tag != MD5SUM.tag && call.has_warnings() {
                continue;
            }
            let expected = if is_md5all { theirs.renamed(self.tool, b"md5all") } else { theirs.clone() };
            let ours = self.run(program, call);
            let name = self.tool.name;
            assert!(ours == expected, "{program:?}, {name}, {call:?}\nours: {ours:#?}\nGNU's: {expected:#?}");
        }
    }
}

impl Call {
    /// In the C locale, with nothing on standard input.
    pub(crate) fn new<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Call {
        let arguments = arguments.into_iter().map(|argument| argument.as_ref().to_owned()).collect();
        Call { arguments, stdin: Vec::new(), locale: "C" }
    }

    /// Words between blanks.
    pub(crate) fn line(line: &str) -> Call {
        Call::new(line.split_whitespace())
    }

    pub(crate) fn with_stdin(self, stdin: &[u8]) -> Call {
        Call { stdin: stdin.to_vec(), ..self }
    }

    /// Whether it may say which lines are malformed.
    pub(crate) fn has_warnings(&self) -> bool {
        let is_it =
            |word: &str| word == "--warn" || (word.starts_with('-') && !word.starts_with("--") && word.contains('w'));
        self.arguments.iter().any(|argument| argument.to_str().is_some_and(is_it))
    }

    pub(crate) fn is_check(&self) -> bool {
        self.arguments.iter().any(|argument| argument == "-c" || argument == "--check")
    }
}

impl Ended {
    /// The same by a program of another name.
    fn renamed(&self, tool: Tool, name: &[u8]) -> Ended {
        let (old, help) = (format!("{}: ", tool.name), format!("'{} --help'", tool.name));
        let rename = |text: &[u8]| {
            let lines = text.split_inclusive(|&byte| byte == b'\n');
            lines
                .flat_map(|line| match line.strip_prefix(old.as_bytes()) {
                    Some(rest) => [name, b": ", rest].concat(),
                    None => replace(line, help.as_bytes(), &[b"'", name, b" --help'"].concat()),
                })
                .collect()
        };
        Ended { stdout: self.stdout.clone(), stderr: rename(&self.stderr), both: rename(&self.both), code: self.code }
    }
}

impl std::fmt::Debug for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |bytes: &[u8]| bytes.escape_ascii().to_string().replace("\\n", "\n    ");
        write!(f, "exit {:?}\n  stdout:\n    {}", self.code, text(&self.stdout))?;
        write!(f, "\n  stderr:\n    {}\n  both:\n    {}", text(&self.stderr), text(&self.both))
    }
}

impl Tool {
    /// Puts its digests in, `{name}` in lower case and `{^name}` in upper case, and its tag.
    fn fill(&self, text: &[u8]) -> Vec<u8> {
        let mut filled = replace(text, MD5SUM.tag.as_bytes(), self.tag.as_bytes());
        for name in FILES.into_iter().chain([&b""[..]]) {
            let digest = (self.digest)(name);
            filled = replace(&filled, &[b"{", name, b"}"].concat(), digest.as_bytes());
            filled = replace(&filled, &[b"{^", name, b"}"].concat(), digest.to_uppercase().as_bytes());
        }
        filled
    }

    /// Whether there is a program to compare with; says so if not.
    ///
    /// Messages and extensions differ from one version to the next; this is the one whose behaviour is documented here.
    pub(crate) fn is_here(&self) -> bool {
        let version = Command::new(self.name).arg("--version").env("LC_ALL", "C").stdin(Stdio::null()).output();
        let version = version.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        let first = version.lines().next().unwrap_or_default();
        let is_it = first == format!("{} (GNU coreutils) 9.1", self.name);
        if !is_it {
            eprintln!("SKIPPED: the {} to compare with is GNU coreutils 9.1, and here is {first:?}", self.name);
        }
        is_it
    }
}

/// A field for each tool that every case is run for, if it is here: one of 16 bytes, and one of more.
pub(crate) fn fields() -> impl Iterator<Item = Field> {
    fields_of([MD5SUM, SHA256SUM])
}

/// A field for each of these that is here.
pub(crate) fn fields_of(tools: impl IntoIterator<Item = Tool>) -> impl Iterator<Item = Field> {
    tools.into_iter().filter(Tool::is_here).map(Field::of)
}

/// As md5sum has it.
pub(crate) fn fill(text: &[u8]) -> Vec<u8> {
    MD5SUM.fill(text)
}

fn hex<D: sha2::Digest>(bytes: &[u8]) -> String {
    D::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.windows(from.len()).position(|window| window == from) {
        replaced.extend_from_slice(&rest[..at]);
        replaced.extend_from_slice(to);
        rest = &rest[at + from.len()..];
    }
    replaced.extend_from_slice(rest);
    replaced
}

/// A name for a file that is none of the field's own.
pub(crate) fn bytes(name: &[u8]) -> OsString {
    OsString::from_vec(name.to_vec())
}

/// Both of our names, if a call is one that both know.
pub(crate) fn ours(call: &Call) -> &'static [Program] {
    if call.is_check() { &[Program::Tool, Program::Md5all] } else { &[Program::Tool] }
}
