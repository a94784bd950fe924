#!/bin/sh
# Builds every test guest into target/guests/components/NAME.wasm: examples/ with cargo, hostile/
# into hostile/NAME.wasm, python/ and javascript/ if their toolchains are installed. Reports each
# guest that is skipped and how to build it; in CI, a skipped guest is a failure.
set -eu

CDPATH='' cd -- "$(dirname -- "$0")"
root=$(cd ../.. && pwd)
target=wasm32-wasip2
components=$root/target/guests/components
mkdir -p "$components"

# A checksum of the given files and folders. Modification times are useless here, because a checkout
# changes them.
sum_of() {
    find "$@" -type f -exec cksum {} + | sort | cksum
}

# Whether $1 was built from sources with the checksum $2.
is_fresh() {
    [ -f "$1" ] && [ "$(cat "$1.sum" 2>/dev/null)" = "$2" ]
}

# Derives the contract without `async` into target/guests/wit-sync; what has not changed keeps its
# time, so that nothing is built again.
derive_sync() {
    derived=$root/target/guests/wit-sync
    rm -rf "$derived.new"
    sh "$root/wit/derive-sync.sh" "$derived.new"
    if diff -r "$derived" "$derived.new" >/dev/null 2>&1; then
        rm -r "$derived.new"
    else
        rm -rf "$derived"
        mv "$derived.new" "$derived"
    fi
}

build_rust() {
    # Flags that tune the host's code do not apply to WebAssembly.
    unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS
    [ -d "$(rustc --print target-libdir --target $target)" ] || rustup target add $target
    cargo build --release --locked --target $target --target-dir "$root/target/guests" --examples
    for source in examples/*.rs; do
        name=$(basename "$source" .rs)
        component=$components/$(echo "$name" | tr _ -).wasm
        built=$root/target/guests/$target/release/examples/$name.wasm
        cmp -s "$built" "$component" || cp "$built" "$component"
    done
}

# Hostile guests are a separate workspace: there are many of them, and their profile builds quickly.
build_hostile() {
    unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS
    mkdir -p "$components/hostile"
    (cd hostile &&
        cargo build --release --locked --target $target --target-dir "$root/target/guests/hostile" --examples)
    for source in hostile/*.rs; do
        name=$(basename "$source" .rs)
        if [ "$name" = lib ]; then continue; fi
        component=$components/hostile/$(echo "$name" | tr _ -).wasm
        built=$root/target/guests/hostile/$target/release/examples/$name.wasm
        cmp -s "$built" "$component" || cp "$built" "$component"
    done
}

# Modules that wasm-smith generates from fixed seeds, for components that no toolchain produces.
build_smith() {
    (cd smith && cargo run --quiet --locked --target-dir "$root/target/guests/smith" -- "$components/hostile")
}

build_python() {
    component=$components/echo-relay-python.wasm
    python=${HAYRICK_TEST_PYTHON-$(sh ../python-env.sh)}
    if [ -z "$python" ]; then
        rm -f "$component"
        return
    fi
    sum=$(sum_of python ../requirements.txt build.sh "$root/wit")
    is_fresh "$component" "$sum" && return
    PYTHONDONTWRITEBYTECODE=1 "$(dirname "$python")/componentize-py" --quiet \
        --wit-path "$root/wit" --world wrapper componentize \
        --python-path python --output "$component.new" echo_relay
    mv "$component.new" "$component"
    echo "$sum" >"$component.sum"
}

build_javascript() {
    component=$components/echo-relay-javascript.wasm
    modules=$root/target/test-env/node
    if ! { command -v node && command -v npm; } >/dev/null; then
        rm -f "$component"
        echo "SKIPPED: the JavaScript guest: install node 18 or newer with npm, then run this again" >&2
        if [ "${CI:-}" = true ]; then exit 1; fi
        return
    fi
    sum=$(sum_of javascript build.sh "$root/wit")
    is_fresh "$component" "$sum" && return
    mkdir -p "$modules"
    if ! cmp -s javascript/package-lock.json "$modules/installed-lock.json"; then
        cp javascript/package.json javascript/package-lock.json "$modules"
        # Not `npm ci`: it refuses the lock file, because the toolchain's package lists platforms
        # it was never published for.
        (cd "$modules" && npm install --loglevel=error --ignore-scripts --no-audit --no-fund)
        cp javascript/package-lock.json "$modules/installed-lock.json"
    fi
    "$modules/node_modules/.bin/componentize-qjs" --sync --wit "$root/target/guests/wit-sync" \
        --world wrapper --js javascript/echo-relay.js --output "$component.new" >/dev/null
    mv "$component.new" "$component"
    echo "$sum" >"$component.sum"
}

derive_sync
build_rust
build_hostile
build_smith
build_python
build_javascript
