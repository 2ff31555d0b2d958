//! md5-lanes beside RustCrypto, OpenSSL and md5-many: the same messages, on one core, in turns.
//!
//! Every workload runs all contenders once a round, so that whatever else the machine does hits them alike; the table
//! has the best and the median of the rounds, and ratios of our best to theirs. A round checks that all agree.

use std::hint::black_box;
use std::time::Duration;

use md5::Digest as _;

type Digests = [[u8; 16]];

/// A way to hash all messages.
struct Contender {
    name: &'static str,
    hash: fn(&[&[u8]], &mut Digests),
}

const CONTENDERS: &[Contender] = &[
    Contender { name: "md5-lanes", hash: ours },
    Contender { name: "md5-many", hash: md5_many },
    Contender { name: "RustCrypto", hash: rust_crypto },
    Contender { name: "OpenSSL", hash: openssl },
];

fn ours(messages: &[&[u8]], digests: &mut Digests) {
    match messages {
        [one] => digests[0] = md5_lanes::md5(one),
        _ => md5_lanes::md5_many(messages, digests),
    }
}

fn md5_many(messages: &[&[u8]], digests: &mut Digests) {
    match messages {
        [one] => digests[0] = md5_many::md5(one),
        _ => md5_many::md5_many(messages, digests),
    }
}

fn rust_crypto(messages: &[&[u8]], digests: &mut Digests) {
    for (message, digest) in messages.iter().zip(digests) {
        *digest = md5::Md5::digest(message).into();
    }
}

fn openssl(messages: &[&[u8]], digests: &mut Digests) {
    for (message, digest) in messages.iter().zip(digests) {
        let hashed = openssl::hash::hash(openssl::hash::MessageDigest::md5(), message);
        digest.copy_from_slice(&hashed.expect("OpenSSL hashes"));
    }
}

/// Messages of given lengths, hashed `repeat` times a round.
struct Workload {
    name: &'static str,
    lengths: Vec<usize>,
    /// How many bytes they are cut from, at most.
    memory: usize,
    repeat: usize,
}

/// Messages that lie in buffers which a program fills again and again, and so in its core's own cache.
const BUFFERS: usize = 256 << 10;

fn workloads() -> Vec<Workload> {
    vec![
        equal("1 x 64 KiB", 1, 65536),
        equal("2 x 64 KiB", 2, 65536),
        equal("8 x 64 KiB", 8, 65536),
        equal("16 x 64 KiB", 16, 65536),
        equal("24 x 64 KiB", 24, 65536),
        equal("32 x 64 KiB", 32, 65536),
        equal("16 x 4 KiB", 16, 4096),
        equal("24 x 4 KiB", 24, 4096),
        equal("1000 x 55 B", 1000, 55),
        uneven("10,000 x 0-64 KiB", 0, 65536, usize::MAX),
        uneven("the same, in 256 KiB", 0, 65536, BUFFERS),
        uneven("10,000 x 0.2-8 KB", 200, 8000, usize::MAX),
        uneven("the same, in 256 KiB", 200, 8000, BUFFERS),
    ]
}

fn equal(name: &'static str, count: usize, length: usize) -> Workload {
    let repeat = (4 << 20) / (count * length) + 1;
    Workload { name, lengths: vec![length; count], memory: usize::MAX, repeat }
}

fn uneven(name: &'static str, from: usize, to: usize, memory: usize) -> Workload {
    Workload { name, lengths: mixed(10_000, from, to), memory, repeat: 1 }
}

/// Lengths drawn evenly from a range, the same ones each time.
fn mixed(count: usize, from: usize, to: usize) -> Vec<usize> {
    let mut random = Random(0x1321);
    (0..count).map(|_| from + random.next() as usize % (to - from + 1)).collect()
}

/// xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators", 2016.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33
    }
}

/// Cuts messages from `bytes`, one behind the other and from the start again where they end. Each lies a line further
/// than its length, as buffers of a program that cares would.
fn cut<'a>(lengths: &[usize], bytes: &'a [u8]) -> Vec<&'a [u8]> {
    let mut from = 0;
    let mut messages = Vec::with_capacity(lengths.len());
    for &length in lengths {
        if from + length > bytes.len() {
            from = 0;
        }
        messages.push(&bytes[from..from + length]);
        from += (length + GAP).next_multiple_of(64);
    }
    messages
}

const GAP: usize = 64;

fn random_bytes(workload: &Workload) -> Vec<u8> {
    let lengths = workload.lengths.iter();
    let apart: usize = lengths.map(|length| (length + GAP).next_multiple_of(64)).sum();
    let mut random = Random(0x4d44_3500);
    let words = apart.min(workload.memory).div_ceil(4);
    (0..words).flat_map(|_| (random.next() as u32).to_le_bytes()).collect()
}

/// Times of every contender, in the order of [`CONTENDERS`].
fn measure(workload: &Workload, rounds: usize) -> Vec<Vec<Duration>> {
    let bytes = random_bytes(workload);
    let messages = cut(&workload.lengths, &bytes);
    let mut times = vec![Vec::new(); CONTENDERS.len()];
    for _ in 0..rounds {
        let mut agreed: Option<Vec<[u8; 16]>> = None;
        for (contender, times) in CONTENDERS.iter().zip(&mut times) {
            let mut digests = vec![[0; 16]; messages.len()];
            let start = processor_time();
            for _ in 0..workload.repeat {
                (contender.hash)(black_box(&messages), black_box(&mut digests));
            }
            times.push(processor_time() - start);
            let first = agreed.get_or_insert_with(|| digests.clone());
            assert_eq!(*first, digests, "{} on {}", contender.name, workload.name);
        }
    }
    times
}

/// What this thread has used of a core, so that a busy machine does not count.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn print_row(workload: &Workload, mut times: Vec<Vec<Duration>>) {
    let bytes = (workload.lengths.iter().sum::<usize>() * workload.repeat) as f64;
    times.iter_mut().for_each(|times| times.sort());
    let speed = |time: Duration| bytes / time.as_secs_f64() / 1e9;
    let best: Vec<f64> = times.iter().map(|times| speed(times[0])).collect();
    let median: Vec<f64> = times.iter().map(|times| speed(times[times.len() / 2])).collect();
    print!("| {:<23} |", workload.name);
    for (best, median) in best.iter().zip(&median) {
        print!(" {best:5.2} / {median:5.2} |");
    }
    for (peer_best, peer_median) in best.iter().zip(&median).skip(1) {
        print!(" {:5.2} / {:5.2} |", best[0] / peer_best, median[0] / peer_median);
    }
    println!();
}

fn print_head() {
    print!("| GB/s, best / median     |");
    CONTENDERS.iter().for_each(|contender| print!(" {:<13} |", contender.name));
    CONTENDERS[1..].iter().for_each(|contender| print!(" x {:<11} |", contender.name));
    println!("\n|---{}", "|---".repeat(2 * CONTENDERS.len() - 1) + "|");
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let rounds = arguments.next().map_or(11, |rounds| rounds.parse().expect("a number of rounds"));
    let words: Vec<String> = arguments.collect();
    print_head();
    for workload in workloads() {
        if words.is_empty() || words.iter().any(|word| workload.name.contains(word.as_str())) {
            print_row(&workload, measure(&workload, rounds));
        }
    }
}
