//! Reads, openings and listings that hang: what they hold up, and that an interrupt does not wait for them.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};

use crate::harness::*;
use crate::mounts::apart;
use crate::served::{Ask, Fault, Served};

/// A tenth of a second is the promise; the rest is for a busy machine.
const SOON: Duration = Duration::from_secs(2);

/// What is not printed by then never is.
const NEVER: Duration = Duration::from_secs(60);

/// More than there are workers, lanes and reads at once, and `n` in the middle.
fn names() -> Vec<String> {
    let mut names: Vec<String> = (0..100).flat_map(|index| [format!("a/{index}"), format!("z/{index}")]).collect();
    names.push("n".to_owned());
    names
}

fn serve() -> Option<Served> {
    let names = names();
    Served::new(&names.iter().map(String::as_str).collect::<Vec<_>>())
}

/// A run whose lines are looked at while it goes on.
struct Watched {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Watched {
    fn start(dir: &Path, arguments: &[&str]) -> Watched {
        let mut command = md5all(dir);
        let mut child = command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (send, lines) = mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        Watched { child, lines }
    }

    /// The next so many names, which must come though the program hangs.
    fn names(&self, count: usize) -> Vec<String> {
        let line = |index| match self.lines.recv_timeout(NEVER) {
            Ok(line) => line[34..].to_owned(),
            Err(error) => panic!("line {index} of {count}: {error}"),
        };
        (0..count).map(line).collect()
    }

