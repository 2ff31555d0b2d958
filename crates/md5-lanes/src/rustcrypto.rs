//! [`Md5`] as one of the RustCrypto hashes, behind the feature `digest`: what is written for any of those works with it,
//! [`digest::Digest`] included.

use digest::common::BlockSizeUser;
use digest::consts::{U16, U64};
use digest::{FixedOutput, FixedOutputReset, HashMarker, Output, OutputSizeUser, Reset, Update};

use crate::stream::Md5;

impl HashMarker for Md5 {}

impl OutputSizeUser for Md5 {
    type OutputSize = U16;
}

impl BlockSizeUser for Md5 {
    type BlockSize = U64;
}

impl Update for Md5 {
    fn update(&mut self, data: &[u8]) {
        Md5::update(self, data);
    }
}

impl FixedOutput for Md5 {
    fn finalize_into(self, out: &mut Output<Self>) {
        out.copy_from_slice(&self.finalize());
    }
}

impl Reset for Md5 {
    fn reset(&mut self) {
        *self = Self::new();
    }
}

impl FixedOutputReset for Md5 {
    fn finalize_into_reset(&mut self, out: &mut Output<Self>) {
        std::mem::take(self).finalize_into(out);
    }
}
