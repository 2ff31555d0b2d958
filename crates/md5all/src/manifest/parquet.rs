//! Parquet, for those who query manifests: a row for each checksum of a file, with path, size, time of modification,
//! algorithm and digest.
//!
//! Paths and digests are bytes, as they are. Rows are written in groups of bounded memory. Reading goes from the end of a
//! file to its groups, so it needs one that can be sought. The format itself is the `parquet` crate's affair.

use std::fs::File;
use std::io;
use std::mem::take;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row};
use parquet::schema::types::{ColumnPath, Type, TypePtr};

use super::Nature;
use crate::algorithm::{Algorithm, Checksum};
use crate::facts::Facts;
use crate::record::Hashed;

pub(super) const NATURE: Nature = Nature {
    name: "parquet",
    tells: |_| true,
    several: true,
    ends_in_nul: false,
    has_comments: false,
    can_be_sealed: false,
    has_facts: true,
    keeps_facts: false,
};

/// Rows that are being written.
pub(super) struct Table {
    file: SerializedFileWriter<Vec<u8>>,
    group: Group,
}

/// Rows that are to be written together, column by column.
#[derive(Default)]
struct Group {
    paths: Vec<ByteArray>,
    sizes: Numbers,
    mtimes: Numbers,
    algorithms: Vec<ByteArray>,
    digests: Vec<ByteArray>,
    /// Of all paths.
    bytes: usize,
}

/// A column of numbers that may be missing.
#[derive(Default)]
struct Numbers {
    values: Vec<i64>,
    /// Of each row: 1 where there is a number, 0 where there is none.
    levels: Vec<i16>,
}

/// Rows that are being read.
pub(super) struct Rows(RowIter<'static>);

/// What a row says.
pub(super) struct Said {
    pub(super) path: Vec<u8>,
    pub(super) checksum: Checksum,
    pub(super) facts: Facts,
}

/// What a file begins with.
const MAGIC: [u8; 4] = *b"PAR1";

/// So many rows are a group, or so many bytes of paths: some 10 MiB of memory.
const ROWS: usize = 1 << 16;
const BYTES: usize = 4 << 20;

impl Table {
    pub(super) fn new() -> io::Result<Table> {
        let algorithm = ColumnPath::from("algorithm");
        let properties = WriterProperties::builder()
            .set_created_by("md5all".to_owned())
            .set_dictionary_enabled(false)
            .set_column_dictionary_enabled(algorithm, true)
            .build();
        let file = SerializedFileWriter::new(Vec::new(), schema()?, Arc::new(properties))?;
        Ok(Table { file, group: Group::default() })
    }

    /// Adds the rows of a file.
    pub(super) fn write(&mut self, name: &[u8], hashed: &Hashed) -> io::Result<()> {
        let facts = hashed.facts();
        let path = ByteArray::from(name.to_vec());
        for checksum in hashed.checksums().iter() {
            self.group.paths.push(path.clone());
            self.group.sizes.push(facts.size.map(u64::cast_signed));
            self.group.mtimes.push(facts.mtime_ns);
            self.group.algorithms.push(ByteArray::from(checksum.algorithm().name()));
            self.group.digests.push(ByteArray::from(checksum.as_bytes().to_vec()));
        }
        self.group.bytes += name.len();
        if self.group.paths.len() >= ROWS || self.group.bytes >= BYTES { self.end_group() } else { Ok(()) }
    }

    fn end_group(&mut self) -> io::Result<()> {
        let Group { paths, sizes, mtimes, algorithms, digests, .. } = take(&mut self.group);
        let mut group = self.file.next_row_group()?;
        write_column::<ByteArrayType>(&mut group, &paths, None)?;
        write_column::<Int64Type>(&mut group, &sizes.values, Some(&sizes.levels))?;
        write_column::<Int64Type>(&mut group, &mtimes.values, Some(&mtimes.levels))?;
        write_column::<ByteArrayType>(&mut group, &algorithms, None)?;
        write_column::<ByteArrayType>(&mut group, &digests, None)?;
        group.close()?;
        self.file.flush()
    }

    /// What has been written since it was asked last.
    pub(super) fn take_written(&mut self) -> Vec<u8> {
        take(self.file.inner_mut())
    }

    /// Ends the file; gives what is left of it to be written.
    pub(super) fn finish(mut self) -> io::Result<Vec<u8>> {
        if !self.group.paths.is_empty() {
            self.end_group()?;
        }
        Ok(self.file.into_inner()?)
    }
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table").field("rows", &self.group.paths.len()).finish_non_exhaustive()
    }
}

