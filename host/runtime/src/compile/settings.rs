//! The engine settings that the compiled code depends on. They are the same in the host and in the
//! compiler process.

use std::hash::{Hash, Hasher};

use hayrick_types::settings::component::ComponentBounds;
use sha2::{Digest, Sha256};
use wasmtime::{Config, Engine};

/// The settings that the code depends on. Every setting that changes the code belongs here, because
/// the host refuses code that was compiled with other settings.
pub(crate) fn settings() -> Config {
    let mut settings = Config::new();
    settings
        .epoch_interruption(true)
        .wasm_component_model(true)
        .wasm_component_model_async(true);
    settings
}

/// A digest of everything that the code depends on: these settings, the version of wasmtime and the
/// CPU. It includes the bounds, so that lowering them also applies to code in the cache.
pub(crate) fn fingerprint(engine: &Engine, bounds: &ComponentBounds) -> [u8; 32] {
    let mut hasher = Sha256Hasher(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    bounds.hash(&mut hasher);
    hasher.0.finalize().into()
}

/// Hashes to a whole SHA-256 digest instead of 64 bits.
struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Not used.
    fn finish(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_and_bounds_change_the_fingerprint() {
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
