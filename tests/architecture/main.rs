//! The rules of the house, read off the manifests and the sources: which crate may use which, how long a source file
//! may be, and that no source file lies about unused. Design, section 2.

mod edges;
mod sources;
