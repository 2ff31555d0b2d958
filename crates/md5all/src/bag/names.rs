//! Names in a bag's manifests: percent-encoded, never leading out of the bag.

use std::borrow::Cow;

use crate::bag::BagVersion;
use crate::manifest::bagit;

/// What stands in front of all payload.
pub(super) const PAYLOAD: &[u8] = b"data/";

/// A name as it stands in a manifest: CR and LF encoded, and the percent sign where there is an RFC that says so.
pub(super) fn encode(name: &[u8], version: BagVersion) -> Cow<'_, [u8]> {
    let is_encoded = |byte: u8| matches!(byte, b'\r' | b'\n') || (byte == b'%' && version >= BagVersion::V1_0);
    if !name.iter().copied().any(is_encoded) {
        return Cow::Borrowed(name);
    }
    let mut encoded = Vec::with_capacity(name.len() + 8);
    for &byte in name {
        match byte {
            b'\n' => encoded.extend_from_slice(b"%0A"),
            b'\r' => encoded.extend_from_slice(b"%0D"),
            b'%' if is_encoded(byte) => encoded.extend_from_slice(b"%25"),
            other => encoded.push(other),
        }
    }
    Cow::Owned(encoded)
}

/// Whether a name can be told from all others: before there was an RFC, one that looks encoded, and is not, could not.
pub(super) fn can_be_told(name: &[u8], version: BagVersion) -> bool {
    *decode(&encode(name, version)) == *name
}

/// The name that was encoded: these three bytes and no others.
pub(super) fn decode(name: &[u8]) -> Cow<'_, [u8]> {
    if !name.contains(&b'%') {
        return Cow::Borrowed(name);
    }
    let mut decoded = Vec::with_capacity(name.len());
    if bagit::decode(&mut decoded, name) { Cow::Owned(decoded) } else { Cow::Borrowed(name) }
}

/// Whether a name cannot lead out of the bag: relative, without `..`, and not anybody's home.
pub(super) fn is_safe(name: &[u8]) -> bool {
    let is_plain = !name.is_empty() && !name.contains(&0) && !name.starts_with(b"/") && !name.starts_with(b"~");
    is_plain && name.split(|&byte| byte == b'/').all(|part| part != b"..")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn three_bytes_are_encoded_and_no_others() {
        for byte in 1..=255 {
            let encoded = encode(&[byte], BagVersion::V1_0).len();
            assert_eq!(encoded, if matches!(byte, b'\r' | b'\n' | b'%') { 3 } else { 1 }, "{byte}");
        }
        assert_eq!(*encode(b"100%\n", BagVersion::V0_97), *b"100%%0A");
        assert!(can_be_told(b"100%\n", BagVersion::V0_97) && can_be_told(b"%0A\n", BagVersion::V1_0));
        assert!(!can_be_told(b"%0A\n", BagVersion::V0_97));
    }

    #[test]
    fn only_these_three_are_decoded() {
        for (encoded, decoded) in [
            (&b"%0A%0a%0D%0d%25"[..], &b"\n\n\r\r%"[..]),
            (b"%250A", b"%0A"),
            (b"%20%41%%", b"%20%41%%"),
            (b"%0", b"%0"),
        ] {
            assert_eq!(*decode(encoded), *decoded);
        }
    }

    #[test]
    fn names_that_may_lead_out_of_a_bag_are_not_safe() {
        for name in ["", "/etc/passwd", "..", "../x", "data/../../x", "data/..", "~/x", "~root/x", "data/\0"] {
            assert!(!is_safe(name.as_bytes()), "{name:?}");
        }
        for name in ["data/a", "data/...", "data/..a", "data/~", "data/a b"] {
            assert!(is_safe(name.as_bytes()), "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded_again(name in prop::collection::vec(prop_oneof![Just(b'%'), Just(b'2'), Just(b'5'), any::<u8>()], 0..20)) {
            let encoded = encode(&name, BagVersion::V1_0).into_owned();
            prop_assert!(!encoded.iter().any(|byte| matches!(byte, b'\r' | b'\n')));
            let decoded = decode(&encoded).into_owned();
            prop_assert_eq!(decoded, name);
        }
    }
}
