#!/bin/sh
# Builds every Rust plugin in this folder: plugins/NAME/ becomes plugins/NAME.wasm, which a running
# host picks up at once. Every package with `crate-type = ["cdylib"]` in its Cargo.toml is a plugin.
# Needs rustup and a C compiler.
set -eu

CDPATH='' cd -- "$(dirname -- "$0")"
target=wasm32-wasip2
built=../target/guests/$target/release

if ! command -v cargo >/dev/null; then
    echo "plugins/build.sh: cargo not found: install Rust from https://rustup.rs, then run this again" >&2
    exit 1
fi
# Flags that tune the host's code do not apply to WebAssembly.
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS
[ -d "$(rustc --print target-libdir --target $target)" ] || rustup target add $target
# A separate target folder, so that builds of the host and of the plugins do not block each other.
cargo build --release --target $target --target-dir ../target/guests

for manifest in */Cargo.toml; do
    # Skip libraries shared by plugins.
    grep -q cdylib "$manifest" || continue
    name=${manifest%/Cargo.toml}
    component=$built/$(echo "$name" | tr - _).wasm
    # Leave an unchanged plugin alone, so that the host does not reload it.
    cmp -s "$component" "$name.wasm" && continue
    # Rename the file into place: readers see the old file or the new one, never half of it.
    cp "$component" "$name.wasm.new"
    mv "$name.wasm.new" "$name.wasm"
    echo "built plugins/$name.wasm"
done
