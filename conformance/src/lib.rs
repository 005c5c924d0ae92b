//! A conformance test suite and fuzzer for Zircon's virtual memory objects.

#![forbid(unsafe_code)]

pub mod backends;
pub mod command;
pub mod enumerate;
pub mod expectations;
pub mod export;
pub mod faults;
pub mod fuzz;
pub mod generate;
pub mod ledger;
mod level;
pub mod oracle;
mod parallel;
mod pattern;
pub mod program;
pub mod recordings;
pub mod remote;
pub mod replay;
pub mod report;
pub mod reproduce;
pub mod runner;
mod shard;
pub mod shrink;
pub mod smoke;
pub mod starter;
pub mod suite;
mod whole_file;

pub use level::Level;
pub use shard::Shard;