impl Numbers {
    fn push(&mut self, number: Option<i64>) {
        self.values.extend(number);
        self.levels.push(number.is_some().into());
    }
}

fn schema() -> Result<TypePtr, ParquetError> {
    let column = |name, physical, repetition, logical| {
        let column = Type::primitive_type_builder(name, physical).with_repetition(repetition);
        column.with_logical_type(logical).build().map(Arc::new)
    };
    let unsigned = LogicalType::Integer { bit_width: 64, is_signed: false };
    let columns = vec![
        column("path", Physical::BYTE_ARRAY, Repetition::REQUIRED, None)?,
        column("size", Physical::INT64, Repetition::OPTIONAL, Some(unsigned))?,
        column("mtime_ns", Physical::INT64, Repetition::OPTIONAL, None)?,
        column("algorithm", Physical::BYTE_ARRAY, Repetition::REQUIRED, Some(LogicalType::String))?,
        column("digest", Physical::BYTE_ARRAY, Repetition::REQUIRED, None)?,
    ];
    Type::group_type_builder("manifest").with_fields(columns).build().map(Arc::new)
}

fn write_column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let Some(mut column) = group.next_column()? else { unreachable!("the schema has as many columns") };
    column.typed::<T>().write_batch(values, levels, None)?;
    column.close()
}

/// Whether a file is one of these; where nothing can be sought, it is none.
pub(super) fn is_it(file: &File) -> bool {
    let mut first = [0; MAGIC.len()];
    file.read_at(&mut first, 0).is_ok_and(|read| first[..read] == MAGIC)
}

impl Rows {
    /// The rows of a file.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is not what it should be.
    pub(super) fn of(file: File) -> io::Result<Rows> {
        let length = file.metadata()?.len();
        guarded(|| {
            let file = SerializedFileReader::new(file)?;
            if file.metadata().row_groups().iter().flat_map(|group| group.columns()).any(|one| !is_within(one, length))
            {
                return Err(damaged());
            }
            Ok(Rows(RowIter::from_file_into(Box::new(file))))
        })
    }

    /// The next row: what it says, if it is well formed; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Option<Said>>> {
        guarded(|| Ok(self.0.next().transpose()?.map(|row| said(&row))))
    }
}

impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").finish_non_exhaustive()
    }
}

/// The crate that reads these files panics at some that are damaged: that is an error as all others are. What it has told
/// by then holds, and nobody asks it again.
fn guarded<T>(read: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err(damaged()))
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the file is damaged")
}

/// Whether a column lies in a file of this length.
fn is_within(column: &ColumnChunkMetaData, length: u64) -> bool {
    let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
    let end = u64::try_from(start).ok().zip(u64::try_from(column.compressed_size()).ok());
    end.and_then(|(start, size)| start.checked_add(size)).is_some_and(|end| end <= length)
}

fn said(row: &Row) -> Option<Said> {
    let (mut path, mut algorithm, mut digest, mut facts) = (None, None, None, Facts::NONE);
    for (name, field) in row.get_column_iter() {
        match (name.as_str(), field) {
            ("path", field) => path = bytes(field),
            ("algorithm", Field::Str(name)) => algorithm = Algorithm::by_name(name),
            ("digest", field) => digest = bytes(field),
            ("size", Field::ULong(size)) => facts.size = Some(*size),
            ("size", Field::Long(size)) => facts.size = Some(u64::try_from(*size).ok()?),
            ("mtime_ns", Field::Long(mtime)) => facts.mtime_ns = Some(*mtime),
            _ => {}
        }
    }
    let path = path.filter(|path| !path.is_empty() && !path.contains(&0))?;
    let checksum = Checksum::new(algorithm?, digest?)?;
    Some(Said { path: path.to_vec(), checksum, facts })
}

