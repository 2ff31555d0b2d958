//! What is said of the whole workspace, held against it: the map, which module may know which, what Rust it wants, and
//! whose code it stands on.

mod dependencies;
mod licences;
mod map;
mod rust_version;
mod sources;
