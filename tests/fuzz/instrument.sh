#!/bin/sh
# Stands before rustc (RUSTC_WORKSPACE_WRAPPER, RUSTC_WRAPPER) and adds libFuzzer's instrumentation
# to what is ours: the engine below, compiled with it, takes the better part of an hour and would
# draw the fuzzer's eye to what is fuzzed elsewhere.
set -eu

for word in "$@"; do
    case $word in
    host_* | fuzz)
        exec "$@" -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
            -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
            -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing
        ;;
    esac
done
exec "$@"
