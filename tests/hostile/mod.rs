//! The corpus of hostile guests and its runner. The example `hostile` attacks any server; the
//! integration tests attack a server they start.

/// Runs one case, from its deploy to its verdict.
pub mod attack;
/// The definition of a case.
pub mod case;
/// The cases, by theme.
pub mod cases;
/// An HTTP client that trusts nothing.
pub mod client;
/// Loads the components of cases.
pub mod component;
/// Deploys and undeploys components.
pub mod deploy;
/// Drives a case.
pub mod drive;
/// Components that no toolchain produces.
pub mod forge;
/// Checks the frames of a stream.
pub mod frames;
/// Judges what the host did.
pub mod judge;
/// The neighbour: a steady load and its latency.
pub mod neighbour;
/// Memory of the server's process.
pub mod process;
/// A component composed of many.
pub mod siblings;
/// Prints the results, for people and machines.
pub mod table;
