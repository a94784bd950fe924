//! The corpus of hostile guests, and who attacks a server with it: the example `hostile` any
//! server, the integration tests one of their own.

/// One case from the deploy to its verdict.
pub mod attack;
/// What a case is.
pub mod case;
/// The cases, by theme.
pub mod cases;
/// HTTP that believes nothing.
pub mod client;
/// Where a case's component comes from.
pub mod component;
/// How a component gets onto the server, and off it.
pub mod deploy;
/// How a case is driven.
pub mod drive;
/// Components below the toolchain.
pub mod forge;
/// Frames of a stream, held against what they promise.
pub mod frames;
/// What the host owes, whatever the guest does.
pub mod judge;
/// The neighbour: a steady load, and how long its answers take.
pub mod neighbour;
/// Memory of the server's process.
pub mod process;
/// What came of the cases, for people and machines.
pub mod table;
