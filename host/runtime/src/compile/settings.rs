//! What decides the code that is made: the same in the host and in the process that compiles for
//! it.

use std::hash::{Hash, Hasher};

use hayrick_types::settings::component::ComponentBounds;
use sha2::{Digest, Sha256};
use wasmtime::{Config, Engine};

/// The settings that the code depends on. Whatever changes it belongs here: a host refuses code
/// that was made with other settings.
pub(crate) fn settings() -> Config {
    let mut settings = Config::new();
    settings
        .epoch_interruption(true)
        .wasm_component_model(true)
        .wasm_component_model_async(true);
    settings
}

/// A digest of all that the code depends on: these settings, wasmtime's version, the processor; and
/// what was let through to be compiled, so that bounds which are lowered hold for what was compiled
/// before.
pub(crate) fn fingerprint(engine: &Engine, bounds: &ComponentBounds) -> [u8; 32] {
    let mut all = Everything(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut all);
    bounds.hash(&mut all);
    all.0.finalize().into()
}

/// Takes in all that is hashed, where other hashers keep 64 bits of it.
struct Everything(Sha256);

impl Hasher for Everything {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Nobody asks for it.
    fn finish(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_the_code_changes_the_fingerprint() {
        let same = || Engine::new(&settings()).unwrap();
        let mut other = settings();
        other.epoch_interruption(false);
        let bounds = ComponentBounds::default();
        let lower = ComponentBounds {
            types_max: 1,
            ..ComponentBounds::default()
        };
        assert_eq!(fingerprint(&same(), &bounds), fingerprint(&same(), &bounds));
        assert_ne!(
            fingerprint(&same(), &bounds),
            fingerprint(&Engine::new(&other).unwrap(), &bounds)
        );
        assert_ne!(fingerprint(&same(), &bounds), fingerprint(&same(), &lower));
    }
}
