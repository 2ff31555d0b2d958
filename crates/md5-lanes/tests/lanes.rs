//! Every kernel of this machine, forced one by one, against RustCrypto's MD5.

use md5::Digest as _;
use md5_lanes::{Digest, Job, Kernel, Lanes, Md5, Turn, md5_many};
use proptest::prelude::*;

/// The slow and obvious one.
fn oracle(message: &[u8]) -> Digest {
    md5::Md5::digest(message).into()
}

/// A message and how it arrives.
#[derive(Clone, Debug)]
struct Plan {
    message: Vec<u8>,
    /// Lengths of the parts, used in turn; zeros are parts without bytes.
    parts: Vec<usize>,
    /// Whether the end is only known after the last byte, so that an empty last part follows.
    late_end: bool,
}

impl Plan {
    fn whole(length: usize) -> Self {
        let message = (0..length).map(|i| (i * 7 + length) as u8).collect();
        Self { message, parts: vec![], late_end: false }
    }
}

/// A message on its way through the lanes.
struct Stream<'a> {
    index: usize,
    plan: &'a Plan,
    from: usize,
    to: usize,
    parts: usize,
}

impl AsRef<[u8]> for Stream<'_> {
    fn as_ref(&self) -> &[u8] {
        &self.plan.message[self.from..self.to]
    }
}

impl<'a> Stream<'a> {
    fn first((index, plan): (usize, &'a Plan)) -> Job<Self> {
        Self { index, plan, from: 0, to: 0, parts: 0 }.next(Md5::new())
    }

    /// The job for the part after this one.
    fn next(mut self, md5: Md5) -> Job<Self> {
        let rest = self.plan.message.len() - self.to;
        let part = match self.plan.parts.as_slice() {
            [] => rest,
            // Parts without bytes must not go on for ever.
            _ if self.parts > 200 => rest,
            parts => parts[self.parts % parts.len()].min(rest),
        };
        let at_end = rest == 0 || (part == rest && !self.plan.late_end);
        self = Self { from: self.to, to: self.to + part, parts: self.parts + 1, ..self };
        if at_end { Job::last(md5, self) } else { Job::part(md5, self) }
    }
}

/// Hashes all plans with `kernel`; lanes that ask for a new message get none where `pauses`, used in turn, says so.
fn hash(kernel: Kernel, plans: &[Plan], pauses: &[bool]) -> Vec<Digest> {
    let mut lanes: Lanes<Stream<'_>> = Lanes::with_kernel(kernel);
    let mut digests = vec![None; plans.len()];
    let mut waiting = plans.iter().enumerate();
    let mut pauses = pauses.iter().cycle();
    while waiting.len() > 0 {
        let mut started = false;
        lanes.run(|turn| {
            match turn {
                Turn::Part(md5, stream) => return Some(stream.next(md5)),
                Turn::Digest(digest, stream) => assert_eq!(digests[stream.index].replace(digest), None),
                Turn::Idle => {}
            }
            // The first of a run is never held back, or this would not end.
            if started && pauses.next() == Some(&true) {
                return None;
            }
            started = true;
            waiting.next().map(Stream::first)
        });
    }
    digests.into_iter().map(|digest| digest.expect("a digest for each")).collect()
}

fn check(plans: &[Plan], pauses: &[bool]) {
    let expected: Vec<Digest> = plans.iter().map(|plan| oracle(&plan.message)).collect();
    for kernel in Kernel::available() {
        assert_eq!(hash(kernel, plans, pauses), expected, "{}", kernel.name());
    }
}

const BOUNDARIES: [usize; 12] = [0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 128, 129];

#[test]
fn every_boundary_length_at_every_count_around_the_lanes() {
    for kernel in Kernel::available() {
        let lanes = kernel.lanes();
        for count in [1, 2, lanes / 3, 2 * lanes / 3, lanes, 2 * lanes] {
            for count in [count.saturating_sub(1), count, count + 1] {
                for length in BOUNDARIES {
                    let plans = vec![Plan::whole(length); count];
                    let expected = vec![oracle(&plans.first().map_or(vec![], |plan| plan.message.clone())); count];
                    assert_eq!(hash(kernel, &plans, &[]), expected, "{}: {count} of {length}", kernel.name());
                }
            }
        }
    }
}

#[test]
fn boundary_lengths_mixed() {
    let plans: Vec<Plan> = BOUNDARIES.iter().cycle().take(200).map(|&length| Plan::whole(length)).collect();
    check(&plans, &[]);
}

#[test]
fn every_boundary_length_in_parts_of_every_boundary_length() {
    for length in BOUNDARIES {
        for part in BOUNDARIES {
            for late_end in [false, true] {
                let plan = Plan { parts: vec![part], late_end, ..Plan::whole(length) };
                check(&vec![plan; 5], &[]);
            }
        }
    }
}

#[test]
fn two_messages_of_every_two_boundary_lengths() {
    for one in BOUNDARIES {
        for other in BOUNDARIES {
            for parts in [vec![], vec![64], vec![1, 100]] {
                let plans = [one, other].map(|length| Plan { parts: parts.clone(), ..Plan::whole(length) });
                check(&plans, &[]);
            }
        }
    }
}

#[test]
fn two_long_messages_that_start_and_end_apart() {
    let long = |length, part| Plan { parts: vec![part], ..Plan::whole(length) };
    check(&[long(100_000, 1000), long(70_001, 1 << 16), long(33, 7)], &[]);
}

#[test]
fn one_long_message_among_short_ones() {
    let mut plans: Vec<Plan> = (0..100).map(Plan::whole).collect();
    plans.insert(50, Plan::whole(100_000));
    check(&plans, &[]);
}

#[test]
fn a_message_moves_to_another_kernel() {
    let message: Vec<u8> = (0..1000).map(|i| i as u8).collect();
    for from in Kernel::available() {
        for to in Kernel::available() {
            let mut moved = None;
            let mut job = Some(Job::part(Md5::new(), &message[..333]));
            Lanes::with_kernel(from).run(|turn| {
                if let Turn::Part(md5, _) = turn {
                    moved = Some(md5);
                }
                job.take()
            });
            let mut digest = None;
            Lanes::with_kernel(to).run(|turn| {
                if let Turn::Digest(done, _) = turn {
                    digest = Some(done);
                }
                moved.take().map(|md5| Job::last(md5, &message[333..]))
            });
            assert_eq!(digest, Some(oracle(&message)), "{} to {}", from.name(), to.name());
        }
    }
}

#[test]
fn lanes_can_be_used_after_a_panic() {
    let mut lanes = Lanes::new();
    let mut calls = 0;
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        lanes.run(|_| {
            calls += 1;
            assert!(calls < 40, "enough");
            Some(Job::whole(vec![1; 100 * calls]))
        });
    }));
    assert!(panicked.is_err());
    let mut digests = vec![];
    let mut message = Some(vec![2; 70]);
    lanes.run(|turn| {
        if let Turn::Digest(digest, _) = turn {
            digests.push(digest);
        }
        message.take().map(Job::whole)
    });
    assert_eq!(digests, [oracle(&[2; 70])]);
}

