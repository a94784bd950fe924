//! All settings, each declared once: a row has the key, the type, the default, the range, the
//! meaning and, for a limit, its name.
//!
//! One file per section. A table generates the struct that the host uses, its defaults, its rows
//! for the settings page, and the function that reads it; see `table`. Keys that a hand-written
//! function reads have plain rows. `sections` lists all sections in the order of the page.

#[macro_use]
mod table;

#[macro_use]
pub mod component;
#[macro_use]
pub mod egress;
#[macro_use]
pub mod engine;
#[macro_use]
pub mod jobs;
#[macro_use]
pub mod keys;
#[macro_use]
pub mod limits;
#[macro_use]
pub mod plugin;
#[macro_use]
pub mod server;
#[macro_use]
pub mod state;
#[macro_use]
pub mod tasks;
#[macro_use]
pub mod upstream;

pub mod process;
mod ranges;
pub mod reader;
pub mod row;
pub mod sections;
