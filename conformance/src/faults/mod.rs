//! Wrong backends: a right one with one mistake each, which show that the suite
//! finds what implementers get wrong.
//!
//! A [`Fault`] is a mistake, and a [`Faulty`] a backend that makes it: a thin
//! wrapper around any other backend, in which every call passes one place.
//! [`Trials`] runs the suite against them, and [`hunt()`] fuzzes against them.

mod class;
mod faulty;
mod hook;
mod hunt;
mod machine;
mod notes;
mod table;
mod trial;
mod values;
mod waiting;

pub use class::Class;
pub use faulty::{Event, Faulty};
pub use hook::{Fault, Registers};
pub use hunt::{Hunt, HuntOptions, hunt};
pub use table::{FAULTS, fault_named};
pub use trial::{Failed, Trial, Trials};