fn bytes(field: &Field) -> Option<&[u8]> {
    match field {
        Field::Bytes(bytes) => Some(bytes.data()),
        Field::Str(text) => Some(text.as_bytes()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::{Algorithms, Checksums};
    use crate::manifest::{Format, Layout, LineEnd, Reader, Writer};
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::io::{BufReader, Write};

    type File = (Vec<u8>, u8, Option<u64>, Option<i64>);

    fn hashed(algorithms: Algorithms, (_, byte, size, mtime_ns): &File) -> Hashed {
        let checksum = |one: Algorithm| Checksum::new(one, &vec![*byte; one.length()]);
        let facts = Facts { size: *size, mtime_ns: *mtime_ns, ..Facts::NONE };
        Hashed::new(algorithms.iter().filter_map(checksum).collect::<Checksums>()).with_facts(facts)
    }

    fn written(algorithms: Algorithms, files: &[File]) -> std::fs::File {
        let layout = Layout::from(Format::Parquet).algorithms(algorithms);
        let mut manifest = Writer::new(tempfile::tempfile().unwrap(), layout);
        files.iter().for_each(|file| manifest.write(&file.0, &hashed(algorithms, file)).unwrap());
        manifest.finish().unwrap()
    }

    fn read(file: &std::fs::File) -> io::Result<Vec<(Vec<u8>, Checksum, Facts)>> {
        let input = BufReader::new(file.try_clone()?);
        let mut reader = Reader::detect(input, LineEnd::Newline).or_rows_of(file)?;
        let mut rows = Vec::new();
        while let Some(line) = reader.read()? {
            let entry = line.entry.expect("every row is well formed");
            rows.push((entry.name.to_vec(), entry.checksums.iter().next().expect("one"), entry.facts));
        }
        Ok(rows)
    }

    fn expected(algorithms: Algorithms, files: &[File]) -> Vec<(Vec<u8>, Checksum, Facts)> {
        let rows = |file| {
            let hashed = hashed(algorithms, file);
            hashed.checksums().iter().map(|one| (file.0.clone(), one, hashed.facts())).collect::<Vec<_>>()
        };
        files.iter().flat_map(rows).collect()
    }

    #[test]
    fn rows_of_several_groups_are_read_again() {
        let files: Vec<File> =
            (0..ROWS as u64 + 10).map(|at| (at.to_string().into(), at as u8, Some(at), None)).collect();
        assert_eq!(read(&written(Algorithms::default(), &files)).unwrap(), expected(Algorithms::default(), &files));
        let long: Vec<File> = (0..3).map(|at| (vec![b'x'; BYTES / 2], at, None, Some(-1))).collect();
        assert_eq!(read(&written(Algorithms::default(), &long)).unwrap(), expected(Algorithms::default(), &long));
        assert_eq!(read(&written(Algorithms::default(), &[])).unwrap(), []);
    }

    #[test]
    fn what_is_damaged_or_cannot_be_sought_in_is_an_error() {
        let mut cut = tempfile::tempfile().unwrap();
        cut.write_all(b"PAR1 and no more").unwrap();
        assert!(read(&cut).is_err());
        let mut reader = Reader::new(&b"PAR1"[..], Format::Parquet, LineEnd::Newline);
        assert_eq!(reader.read().unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    /// Whatever becomes of a byte, the reader ends, and nobody has to pick up a panic.
    #[test]
    fn a_file_with_any_byte_changed_is_read_or_an_error() {
        let file =
            written(Algorithms::default(), &[(b"a".to_vec(), 1, Some(1), Some(2)), (b"b".to_vec(), 2, None, None)]);
        let mut good = vec![0; file.metadata().unwrap().len() as usize];
        file.read_exact_at(&mut good, 0).unwrap();
        for at in 0..good.len() {
            for other in [0, 0xff, good[at] ^ 0x80, good[at] ^ 1] {
                let mut bad = tempfile::tempfile().unwrap();
                bad.write_all(&good).unwrap();
                bad.write_all_at(&[other], at as u64).unwrap();
                let Ok(mut rows) = Rows::of(bad) else { continue };
                while let Ok(Some(_)) = rows.next() {}
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn what_is_written_is_read_again_from_a_file(
            files in vec((vec(1..=255u8, 1..40), any::<u8>(), any::<Option<u64>>(), any::<Option<i64>>()), 0..20),
            chosen in vec(proptest::sample::select(&Algorithm::ALL[..]), 1..5),
        ) {
            let algorithms: Algorithms = chosen.into_iter().collect();
            prop_assert_eq!(read(&written(algorithms, &files)).unwrap(), expected(algorithms, &files));
        }
    }
}
