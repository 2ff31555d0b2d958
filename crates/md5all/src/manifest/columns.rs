//! What the columns of a table are, by the names in its head: for formats that have one.
//!
//! Columns come in any order, and those that are not known are passed over. A field that is empty says nothing.

use super::Entry;
use crate::algorithm::{Algorithm, Checksum, Checksums};
use crate::facts::Facts;

/// The columns of a table, from the left.
#[derive(Clone, Debug)]
pub(super) struct Columns(Vec<Column>);

/// What a column has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Path,
    Size,
    MtimeNs,
    CtimeNs,
    Inode,
    Digest(Algorithm),
    /// Nothing that is of use here.
    Other,
}

/// What the fields of a row have said so far.
#[derive(Debug, Default)]
pub(super) struct Row {
    facts: Facts,
    checksums: Vec<Checksum>,
}

/// The columns of facts, as they are called and in the order in which they are written.
pub(super) const FACTS: [(&str, Column); 4] =
    [("size", Column::Size), ("mtime_ns", Column::MtimeNs), ("ctime_ns", Column::CtimeNs), ("inode", Column::Inode)];

impl Columns {
    /// The columns of these names; `None` if there is no path among them, or two of one kind, or no digest.
    pub(super) fn of<'a>(names: impl Iterator<Item = &'a [u8]>, path: &str) -> Option<Columns> {
        let columns: Vec<Column> = names.map(|name| Column::of(name, path)).collect();
        let known = |column: &&Column| **column != Column::Other;
        let twice = columns.iter().filter(known).any(|one| columns.iter().filter(|other| *other == one).count() > 1);
        let has_digest = columns.iter().any(|column| matches!(column, Column::Digest(_)));
        (!twice && has_digest && columns.contains(&Column::Path)).then_some(Columns(columns))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Column> {
        self.0.iter().copied()
    }
}

impl Column {
    /// The column of this name, where paths are called `path`.
    fn of(name: &[u8], path: &str) -> Column {
        let Ok(name) = str::from_utf8(name) else { return Column::Other };
        let fact = FACTS.into_iter().find_map(|(fact, column)| (fact == name).then_some(column));
        match Algorithm::by_name(name) {
            _ if name == path => Column::Path,
            Some(algorithm) => Column::Digest(algorithm),
            None => fact.unwrap_or(Column::Other),
        }
    }
}

impl Row {
    /// Takes what one field says; `None` if it is not what its column has.
    pub(super) fn take(&mut self, column: Column, field: &[u8]) -> Option<()> {
        if field.is_empty() {
            return Some(());
        }
        match column {
            Column::Path | Column::Other => {}
            Column::Size => self.facts.size = Some(number(field)?),
            Column::MtimeNs => self.facts.mtime_ns = Some(number(field)?),
            Column::CtimeNs => self.facts.ctime_ns = Some(number(field)?),
            Column::Inode => self.facts.inode = Some(number(field)?),
            Column::Digest(algorithm) => self.checksums.push(Checksum::parse(algorithm, field)?),
        }
        Some(())
    }

    /// What the row says of the file of this name; `None` if it has no checksum, or no file can have that name.
    pub(super) fn entry(self, name: &[u8]) -> Option<Entry<'_>> {
        let is_name = !name.is_empty() && !name.contains(&0);
        let checksums: Checksums = match self.checksums[..] {
            [] => return None,
            [one] => one.into(),
            _ => self.checksums.into_iter().collect(),
        };
        is_name.then_some(Entry { name, checksums, facts: self.facts, literal: None })
    }
}

/// A number in decimal digits; `None` if it is none, or too large.
fn number<T: std::str::FromStr>(field: &[u8]) -> Option<T> {
    str::from_utf8(field).ok()?.parse().ok()
}
