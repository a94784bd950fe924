#!/bin/sh
# Builds the plugins and the test guests, sets up what the tests need, and runs every test.
# Arguments are passed to `cargo test`.
set -eu

CDPATH='' cd -- "$(dirname -- "$0")/.."
sh plugins/build.sh
HAYRICK_TEST_PYTHON=$(sh tests/python-env.sh)
export HAYRICK_TEST_PYTHON
sh tests/guests/build.sh
# The plugins' unit tests, which run natively without a host.
cargo test --quiet --locked --manifest-path plugins/Cargo.toml --target-dir target/guests
# Do not export an empty path: it would be used as a path.
[ -n "$HAYRICK_TEST_PYTHON" ] || unset HAYRICK_TEST_PYTHON
exec cargo test --workspace --locked "$@"
