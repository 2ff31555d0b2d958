//! Every algorithm, and every set of them, through everything that files go through: lanes, readers, reading ahead.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::num::NonZeroUsize;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::thread;

use crc_fast::CrcAlgorithm;
use errgroup::Context;
use md5all::manifest::{Format, Layout, Writer};
use md5all::{Algorithm, Algorithms, Checksum, Checksums, Devices, Finding, Mode, Options, Outcome};
use md5all::{check_lists, hash_files, hash_trees};
use sha1::Digest;
use tempfile::TempDir;

/// Where blocks and buffers begin and end; the last takes several buffers.
const LENGTHS: [usize; 9] = [0, 1, 63, 64, 65, 65_535, 65_536, 65_537, 200_000];

/// So many bytes, as BLAKE3's test vectors have them.
fn counted(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index % 251) as u8).collect()
}

/// Digests of [`counted`] bytes, computed by others: Python's hashlib, the reference implementations of BLAKE3 and xxHash,
/// and CRCs of one byte after the other. What the standards say themselves is in the tests of each algorithm.
const KNOWN: [(Algorithm, [&str; LENGTHS.len()]); 8] = [
    (
        Algorithm::Md5,
        [
            "d41d8cd98f00b204e9800998ecf8427e",
            "93b885adfe0da089cdf634904fd59f71",
            "48a6295221902e8e0938f773a7185e72",
            "b2d3f56bc197fd985d5965079b5e7148",
            "8bd7053801c768420faf816fadba971c",
            "89378be93d51bbd3a9aa65e920103692",
            "9cc60713923528a1dd94e1c1ab0ebc9e",
            "4c2641c7fe5c93d3aed7c406629ff0ab",
            "415d6e662118c229c6ad3f950c24702a",
        ],
    ),
    (
        Algorithm::Sha1,
        [
            "da39a3ee5e6b4b0d3255bfef95601890afd80709",
            "5ba93c9db0cff93f52b521d7420e43f6eda2784f",
            "6d942da0c4392b123528f2905c713a3ce28364bd",
            "c6138d514ffa2135bfce0ed0b8fac65669917ec7",
            "69bd728ad6e13cd76ff19751fde427b00e395746",
            "fcdcbc0a3c69abbb021afa4a13ec39c4ad11cdb8",
            "fefb71740a82b94a2da3bcd2fd72fc64a7fb8666",
            "74c69f8e2c886f87f68d52d16c30e9b4790513c9",
            "4fa3b414b52f18a8b007acc492540659f310282d",
        ],
    ),
    (
        Algorithm::Sha256,
        [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "29af2686fd53374a36b0846694cc342177e428d1647515f078784d69cdb9e488",
            "fdeab9acf3710362bd2658cdc9a29e8f9c757fcf9811603a8c447cd1d9151108",
            "4bfd2c8b6f1eec7a2afeb48b934ee4b2694182027e6d0fc075074f2fabb31781",
            "dda402a2c028f0cbbdbc5c6ebae965eed9c75f71236e7022b0386d3455d5ae2f",
            "4b640d85ab3ba30fd02c9fc9db4a8928f416322ad27022ea58a65aaee68a4df2",
            "237356e18b503616912abb8ffaed3a72591e397d4ac294c4637917d48a3f529d",
            "e24bc62381f1224fbbb74688663f8f9743b9680b193edd666835e97b06e730eb",
        ],
    ),
    (
        Algorithm::Sha512,
        [
            "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
            "b8244d028981d693af7b456af8efa4cad63d282e19ff14942c246e50d9351d22704a802a71c3580b6370de4ceb293c324a8423342557d4e5c38438f0e36910ee",
            "9dc9c5598e55dc42955695320839788e353f1d7f6ba74df74c80a8a52f463c0697f57f68835d1418f4ce9b6530cd79bd0f4c6f7e13c93feb1218c0b65c2c0561",
            "ee4320ebaf3fdb4f2c832b137200c08e235e0fa7bbd0eb1740c7063ba8a0d151da77e003398e1714a955d475b05e3e950b639503b452ec185de4229bc4873949",
            "02856cef735f9acec6b9e33f0fbc8f9804d2aa54187f382b8ae842e5d3696c07459aad2a5aed25ea5e117eb1c7ba35da6a7a8adce9e6afe3ad79e9fa42d5bba8",
            "4476a52b3c4eb278213cd161f186a765015ae14830a8f74e840e8f98abdfbe98eb952d7e8340cf34a8dd125188bc7a6a3cd48c6df348065cfb9878ff661b0ae6",
            "ca073ef2daf10b6e3b761d5db007b8f609c7de85419ed2319fdfd35cc4c4e1f7feb61e5618d9d574552b7e2788d674d7144ea2062b1500173528afb3352e55a4",
            "40224346b91b835ee1ed51d2c849bc6701ea8d969c8038bea206d19118ef30ec5a37d52330d38ef3c8938fc86319dc9869fc65935223753c54535abc8980bac3",
            "251276bec7ec8a9792e3c5c581f15a8c82453b37941a26617fe2fed4e757a11f8ecd7667fc391298c2792e14f19231d2efe31410b898ea43e494bf83f7092dfa",
        ],
    ),
    (
        Algorithm::Blake3,
        [
            "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
            "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213",
            "e9bc37a594daad83be9470df7f7b3798297c3d834ce80ba85d6e207627b7db7b",
            "4eed7141ea4a5cd4b788606bd23f46e212af9cacebacdc7d1f4c6dc7f2511b98",
            "de1e5fa0be70df6d2be8fffd0e99ceaa8eb6e8c93a63f2d8d1c30ecb6b263dee",
            "de7d0f4c044c56f56e0c5f7ab247be9491c4520e8688f0f0d25406f46fdfbd03",
            "68d647e619a930e7b1082f74f334b0c65a315725569bdc123f0ee11881717bfe",
            "7c99f9840a73dfcb6e5bfe4ff6d1558acab7e015640790c26411818bdbe17eca",
            "55409142cced2ec79897459f170b6d22565daf883710b4ad7aeeddaef54244b4",
        ],
    ),
    (
        Algorithm::Crc32c,
        ["00000000", "527d5351", "7a873004", "fb6d36eb", "694420fa", "c17fdde6", "0daafcde", "4537bb82", "1d030dfb"],
    ),
    (
        Algorithm::Crc64Nvme,
        [
            "0000000000000000",
            "d5da5047efec8728",
            "05e1746b5d43bc84",
            "e13ddeba8972d85c",
            "c2a59b652d8ed28b",
            "08580575bae9cd5c",
            "cbea378c7879f505",
            "c28f4c8c1b7fd9a6",
            "168c44448eab0428",
        ],
    ),
    (
        Algorithm::Xxh3,
        [
            "2d06800538d394c2",
            "c44bdff4074eecdb",
            "aaa5f0fb98a36ae8",
            "6187eb9089b0ed55",
            "6928c76ce90422d0",
            "158b4a19c83280c1",
            "aaae63800707a868",
            "70331d53d92bbc56",
            "f0543157a23a8634",
        ],
    ),
];