    /// The rest of them, of a run that ends well.
    fn rest(self) -> Vec<String> {
        join(self.child).clean();
        self.lines.iter().map(|line| line[34..].to_owned()).collect()
    }
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

/// All that is below `t`, without what begins so.
fn all_but(prefix: &str) -> Vec<String> {
    let names = names().into_iter().map(|name| format!("t/{name}"));
    sorted(names.filter(|name| prefix.is_empty() || !name.starts_with(prefix)).collect())
}

/// While the one question about `n` hangs, all other lines are printed.
fn check_unordered(ask: Ask) {
    apart(|| {
        for jobs in ["1", "2"] {
            let Some(served) = serve() else { return };
            served.fault("n", ask, Fault::Hold);
            let run = Watched::start(served.dir(), &["--unordered", "-j", jobs, "t"]);
            let others = all_but("t/n");
            assert_eq!(sorted(run.names(others.len())), others, "-j {jobs}");
            served.wait_held(1);
            served.release();
            assert_eq!(run.rest(), ["t/n"], "-j {jobs}");
        }
    });
}

#[test]
fn a_read_that_hangs_delays_only_itself() {
    check_unordered(Ask::Read(0));
}

#[test]
fn an_opening_that_hangs_delays_only_itself() {
    check_unordered(Ask::Open);
}

/// `fstat`, before or after it is read.
#[test]
fn an_answer_about_a_file_that_hangs_delays_only_itself() {
    check_unordered(Ask::Attributes);
}

#[test]
fn a_lookup_that_hangs_delays_only_itself() {
    check_unordered(Ask::Look);
}

/// Lines wait for those that come before them, but the work goes on: all that is not held up by the window of 65,536
/// files is read.
#[test]
fn sorted_lines_wait_but_what_comes_after_is_read() {
    apart(|| {
        for (jobs, ask) in [("1", Ask::Read(0)), ("2", Ask::Read(0)), ("1", Ask::Open)] {
            let Some(served) = serve() else { return };
            served.fault("n", ask, Fault::Hold);
            let run = Watched::start(served.dir(), &["-j", jobs, "t"]);
            let all = all_but("");
            assert_eq!(run.names(100), all[..100], "what comes before");
            let hangs_unopened = u64::from(ask == Ask::Open);
            served.wait_opened(all.len() as u64 - hangs_unopened);
            served.release();
            assert_eq!(run.rest(), all[100..], "-j {jobs}, {ask:?}");
        }
    });
}

/// A file named on the command line is no worse, though nobody knows what it lies on before it is opened, and the kernel
/// remembers its name, so that nothing but the server could make anybody wait.
#[test]
fn a_named_file_that_hangs_delays_only_itself() {
    apart(|| {
        for (jobs, ask) in [("1", Ask::Read(0)), ("1", Ask::Open), ("2", Ask::Open)] {
            let Some(served) = serve() else { return };
            fs::write(served.dir().join("here"), "here").unwrap();
            served.let_names_be_remembered();
            served.fault("n", ask, Fault::Hold);
            let run = Watched::start(served.dir(), &["--unordered", "-j", jobs, "t/n", "t/z", "here"]);
            let others: BTreeSet<String> = run.names(101).into_iter().collect();
            assert!(others.contains("here") && !others.contains("t/n"), "-j {jobs}, {ask:?}");
            served.wait_held(1);
            served.release();
            assert_eq!(run.rest(), ["t/n"]);
        }
    });
}

/// As file servers have on files that their clients work on (Samba's oplocks, delegations of NFS). What opens such a file
/// without waiting is refused, so it was once an error.
#[test]
fn a_file_that_somebody_has_a_lease_on_is_waited_for() {
    const HOLDER: &str = "import fcntl, os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGIO])
fd = os.open('t/n', os.O_RDWR)
fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
print('leased', flush=True)
signal.sigwait([signal.SIGIO])
print('wanted', flush=True)
sys.stdin.readline()";
    for jobs in ["1", "2"] {
        let dir = tree(&["t/a", "t/n", "t/z"]);
        let Some(mut python) = found("python3") else { return };
        python.args(["-c", HOLDER]).current_dir(&dir).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut holder = python.spawn().unwrap();
        let mut said = BufReader::new(holder.stdout.take().unwrap()).lines();
        assert_eq!(said.next().unwrap().unwrap(), "leased");
        let run = Watched::start(dir.path(), &["--unordered", "-j", jobs, "t"]);
        assert_eq!(sorted(run.names(2)), ["t/a", "t/z"], "-j {jobs}");
        assert_eq!(said.next().unwrap().unwrap(), "wanted");
        drop(holder.stdin.take());
        assert_eq!(run.rest(), ["t/n"], "-j {jobs}");
        assert!(holder.wait().unwrap().success());
    }
}

/// The walk does one thing after the other. What it had found by then is hashed and printed, and the rest comes when the
/// directory does.
#[test]
fn a_directory_that_hangs_delays_what_the_walk_would_find_after_it() {
    apart(|| {
        for ask in [Ask::List(0), Ask::Open, Ask::Look] {
            for flags in [&["-j", "1", "t"][..], &["--unordered", "t"]] {
                let Some(served) = serve() else { return };
                served.fault("z", ask, Fault::Hold);
                let run = Watched::start(served.dir(), flags);
                let before = all_but("t/z");
                assert_eq!(sorted(run.names(before.len())), before, "{ask:?} {flags:?}");
                served.wait_held(1);
                served.release();
                assert_eq!(run.rest().len(), 100, "{ask:?} {flags:?}");
            }
        }
    });
}

/// The walk that hangs is not that of the other device, though it comes first.
#[test]
fn a_root_that_hangs_holds_up_none_on_another_device() {
    apart(|| {
        for (ask, flags) in [(Ask::Open, "-j1"), (Ask::List(0), "-j2")] {
            let Some(served) = Served::new(&["f"]) else { return };
            served.fault("", ask, Fault::Hold);
            fs::create_dir(served.dir().join("u")).unwrap();
            fs::write(served.dir().join("u/here"), "here").unwrap();
            let run = Watched::start(served.dir(), &["--unordered", flags, "t", "u"]);
            assert_eq!(run.names(1), ["u/here"], "{ask:?}");
            served.wait_held(1);
            served.release();
            assert_eq!(run.rest(), ["t/f"], "{ask:?}");
        }
    });
}

/// With the server stopped after it has answered `ask` about `path`, the next question hangs, and a signal comes.
fn check_interrupt(path: &str, ask: Ask) {
    apart(|| {
        for (flags, signal) in [(&["-j", "1"][..], Signal::INT), (&["--unordered"], Signal::TERM)] {
            let Some(served) = serve() else { return };
            let here = tree(&["list"]);
            let list = here.path().join("list");
            served.fault(path, ask, Fault::Stop);
            let mut command = md5all(served.dir());
            command.args(flags).arg("-o").arg(&list).arg("t").stdout(Stdio::piped()).stderr(Stdio::piped());
            let child = command.spawn().unwrap();
            served.wait_stopped(&child);

            let sent = Instant::now();
            kill_process(pid(&child), signal).unwrap();
            let ended = join(child);
            let after = sent.elapsed();
            eprintln!("{ask:?} hangs: {signal:?} ended it after {after:?}");
            assert_eq!((ended.code, ended.stderr.as_str()), (Some(130), ""), "{signal:?}");
            assert!(after < SOON, "{signal:?}: took {after:?}");
            // On a slow machine, what was finished is old enough for the journal.
            fs::remove_file(here.path().join("list.journal")).ok();
            assert_eq!(names_in(here.path()), ["list"]);
            assert_eq!(fs::read(list).unwrap(), b"list");
        }
    });
}

#[test]
fn an_interrupt_does_not_wait_for_a_read() {
    check_interrupt("n", Ask::Open);
}

#[test]
fn an_interrupt_does_not_wait_for_a_later_read() {
    check_interrupt("n", Ask::Read(0));
}

#[test]
fn an_interrupt_does_not_wait_for_an_opening() {
    check_interrupt("n", Ask::Look);
}

#[test]
fn an_interrupt_does_not_wait_for_a_listing() {
    check_interrupt("z", Ask::Open);
}

/// The system lets no process go that waits for an answer to what a FUSE server has taken and will not give up: not even
/// `kill -9` does. Then the program has ended when the answer comes, and leaves nothing behind either.
#[test]
fn an_interrupt_waits_where_the_system_lets_nobody_go() {
    apart(|| {
        let Some(served) = serve() else { return };
        let here = tree(&["list"]);
        let list = here.path().join("list");
        served.fault("n", Ask::Open, Fault::Hold);
        let mut command = md5all(served.dir());
        let child =
            command.arg("-o").arg(&list).arg("t").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        served.wait_held(1);
        kill_process(pid(&child), Signal::INT).unwrap();
        wait_until_ending(&child);
        served.release();
        let ended = join(child);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(130), ""));
        assert_eq!(names_in(here.path()), ["list"]);
        assert_eq!(fs::read(list).unwrap(), b"list");
    });
}

/// Returns once the first thread of a process has ended, and with it all of the process that the system let go.
fn wait_until_ending(child: &Child) {
    let deadline = Instant::now() + NEVER;
    let stat = format!("/proc/{}/stat", child.id());
    while !fs::read_to_string(&stat).unwrap().contains(") Z ") {
        assert!(Instant::now() < deadline, "it does not end");
        thread::yield_now();
    }
}
