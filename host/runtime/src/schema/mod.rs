//! JSON Schemas of plugins: what the input of an API must be. The schemas come from strangers and are
//! checked in the host, so their cost is bounded before they are used.

pub mod check;
pub mod mistake;
mod visits;