/// The checksum of a message that is all there, by whoever computes it best.
fn checksum(algorithm: Algorithm, message: &[u8]) -> Checksum {
    let digest = match algorithm {
        Algorithm::Md5 => md5_lanes::md5(message).to_vec(),
        Algorithm::Sha1 => sha1::Sha1::digest(message).to_vec(),
        Algorithm::Sha256 => sha2::Sha256::digest(message).to_vec(),
        Algorithm::Sha512 => sha2::Sha512::digest(message).to_vec(),
        Algorithm::Blake3 => blake3::hash(message).as_bytes().to_vec(),
        Algorithm::Crc32c => crc_fast::checksum(CrcAlgorithm::Crc32Iscsi, message).to_be_bytes()[4..].to_vec(),
        Algorithm::Crc64Nvme => crc_fast::checksum(CrcAlgorithm::Crc64Nvme, message).to_be_bytes().to_vec(),
        Algorithm::Xxh3 => twox_hash::XxHash3_64::oneshot(message).to_be_bytes().to_vec(),
        other => unreachable!("an algorithm that nobody knows of: {other:?}"),
    };
    Checksum::new(algorithm, &digest).unwrap()
}

/// All checksums of messages, to choose from.
struct Oracle(BTreeMap<PathBuf, Checksums>);

impl Oracle {
    fn expect(&self, path: &Path, algorithms: Algorithms) -> Checksums {
        self.0[path].iter().filter(|checksum| algorithms.contains(checksum.algorithm())).collect()
    }
}

