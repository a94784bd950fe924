//! Writes valid modules that no toolchain would produce into the given folder, as
//! `smith-SEED.core.wasm`. The same seed gives the same module.

use std::io;
use std::path::PathBuf;

use arbitrary::Unstructured;
use wasm_smith::{Config, Module};

/// Seeds with which a module is not trivial.
const SEEDS: [u64; 4] = [6, 7, 10, 12];
/// Bytes of noise that a module is generated from.
const NOISE_BYTES: usize = 16 << 10;

fn main() -> io::Result<()> {
    let folder = std::env::args_os()
        .nth(1)
        .ok_or_else(|| io::Error::other("name the output folder: smith FOLDER"))?;
    for seed in SEEDS {
        let module = module(seed).map_err(io::Error::other)?;
        std::fs::write(
            PathBuf::from(&folder).join(format!("smith-{seed}.core.wasm")),
            module,
        )?;
    }
    Ok(())
}

/// The module for a seed. It imports nothing and uses only features that the host supports.
fn module(seed: u64) -> Result<Vec<u8>, String> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let xorshift = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    let noise: Vec<u8> = std::iter::repeat_with(xorshift).take(NOISE_BYTES).collect();
    let config = Config {
        max_imports: 0,
        min_funcs: 10,
        allow_start_export: true,
        max_memory32_bytes: 16 << 20,
        max_table_elements: 10_000,
        threads_enabled: false,
        memory64_enabled: false,
        gc_enabled: false,
        exceptions_enabled: false,
        // `externref` needs the garbage collector, which the host is built without.
        reference_types_enabled: false,
        custom_page_sizes_enabled: false,
        wide_arithmetic_enabled: false,
        ..Config::default()
    };
    let module =
        Module::new(config, &mut Unstructured::new(&noise)).map_err(|error| error.to_string())?;
    Ok(module.to_bytes())
}
