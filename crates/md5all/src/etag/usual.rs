//! The sizes of parts that are usual, by the tools that upload in them.
//!
//! A list of facts about others, each with where it is from, and nothing else. One more is one more row.

use std::num::NonZeroU64;

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// An upload has so many parts at most, of so many bytes at most each, says S3.
const MOST_PARTS: u64 = 10_000;
const LARGEST: u64 = 5 * GIB;

/// By how often they are met, as far as one knows.
const SIZES: [u64; 25] = [
    8 * MIB,    // aws s3 cp and boto3: multipart_chunksize; the AWS CRT, and with it many newer SDKs
    16 * MIB,   // minio-go and mc today: minPartSize
    5 * MIB,    // rclone: --s3-chunk-size; S3's least: SDKs for Go, Java 1 and JavaScript
    15 * MIB,   // s3cmd: multipart_chunk_size_mb
    17_179_870, // the AWS console in a browser
    64 * MIB,   // Hadoop's S3A: fs.s3a.multipart.size; minio-go before 2020
    50 * MIB,   // s5cmd: --part-size; s3fs of fsspec; smart_open
    10 * MIB,   // Cyberduck: s3.upload.multipart.size
    100 * MIB,  // what Amazon's documents advise for large files; Hadoop's S3A before 3.0
    128 * MIB,  // mc before 2020
    32 * MIB,   // the rest is what people write into configurations
    256 * MIB,
    512 * MIB,
    GIB,
    LARGEST,
    25 * MIB,
    20 * MIB,
    6 * MIB,
    7 * MIB,   // aws s3 cp before 1.0
    8_000_000, // and what those write who take a megabyte for a million
    10_000_000,
    16_000_000,
    50_000_000,
    64_000_000,
    100_000_000,
];

/// What tools that go by the size of the file take where their own size would give too many parts.
const GROWN: [fn(u64) -> u64; 6] = [
    |size| doubled(8 * MIB, size), // aws s3 cp, boto3: ChunksizeAdjuster
    |size| (size / MOST_PARTS).next_multiple_of(MIB).max(5 * MIB), // rclone: chunksize.Calculator
    |size| (size / MOST_PARTS).next_multiple_of(MIB) + MIB, // the same, on the boundary
    |size| (size / MOST_PARTS).next_multiple_of(16 * MIB), // minio-go: optimalPartInfo
    |size| size.div_ceil(MOST_PARTS), // SDKs for Java
    |size| size / MOST_PARTS + 1,  // SDK for Go: s3manager
];

fn doubled(base: u64, size: u64) -> u64 {
    let mut part_size = base;
    while size.div_ceil(part_size) > MOST_PARTS {
        part_size *= 2;
    }
    part_size
}

/// The sizes that cut a file of `size` bytes into so many parts: those of `first` among them, then those that are usual.
///
/// Of sizes that are as large as the file, or larger, one stands for all: their one part is the same.
pub(crate) fn giving(parts: NonZeroU64, size: u64, first: &[NonZeroU64]) -> Vec<NonZeroU64> {
    let grown = GROWN.iter().map(|grow| grow(size));
    // Cyberduck has one part in hand.
    let usual = SIZES.into_iter().chain(grown).chain([size / (MOST_PARTS - 1)]);
    let usual = usual.filter(|&part_size| part_size <= LARGEST).filter_map(NonZeroU64::new);
    let mut fitting = Vec::new();
    for part_size in first.iter().copied().chain(usual) {
        let fits = size.div_ceil(part_size.get()).max(1) == parts.get();
        if fits && !fitting.contains(&part_size) {
            fitting.push(part_size);
        }
    }
    if parts == NonZeroU64::MIN {
        fitting.truncate(1);
    }
    fitting
}

#[cfg(test)]
mod tests {
    use super::*;

    fn giving(parts: u64, size: u64) -> Vec<u64> {
        let parts = NonZeroU64::new(parts).unwrap();
        super::giving(parts, size, &[]).into_iter().map(NonZeroU64::get).collect()
    }

    #[test]
    fn only_sizes_that_give_so_many_parts_are_tried() {
        assert_eq!(giving(2, 8 * MIB + 1), [8 * MIB, 5 * MIB, 6 * MIB, 7 * MIB, 8_000_000]);
        assert_eq!(giving(4, 16 * MIB), [5 * MIB]);
        assert!(giving(3, 8 * MIB).is_empty());
        for (parts, size) in [(1, 0), (2, 9 * MIB), (7, 100 * MIB), (1000, 15 * GIB), (9999, 90_000 * MIB)] {
            for part_size in giving(parts, size) {
                assert_eq!(size.div_ceil(part_size).max(1), parts);
            }
        }
    }

    #[test]
    fn one_size_stands_for_all_that_give_one_part() {
        assert_eq!(giving(1, 0), [8 * MIB]);
        assert_eq!(giving(1, 8 * MIB), [8 * MIB]);
        assert_eq!(giving(1, 8 * MIB + 1), [16 * MIB]);
        assert_eq!(giving(1, LARGEST), [LARGEST]);
        assert!(giving(1, LARGEST + 1).is_empty());
    }

    #[test]
    fn what_one_names_is_tried_first_and_once() {
        let first = [9, 8 * MIB].map(|size| NonZeroU64::new(size).unwrap());
        assert_eq!(super::giving(NonZeroU64::new(2).unwrap(), 10 * MIB, &first)[0].get(), 8 * MIB);
        assert_eq!(super::giving(NonZeroU64::new(2).unwrap(), 17, &first)[0].get(), 9);
    }

    /// Files that are too large for ten thousand parts of the size that each tool begins with.
    #[test]
    fn sizes_grow_with_the_file_as_the_tools_have_them() {
        let size = 200 * GIB; // 40,960 parts of 5 MiB
        assert!(giving(size.div_ceil(32 * MIB), size).contains(&(32 * MIB))); // aws
        assert!(giving(size.div_ceil(21 * MIB), size).contains(&(21 * MIB))); // rclone
        assert!(giving(10_000, size).contains(&size.div_ceil(10_000))); // Java
        let size: u64 = 3 << 40;
        assert!(giving(size.div_ceil(320 * MIB), size).contains(&(320 * MIB))); // minio
        assert!(giving(size.div_ceil(512 * MIB), size).contains(&(512 * MIB))); // aws
    }
}