/// Files of every kind, and what they have.
fn tree(largest: usize) -> (TempDir, Oracle) {
    let dir = tempfile::tempdir().unwrap();
    let mut all = BTreeMap::new();
    let mut enter = |name: &str, message: &[u8]| {
        let checksums = Algorithm::ALL.map(|algorithm| checksum(algorithm, message));
        all.insert(dir.path().join(name), checksums.into_iter().collect());
    };
    fs::create_dir(dir.path().join("sub")).unwrap();
    for (name, length) in [("empty", 0), ("one", 1), ("sub/a buffer", 65_536), ("several", 200_000), ("large", largest)]
    {
        let message = counted(length);
        fs::write(dir.path().join(name), &message).unwrap();
        enter(name, &message);
    }
    for (name, other) in [("again", "several"), ("sub/again", "several"), ("sub/large", "large"), ("sub/none", "empty")]
    {
        fs::hard_link(dir.path().join(other), dir.path().join(name)).unwrap();
        enter(name, &fs::read(dir.path().join(other)).unwrap());
    }
    let fifo = dir.path().join("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
    symlink("nowhere", dir.path().join("broken")).unwrap();
    (dir, Oracle(all))
}

/// What all files have by these, of a tree in which nothing fails.
fn hashed(options: Options) -> BTreeMap<PathBuf, Checksums> {
    let mut found = BTreeMap::new();
    for record in hash_trees(&Context::background(), options) {
        let record = record.unwrap();
        match record.outcome() {
            Outcome::Hashed(hashed) => assert!(found.insert(record.path(), hashed.checksums().clone()).is_none()),
            Outcome::Skipped(_) => {}
            other => panic!("{:?}: {other:?}", record.path()),
        }
    }
    found
}

fn check(options: Options, oracle: &Oracle) {
    let algorithms = options.algorithms;
    let found = hashed(options);
    assert!(found.keys().eq(oracle.0.keys()), "{algorithms:?}");
    for (path, checksums) in found {
        assert_eq!(checksums, oracle.expect(&path, algorithms), "{algorithms:?} of {path:?}");
    }
}

fn subsets() -> impl Iterator<Item = Algorithms> {
    (0..1 << Algorithm::ALL.len()).map(|bits: u32| {
        let is_in =
            |algorithm: &Algorithm| bits & (1 << Algorithm::ALL.iter().position(|one| one == algorithm).unwrap()) != 0;
        Algorithm::ALL.into_iter().filter(is_in).collect()
    })
}

fn jobs(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

#[test]
fn every_algorithm_gives_what_others_compute_at_the_edges_of_blocks_and_buffers() {
    let dir = tempfile::tempdir().unwrap();
    for length in LENGTHS {
        fs::write(dir.path().join(length.to_string()), counted(length)).unwrap();
    }
    for algorithms in Algorithm::ALL.map(Algorithms::from).into_iter().chain([Algorithms::ALL]) {
        let found = hashed(Options::new([dir.path()]).algorithms(algorithms));
        assert_eq!(found.len(), LENGTHS.len());
        for (algorithm, digests) in KNOWN.into_iter().filter(|(algorithm, _)| algorithms.contains(*algorithm)) {
            for (length, digest) in LENGTHS.into_iter().zip(digests) {
                let checksums = &found[&dir.path().join(length.to_string())];
                assert_eq!(checksums.algorithms(), algorithms);
                assert_eq!(checksums.get(algorithm).unwrap().hex(), digest, "{algorithm:?} of {length} bytes");
            }
        }
    }
}

/// The empty set among them: then files are read, and nothing is computed.
#[test]
fn every_set_of_algorithms_is_computed_in_one_read() {
    let (dir, oracle) = tree(300_000);
    assert_eq!(subsets().count(), 256);
    for algorithms in subsets() {
        let unordered = algorithms.len() % 2 == 1;
        check(Options::new([dir.path()]).algorithms(algorithms).unordered(unordered).jobs(jobs(2)), &oracle);
    }
}

#[test]
fn large_files_are_read_ahead_of_whatever_is_computed() {
    let (dir, oracle) = tree((8 << 20) + 77);
    let both = [Algorithm::Md5, Algorithm::Sha256].into_iter().collect();
    for algorithms in [Algorithms::default(), Algorithm::Sha256.into(), both, Algorithms::ALL] {
        for count in [1, 2, 3] {
            check(Options::new([dir.path()]).algorithms(algorithms).jobs(jobs(count)), &oracle);
        }
    }
}

/// Whatever lies far away is not even looked at by those who hash.
#[test]
fn what_readers_have_read_is_hashed_by_all() {
    let (dir, oracle) = tree(1 << 20);
    for algorithms in Algorithm::ALL.map(Algorithms::from).into_iter().chain([Algorithms::ALL]) {
        for mode in [Mode::Net, Mode::Hdd] {
            let devices = Devices::new(Some(mode), None);
            check(Options::new([dir.path()]).algorithms(algorithms).devices(devices), &oracle);
        }
    }
}

/// Named, a FIFO is read to its end: what comes through it has no size, and needs an empty hand.
#[test]
fn what_comes_through_a_fifo_is_hashed_by_all() {
    let (dir, oracle) = tree(1);
    let message = counted(300_000);
    for algorithms in subsets().filter(|set| set.len() < 3).chain([Algorithms::ALL]) {
        let fifo = dir.path().join("fifo");
        let names = [dir.path().join("several"), fifo.clone(), dir.path().join("large")];
        let written = message.clone();
        let writer = thread::spawn(move || File::options().write(true).open(fifo).unwrap().write_all(&written));
        let records = hash_files(&Context::background(), Options::new(&names).algorithms(algorithms));
        let found: Vec<Checksums> = records
            .map(|record| match record.unwrap().outcome() {
                Outcome::Hashed(hashed) => hashed.checksums().clone(),
                other => panic!("{other:?}"),
            })
            .collect();
        writer.join().unwrap().unwrap();
        let of_fifo = algorithms.iter().map(|algorithm| checksum(algorithm, &message)).collect();
        let expected = [oracle.expect(&names[0], algorithms), of_fifo, oracle.expect(&names[2], algorithms)];
        assert_eq!(found, expected, "{algorithms:?}");
    }
}

/// A list of every file by every algorithm, in an order in which each name of a file with several is asked for something
/// else; and every line again, with a digest that is wrong.
#[test]
fn each_line_of_a_list_is_verified_by_its_own_algorithm_and_a_wrong_digit_shows() {
    let (_dir, oracle) = tree(5 << 20);
    let lists = tempfile::tempdir().unwrap();
    for (name, is_right) in [("right", true), ("wrong", false)] {
        let mut list = Writer::new(Vec::new(), Layout::from(Format::Bsd));
        for shift in 0..Algorithm::ALL.len() {
            for (index, (path, checksums)) in oracle.0.iter().enumerate() {
                let algorithm = Algorithm::ALL[(index + shift) % Algorithm::ALL.len()];
                let mut digest = checksums.get(algorithm).unwrap().as_bytes().to_vec();
                let last = digest.len() - 1;
                digest[last] ^= u8::from(!is_right);
                let said = md5all::Hashed::new(Checksum::new(algorithm, &digest).unwrap());
                list.write(path.as_os_str().as_encoded_bytes(), &said).unwrap();
            }
        }
        let path = lists.path().join(name);
        fs::write(&path, list.finish().unwrap()).unwrap();
        for count in [1, 2] {
            let options = Options::new([&path]).jobs(jobs(count));
            let mut lines = 0;
            for verdict in check_lists(&Context::background(), Format::Gnu, options) {
                let verdict = verdict.unwrap();
                match (verdict.finding(), is_right) {
                    (Finding::Same, true) | (Finding::Different(_), false) => lines += 1,
                    (Finding::End, _) => {}
                    (other, _) => panic!("line {}: {other:?}", verdict.line()),
                }
            }
            assert_eq!(lines, oracle.0.len() * Algorithm::ALL.len());
        }
    }
}

/// As GNU's tools have it: lines of another algorithm are malformed, tagged or not, and nothing is read for them.
#[test]
fn lists_may_be_held_to_one_algorithm() {
    let dir = tempfile::tempdir().unwrap();
    let (file, list) = (dir.path().join("file"), dir.path().join("list"));
    fs::write(&file, "abc").unwrap();
    let mut text = Vec::new();
    for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
        let (hex, name) = (checksum(algorithm, b"abc").hex(), file.display());
        text.extend_from_slice(format!("{hex}  {name}\n{} ({name}) = {hex}\n", algorithm.tag()).as_bytes());
    }
    fs::write(&list, text).unwrap();
    for (only, expected) in [
        (None, [true; 4]),
        (Some(Algorithm::Md5), [true, true, false, false]),
        (Some(Algorithm::Sha256), [false, false, true, true]),
        (Some(Algorithm::Blake3), [false; 4]),
    ] {
        let verdicts = check_lists(&Context::background(), Format::Gnu, Options::new([&list]).only(only));
        let found: Vec<bool> = verdicts
            .filter_map(|verdict| match verdict.unwrap().finding() {
                Finding::Same => Some(true),
                Finding::Malformed => Some(false),
                Finding::End => None,
                other => panic!("{only:?}: {other:?}"),
            })
            .collect();
        assert_eq!(found, expected, "{only:?}");
    }
}
