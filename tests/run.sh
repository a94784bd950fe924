#!/bin/sh
# Builds the plugins and the test guests, sets up what the tests need, and runs every test.
# Arguments go to `cargo test`.
set -eu

CDPATH='' cd -- "$(dirname -- "$0")/.."
sh plugins/build.sh
HAYRICK_TEST_PYTHON=$(sh tests/python-env.sh)
export HAYRICK_TEST_PYTHON
sh tests/guests/build.sh
# What plugins compute without a host, natively.
cargo test --quiet --locked --manifest-path plugins/Cargo.toml --target-dir target/guests
# An empty path would be taken for one.
[ -n "$HAYRICK_TEST_PYTHON" ] || unset HAYRICK_TEST_PYTHON
exec cargo test --workspace --locked "$@"
