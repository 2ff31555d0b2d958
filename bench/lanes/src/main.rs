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
    repeat: usize,
}

fn workloads() -> Vec<Workload> {
    let equal = |name, count, length: usize| Workload {
        name,
        lengths: vec![length; count],
        repeat: (4 << 20) / (count * length) + 1,
    };
    vec![
        equal("1 x 64 KiB", 1, 65536),
        equal("8 x 64 KiB", 8, 65536),
        equal("16 x 64 KiB", 16, 65536),
        equal("24 x 64 KiB", 24, 65536),
        equal("32 x 64 KiB", 32, 65536),
        equal("8 x 2 KiB", 8, 2048),
        equal("16 x 2 KiB", 16, 2048),
        equal("24 x 2 KiB", 24, 2048),
        equal("1000 x 55 B", 1000, 55),
        Workload { name: "10,000 x 0-64 KiB mixed", lengths: mixed(10_000, 0, 65536), repeat: 1 },
        Workload { name: "10,000 x 0.2-8 KB mixed", lengths: mixed(10_000, 200, 8000), repeat: 1 },
    ]
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

/// Messages lie apart by a line more than their length, as buffers of a program that cares would.
fn cut<'a>(lengths: &[usize], bytes: &'a [u8]) -> Vec<&'a [u8]> {
    let mut rest = bytes;
    let mut messages = Vec::with_capacity(lengths.len());
    for &length in lengths {
        messages.push(&rest[..length]);
        rest = &rest[(length + GAP).next_multiple_of(64)..];
    }
    messages
}

const GAP: usize = 64;

fn random_bytes(lengths: &[usize]) -> Vec<u8> {
    let total: usize = lengths.iter().map(|length| (length + GAP).next_multiple_of(64)).sum();
    let mut random = Random(0x4d44_3500);
    (0..total.div_ceil(4)).flat_map(|_| (random.next() as u32).to_le_bytes()).collect()
}

/// Times of every contender, in the order of [`CONTENDERS`].
fn measure(workload: &Workload, rounds: usize) -> Vec<Vec<Duration>> {
    let bytes = random_bytes(&workload.lengths);
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
