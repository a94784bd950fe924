#!/bin/sh
# A wrapper around rustc (RUSTC_WORKSPACE_WRAPPER, RUSTC_WRAPPER) that adds libFuzzer's
# instrumentation to our own crates. Compiling the engine with it would take the better part of an
# hour and draw the fuzzer to code that is fuzzed elsewhere.
set -eu

for argument in "$@"; do
    case $argument in
    hayrick_* | fuzz)
        exec "$@" -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
            -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
            -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing
        ;;
    esac
done
exec "$@"
