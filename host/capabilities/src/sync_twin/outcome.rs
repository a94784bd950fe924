//! The types that every function of the twin has.

use wasmtime::StoreContextMut;

use crate::bindings::hayrick::pipeline::types;
use crate::guest_state::GuestState;

/// The store, held while a function waits.
pub(super) type Store<'a> = StoreContextMut<'a, GuestState>;

/// What a function that can fail gives, as wasmtime wants it.
pub(super) type Outcome<T> = (Result<T, types::Failure>,);
