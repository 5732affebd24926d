//! The tour of `make demo`.

fn main() {}