#[test]
fn the_best_kernel_is_the_first_that_is_available() {
    assert_eq!(Kernel::best().name(), Kernel::available()[0].name());
    assert_eq!(Kernel::available().last().map(|kernel| kernel.name()), Some("portable"));
}

#[test]
#[should_panic(expected = "a digest for each message")]
fn digests_must_be_as_many_as_messages() {
    md5_many(&["a", "b"], &mut [[0; 16]]);
}

fn plan() -> impl Strategy<Value = Plan> {
    let length = prop_oneof![4 => 0..300_usize, 1 => 0..5000_usize];
    let parts = prop::collection::vec(0..200_usize, 0..5);
    (length, parts, any::<bool>(), any::<u8>()).prop_map(|(length, parts, late_end, salt)| {
        let message = (0..length).map(|i| (i as u8).wrapping_mul(31) ^ salt).collect();
        Plan { message, parts, late_end }
    })
}

proptest! {
    #[test]
    fn any_lengths_parts_and_arrivals(
        plans in prop::collection::vec(plan(), 0..80),
        pauses in prop::collection::vec(any::<bool>(), 0..6),
    ) {
        check(&plans, &pauses);
    }

    #[test]
    fn few_messages_in_any_parts(plans in prop::collection::vec(plan(), 1..5)) {
        check(&plans, &[]);
    }

    #[test]
    fn one_stream_in_any_parts(plan in plan()) {
        let mut md5 = Md5::new();
        let mut rest = plan.message.as_slice();
        for &part in &plan.parts {
            let (head, tail) = rest.split_at(part.min(rest.len()));
            md5.update(head);
            rest = tail;
        }
        md5.update(rest);
        prop_assert_eq!(md5.finalize(), oracle(&plan.message));
    }

    #[test]
    fn md5_many_gives_each_its_own(messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..60)) {
        let mut digests = vec![[0; 16]; messages.len()];
        md5_many(&messages, &mut digests);
        let expected: Vec<Digest> = messages.iter().map(|message| oracle(message)).collect();
        prop_assert_eq!(digests, expected);
    }
}
