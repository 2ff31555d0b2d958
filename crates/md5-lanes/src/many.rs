//! Many messages that are all there.

use crate::lanes::{Job, Lanes, Turn};
use crate::stream::Digest;

/// The MD5 of each of many messages, as many at a time as this machine has lanes.
///
/// Messages may differ in length; where few are left at the end, a long one goes on with the lanes it has, so it does no
/// harm to have the longest first.
///
/// # Panics
///
/// Where there are not as many digests as messages.
///
/// # Examples
///
/// ```
/// let messages = ["a", "abc", "message digest"];
/// let mut digests = [[0; 16]; 3];
/// md5_lanes::md5_many(&messages, &mut digests);
/// assert_eq!(digests[1], md5_lanes::md5(b"abc"));
/// ```
pub fn md5_many<M: AsRef<[u8]>>(messages: &[M], digests: &mut [Digest]) {
    many_with(Lanes::new(), messages, digests);
}

/// The same with given lanes.
pub(crate) fn many_with<'a, M: AsRef<[u8]>>(mut lanes: Lanes<Numbered<'a>>, messages: &'a [M], digests: &mut [Digest]) {
    assert_eq!(messages.len(), digests.len(), "a digest for each message");
    let mut waiting = messages.iter().enumerate();
    lanes.run(|turn| {
        if let Turn::Digest(digest, message) = turn {
            digests[message.index] = digest;
        }
        let (index, message) = waiting.next()?;
        let bytes = message.as_ref();
        Some(Job::whole(Numbered { index, bytes }))
    });
}

/// A message and where its digest goes.
pub(crate) struct Numbered<'a> {
    index: usize,
    bytes: &'a [u8],
}

impl AsRef<[u8]> for Numbered<'_> {
    fn as_ref(&self) -> &[u8] {
        self.bytes
    }
}
