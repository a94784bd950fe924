#!/bin/sh
# Creates the tests' Python environment in target/test-env and prints the path of its interpreter.
# Without python3, prints no path and reports what is skipped; in CI, that is a failure.
set -eu

CDPATH='' cd -- "$(dirname -- "$0")"
mkdir -p ../target/test-env
venv=$(cd ../target/test-env && pwd)/venv

if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    echo "SKIPPED: the Python guest, the tests with the official openai client and the tests generated from" \
        "the OpenAPI document: install python3 with venv (on Debian: apt-get install python3-venv)," \
        "then run this again" >&2
    if [ "${CI:-}" = true ]; then exit 1; fi
    exit 0
fi
if ! cmp -s requirements.txt "$venv/installed-requirements.txt"; then
    rm -rf "$venv"
    python3 -m venv "$venv" >&2
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        --requirement requirements.txt >&2
    cp requirements.txt "$venv/installed-requirements.txt"
fi
echo "$venv/bin/python"
