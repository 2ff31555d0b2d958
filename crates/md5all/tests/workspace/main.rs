//! What is said of the whole workspace, held against it: the map, which module may know which, what Rust it wants, and
//! whose code it stands on, and what would be published.

mod dependencies;
mod licences;
mod map;
mod packages;
mod rust_version;
mod sources;
