#!/bin/sh
# Derives hayrick:pipeline-sync from the contract for toolchains that cannot import async functions
# yet: the same text without `async`, under a different package name.
# Usage: sh wit/derive-sync.sh OUT_DIR
set -eu

if [ $# -ne 1 ]; then
    echo "usage: sh wit/derive-sync.sh OUT_DIR   (writes the three .wit files of hayrick:pipeline-sync there)" >&2
    exit 2
fi
wit=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
if [ "$out" = "$wit" ]; then
    echo "derive-sync.sh: OUT_DIR is the folder of the contract: choose another one" >&2
    exit 2
fi
# A file that the contract no longer has would be read as part of the package.
for file in "$out"/*.wit; do
    if [ ! -f "$wit/${file##*/}" ] && grep -q '^package hayrick:pipeline-sync@' "$file" 2>/dev/null; then
        rm "$file"
    fi
done
for file in "$wit"/*.wit; do
    sed -e 's/^package hayrick:pipeline@/package hayrick:pipeline-sync@/' -e 's/: async func(/: func(/' "$file" >"$out/${file##*/}"
done
