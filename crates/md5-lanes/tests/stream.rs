//! `md5` and `Md5` against RFC 1321's own vectors and against RustCrypto.

use md5::Digest as _;
use md5_lanes::{Md5, md5 as ours};

fn hex(digest: [u8; 16]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn rfc_1321_vectors() {
    for (message, digest) in [
        ("", "d41d8cd98f00b204e9800998ecf8427e"),
        ("a", "0cc175b9c0f1b6a831c399e269772661"),
        ("abc", "900150983cd24fb0d6963f7d28e17f72"),
        ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
        ("abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"),
        ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "d174ab98d277d9f5a5611c2c9f419d9f"),
        (
            "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
            "57edf4a22be3c955ac49da2e2107b67a",
        ),
    ] {
        assert_eq!(hex(ours(message.as_bytes())), digest, "{message:?}");
    }
}

#[test]
fn every_split_of_every_boundary_length() {
    for length in [0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 128, 129] {
        let message: Vec<u8> = (0..length).map(|i| i as u8).collect();
        let expected: [u8; 16] = md5::Md5::digest(&message).into();
        for split in 0..=length {
            let mut stream = Md5::new();
            stream.update(&message[..split]);
            stream.update(&message[split..]);
            assert_eq!(stream.finalize(), expected, "{length} split at {split}");
        }
    }
}
