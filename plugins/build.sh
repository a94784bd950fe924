#!/bin/sh
# Builds every Rust plugin of this folder: plugins/NAME/ becomes plugins/NAME.wasm, which a running
# host picks up at once. A plugin is what has `crate-type = ["cdylib"]` in its Cargo.toml. Needs
# rustup and a C compiler.
set -eu

CDPATH='' cd -- "$(dirname -- "$0")"
target=wasm32-wasip2
built=../target/guests/$target/release

if ! command -v cargo >/dev/null; then
    echo "plugins/build.sh: there is no cargo: install Rust from https://rustup.rs, then run this again" >&2
    exit 1
fi
# What tunes the host's code does not fit WebAssembly.
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS
[ -d "$(rustc --print target-libdir --target $target)" ] || rustup target add $target
# A target folder of its own: a build of the host and one of the plugins do not wait for each other.
cargo build --release --target $target --target-dir ../target/guests

for manifest in */Cargo.toml; do
    # What plugins share is none itself.
    grep -q cdylib "$manifest" || continue
    name=${manifest%/Cargo.toml}
    component=$built/$(echo "$name" | tr - _).wasm
    # Same bytes, same plugin: the host has nothing to reload.
    cmp -s "$component" "$name.wasm" && continue
    # By rename: whoever looks meanwhile sees the old file or the new one, never half of it.
    cp "$component" "$name.wasm.new"
    mv "$name.wasm.new" "$name.wasm"
    echo "built plugins/$name.wasm"
done
