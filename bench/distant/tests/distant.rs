//! The mirror shows what is there, takes its time for each request, and not more for many at once.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use bench_distant::Distant;
use tempfile::TempDir;

const DELAY: Duration = Duration::from_millis(50);
const THREADS: usize = 64;

/// A tree of a directory for each thread, with a file in each, and its mount.
struct Scene {
    distant: Option<Distant>,
    source: TempDir,
    point: TempDir,
}

impl Scene {
    /// `None`, and said so, where nobody may mount.
    fn new() -> Option<Scene> {
        let (source, point) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        for number in 0..=THREADS {
            let directory = source.path().join(format!("d{number}"));
            fs::create_dir(&directory).unwrap();
            fs::write(directory.join("file"), content(number)).unwrap();
        }
        match Distant::mount(source.path(), point.path(), DELAY) {
            Ok(distant) => Some(Scene { distant: Some(distant), source, point }),
            Err(error) if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::NotFound) => {
                eprintln!("SKIPPED: no FUSE file system can be mounted here: {error}");
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn directory(&self, number: usize) -> PathBuf {
        self.point.path().join(format!("d{number}"))
    }

    fn unmount(mut self) -> io::Result<()> {
        self.distant.take().unwrap().unmount()
    }
}

/// Larger than one read of the kernel, and of no round size.
fn content(number: usize) -> Vec<u8> {
    (0..300_001 + number).map(|at| (at * 31 + number) as u8).collect()
}

fn timed(action: impl FnOnce()) -> Duration {
    let start = Instant::now();
    action();
    start.elapsed()
}

fn read_all(file: &mut File) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn what_is_there_is_shown() {
    let Some(scene) = Scene::new() else { return };
    std::os::unix::fs::symlink("d0/file", scene.source.path().join("link")).unwrap();
    let mut names: Vec<_> = fs::read_dir(scene.point.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    let mut wanted: Vec<_> =
        fs::read_dir(scene.source.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    wanted.sort();
    assert_eq!(names, wanted);
    assert_eq!(fs::read(scene.directory(7).join("file")).unwrap(), content(7));
    assert_eq!(fs::read_link(scene.point.path().join("link")).unwrap(), Path::new("d0/file"));
    assert_eq!(fs::read(scene.point.path().join("link")).unwrap(), content(0));
    let (far, near) = (scene.directory(7).join("file"), scene.source.path().join("d7/file"));
    assert_eq!(fs::metadata(far).unwrap().modified().unwrap(), fs::metadata(near).unwrap().modified().unwrap());
    assert_eq!(fs::metadata(scene.directory(999)).unwrap_err().kind(), ErrorKind::NotFound);
    let refused = File::create(scene.directory(7).join("new")).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ReadOnlyFilesystem);
    scene.unmount().unwrap();
}

/// One after another would take 64 times as long as one.
const LONGER: u32 = 4;

/// On a busy machine 64 threads may be late themselves, so one good try of a few is proof.
const TRIES: usize = 5;

#[test]
fn many_requests_at_once_take_as_long_as_one() {
    for (what, ask) in [
        ("list", list as fn(&Path)),
        ("open", |directory| drop(File::open(directory.join("file")).unwrap())),
        ("read", |directory| assert_eq!(read_all(&mut File::open(directory.join("file")).unwrap()).len() / 100_000, 3)),
    ] {
        let mut tried = Vec::new();
        let is_parallel = (0..TRIES).any(|_| {
            let Some(scene) = Scene::new() else { return true };
            let alone = timed(|| ask(&scene.directory(THREADS)));
            let together = all_at_once(|number| ask(&scene.directory(number)));
            scene.unmount().unwrap();
            assert!(alone >= DELAY && together >= DELAY, "{what}: {alone:?} alone, {together:?} for {THREADS}");
            tried.push((alone, together));
            together < alone * LONGER
        });
        assert!(is_parallel, "{what}: alone, and {THREADS} together: {tried:?}");
    }
}

fn list(directory: &Path) {
    assert_eq!(fs::read_dir(directory).unwrap().count(), 1);
}

/// How long it takes from when all threads are there until the last is done.
fn all_at_once(action: impl Fn(usize) + Sync) -> Duration {
    let ready = Barrier::new(THREADS + 1);
    let mut start = None;
    thread::scope(|scope| {
        for number in 0..THREADS {
            let (ready, action) = (&ready, &action);
            scope.spawn(move || {
                ready.wait();
                action(number);
            });
        }
        ready.wait();
        start = Some(Instant::now());
    });
    start.unwrap().elapsed()
}

#[test]
fn what_is_dropped_is_unmounted() {
    let Some(scene) = Scene::new() else { return };
    let Scene { distant, point, .. } = scene;
    assert_eq!(fs::read_dir(point.path()).unwrap().count(), THREADS + 1);
    drop(distant);
    assert_eq!(fs::read_dir(point.path()).unwrap().count(), 0);
}
