#!/bin/sh
# Runs a fuzz target on its seeds for SECONDS (default 600): sh tests/fuzz/run.sh TARGET [SECONDS].
# Findings go to target/fuzz/found/TARGET.
set -eu

CDPATH='' cd -- "$(dirname -- "$0")/../.."
target=$1
seconds=${2:-600}
case $target in
sse | upstream_answer) features='' ;;
*) features=sandbox ;;
esac
RUSTC_WRAPPER=$PWD/tests/fuzz/instrument.sh cargo build --release --locked \
    --manifest-path tests/fuzz/Cargo.toml --target-dir target/fuzz --features "$features" --bin "$target"
corpus=target/fuzz/corpus/$target
mkdir -p "$corpus" "target/fuzz/found/$target"
exec nice -n 19 "target/fuzz/release/$target" "$corpus" "tests/fuzz/seeds/$target" \
    -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
    -artifact_prefix="target/fuzz/found/$target/" -print_final_stats=1
