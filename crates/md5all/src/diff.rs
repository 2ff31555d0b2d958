//! How two sides differ, each a manifest or a tree: [`diff`].
//!
//! It is an audit of the second against the first, in the same words, and what is said of an audit holds here. Two
//! manifests are compared without reading what they list; of a tree and a manifest, the tree is hashed.

use std::collections::BTreeSet;
use std::path::PathBuf;

use errgroup::Context;

use crate::audit::{Audit, Held, Tree, audit};
use crate::comparison::{Compared, Comparison};
use crate::error::Error;
use crate::listed::Listed;
use crate::naming::Naming;
use crate::options::Options;

/// One of two that are compared.
#[derive(Debug)]
pub enum Side {
    /// What a manifest says.
    List(Listed),
    /// What lies below a path.
    Tree(PathBuf),
}

/// Says what has become of `before` in `after`: one [`Compared`] for every file that is in one of them.
///
/// The names of two manifests are compared as they stand, those of two trees as relative to their roots; those of a
/// manifest and a tree are brought together as by [`audit`](crate::audit()). Trees are hashed by the algorithms of the
/// other side, and if that is a tree, by [`Options::algorithms`]. Of `options`, the roots,
/// [`Options::unordered`] and [`Options::fail_fast`] mean nothing here; and of two manifests, nor does
/// [`Options::selection`]. What that leaves out of `before` is not told.
///
/// If `before` is a tree, this blocks until that is hashed, and what it has is held in memory. Then it is as for an audit.
///
/// # Errors
///
/// As for [`audit`](crate::audit()), and [`hash_trees`](crate::hash_trees) of the first tree; the items of the iterator may be the same of the second.
///
/// # Examples
///
/// ```
/// use errgroup::Context;
/// use md5all::{Fate, Options, Side, diff};
///
/// # let dir = tempfile::tempdir()?;
/// # let (old, new) = (dir.path().join("old"), dir.path().join("new"));
/// # std::fs::create_dir(&old)?;
/// # std::fs::create_dir(&new)?;
/// std::fs::write(old.join("a"), "1")?;
/// std::fs::write(new.join("a"), "22")?;
///
/// let differences = diff(&Context::background(), Side::Tree(old), Side::Tree(new), Options::new([""; 0]))?;
/// for compared in differences {
///     let compared = compared?;
///     assert!(compared.name == b"a" && matches!(compared.fate, Fate::Changed));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn diff(ctx: &Context, before: Side, after: Side, options: Options) -> Result<Audit, Error> {
    if !matches!((&before, &after), (Side::List(_), Side::List(_))) {
        options.selection.is_by_name()?;
    }
    match (before, after) {
        (Side::List(listed), Side::Tree(root)) => Ok(audit(ctx, listed, Some(&root), options)),
        (Side::List(listed), Side::List(after)) => Ok(Audit::of_list(Held::of(listed), after)),
        (Side::Tree(root), Side::List(after)) => {
            let (held, unread) = hold(ctx, after.naming(Some(&root)), after.as_listed(options))?;
            Ok(Audit::of_list(held, after).behind(unread))
        }
        (Side::Tree(root), Side::Tree(after)) => {
            let (held, unread) = hold(ctx, Naming::relative(&root), options.clone())?;
            Ok(Audit::of_tree(ctx, held, Naming::relative(&after), options).behind(unread))
        }
    }
}

/// Hashes a tree, to hold others against it; and says what of it could not be read.
fn hold(ctx: &Context, naming: Naming, options: Options) -> Result<(Held, Vec<Compared>), Error> {
    let mut tree = Tree::new(naming, &options);
    let (files, unread) = tree.collect(ctx, options)?;
    let comparison = Comparison::new(files, &BTreeSet::new());
    Ok((Held { comparison, origin: Some(tree) }, unread))
}
