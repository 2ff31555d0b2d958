//! `Md5` behind RustCrypto's traits, beside RustCrypto's own.

use digest::{Digest, DynDigest};

fn check<D: Digest>(message: &[u8]) -> Vec<u8> {
    let mut hash = D::new();
    hash.update(message);
    hash.finalize().to_vec()
}

#[test]
fn any_code_over_digest_gives_the_same() {
    for length in [0, 1, 55, 56, 63, 64, 65, 200] {
        let message = vec![length as u8; length];
        assert_eq!(check::<md5_lanes::Md5>(&message), check::<md5::Md5>(&message));
    }
}

#[test]
fn a_reset_hash_starts_again() {
    let mut hash: Box<dyn DynDigest> = Box::new(md5_lanes::Md5::new());
    hash.update(b"something else");
    hash.reset();
    hash.update(b"abc");
    let first = hash.finalize_reset();
    hash.update(b"abc");
    assert_eq!(first, hash.finalize_reset());
    assert_eq!(first[..], md5_lanes::md5(b"abc"));
}
