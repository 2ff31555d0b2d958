//! What is mounted where, as `/proc/self/mountinfo` tells (see `proc_pid_mountinfo(5)`).

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::PathBuf;

/// One mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    /// The number of the device; 0 before the colon if there is none, or it is not one only.
    pub(crate) number: (u32, u32),
    /// Where.
    pub(crate) point: PathBuf,
    /// Of what type.
    pub(crate) kind: String,
    /// What: a block device, or whatever the file system calls its own.
    source: PathBuf,
    /// Whether it is one place that is mounted when it is opened (autofs), and not a directory of such.
    pub(crate) is_direct: bool,
}

/// The mount on which an open file lies, if the system tells.
#[cfg(target_os = "linux")]
pub(crate) fn of(file: &OwnedFd) -> Option<Mount> {
    use rustix::fs::{AtFlags, StatxFlags, statx};
    let found = statx(file, c"", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID).ok()?;
    if !StatxFlags::from_bits_retain(found.stx_mask).contains(StatxFlags::MNT_ID) {
        return None;
    }
    lines().into_iter().find_map(|(id, mount)| (id == found.stx_mnt_id).then_some(mount))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn of(_file: &OwnedFd) -> Option<Mount> {
    None
}

/// All mounts that this process sees, those that lie over others behind them; none where the system does not tell.
pub(crate) fn table() -> Vec<Mount> {
    lines().into_iter().map(|(_, mount)| mount).collect()
}

/// All mounts, each with its number; none where the system does not tell.
fn lines() -> Vec<(u64, Mount)> {
    let table = fs::read("/proc/self/mountinfo").unwrap_or_default();
    table.split(|byte| *byte == b'\n').filter_map(parse).collect()
}

#[cfg(test)]
impl Mount {
    /// One that is nowhere.
    pub(crate) fn made_up(point: &str, number: (u32, u32)) -> Mount {
        Mount { number, point: PathBuf::from(point), kind: "none".to_owned(), source: PathBuf::new(), is_direct: false }
    }
}

impl Mount {
    /// The number of the block device that is mounted, if one is.
    pub(crate) fn device(&self) -> Option<(u32, u32)> {
        if self.number.0 != 0 {
            return Some(self.number);
        }
        let metadata = fs::metadata(&self.source).ok().filter(|_| self.source.is_absolute())?;
        let number = metadata.rdev();
        metadata.file_type().is_block_device().then(|| (rustix::fs::major(number), rustix::fs::minor(number)))
    }
}

/// As `mount(8)` lists it: `/dev/vda1 on / (ext4)`.
impl fmt::Display for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {} ({})", self.source.display(), self.point.display(), self.kind)
    }
}

/// A line: the mount's number, and what it says of it.
pub(crate) fn parse(line: &[u8]) -> Option<(u64, Mount)> {
    let mut fields = line.split(|byte| *byte == b' ');
    let id = number(fields.next()?)?;
    let (major, minor) = std::str::from_utf8(fields.nth(1)?).ok()?.split_once(':')?;
    let point = path(fields.nth(1)?);
    // Any number of optional fields up to a dash.
    fields.find(|field| *field == b"-")?;
    let kind = String::from_utf8_lossy(fields.next()?).into_owned();
    let source = path(fields.next()?);
    let mut options = fields.next().unwrap_or_default().split(|byte| *byte == b',');
    let is_direct = kind == "autofs" && options.any(|option| matches!(option, b"direct" | b"offset"));
    Some((id, Mount { number: (major.parse().ok()?, minor.parse().ok()?), point, kind, source, is_direct }))
}

fn number(field: &[u8]) -> Option<u64> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

/// Blanks, tabs, line feeds and backslashes are written as `\` and three octal digits.
fn path(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = after.get(..3).filter(|_| byte == b'\\').and_then(octal);
        bytes.push(escaped.unwrap_or(byte));
        rest = if escaped.is_some() { &after[3..] } else { after };
    }
    PathBuf::from(OsString::from_vec(bytes))
}

fn octal(digits: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'))?;
    u8::from_str_radix(text, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    const LINE: &[u8] = br"36 35 98:0 /mnt1 /mnt\0402 rw,noatime master:1 shared:7 - ext3 /dev/root rw,errors=continue";

    #[test]
    fn a_line_is_taken_apart() {
        let (id, mount) = parse(LINE).unwrap();
        assert_eq!(id, 36);
        assert_eq!(mount.device(), Some((98, 0)));
        assert_eq!(mount.point, Path::new("/mnt 2"));
        assert_eq!(mount.to_string(), "/dev/root on /mnt 2 (ext3)");
    }

    #[test]
    fn lines_cut_short_anywhere_are_no_mounts_and_no_panics() {
        let whole = LINE.windows(11).position(|part| part == b"- ext3 /dev").unwrap() + 8;
        for end in 0..LINE.len() {
            assert_eq!(parse(&LINE[..end]).is_some(), end >= whole - 1, "{end}");
        }
    }

    #[test]
    fn escapes_are_undone_and_what_is_none_is_left() {
        for (field, bytes) in
            [(&br"a\011b"[..], &b"a\tb"[..]), (br"\134", b"\\"), (br"\9", br"\9"), (br"\400", br"\400"), (b"\\", b"\\")]
        {
            assert_eq!(path(field).as_os_str().as_bytes(), bytes);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn proc_is_found_mounted_where_it_is() {
        let proc = OwnedFd::from(fs::File::open("/proc").unwrap());
        let mount = of(&proc).unwrap();
        assert_eq!((mount.point.as_path(), mount.kind.as_str()), (Path::new("/proc"), "proc"));
    }
}
