#!/bin/sh
# Everything the gate refuses before it runs a test: code that is not formatted, clippy warnings,
# unused dependencies, and dependencies that deny.toml does not allow. Needs cargo-deny and
# cargo-machete; `.ci/run` installs both.
set -eu

CDPATH='' cd -- "$(dirname -- "$0")/.."

echo "formatting"
for manifest in Cargo.toml plugins/Cargo.toml tests/guests/Cargo.toml \
    tests/guests/hostile/Cargo.toml tests/guests/smith/Cargo.toml tests/fuzz/Cargo.toml; do
    cargo fmt --all --manifest-path "$manifest" --check
done

echo "unused dependencies"
cargo machete --with-metadata .

echo "bans, licences and sources"
cargo deny --locked --offline check bans licenses sources

echo "clippy"
cargo clippy --workspace --all-targets --locked --quiet -- --deny warnings
