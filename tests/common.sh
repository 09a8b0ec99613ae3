# What the scripts of this folder share; they source it from the repository's root.

# The binary that is tested: THRONG_BIN, or a release build.
use_binary() {
    if [ -z "${THRONG_BIN:-}" ]; then
        cargo build --release --bin throng
        THRONG_BIN="${CARGO_TARGET_DIR:-$PWD/target}/release/throng"
    fi
    export THRONG_BIN
}

# use_venv NAME FOLDER: $venv has the packages of FOLDER/requirements.txt, and what those need in the
# versions of FOLDER/constraints.txt, if that is there. It is made anew when one of the two changes.
use_venv() {
    venv="$PWD/target/$1-venv"
    local wanted=(-r "$2/requirements.txt") files=("$2/requirements.txt")
    if [ -e "$2/constraints.txt" ]; then
        wanted+=(-c "$2/constraints.txt")
        files+=("$2/constraints.txt")
    fi
    if ! cmp -s <(cat "${files[@]}") "$venv/installed.txt"; then
        rm -rf "$venv"
        python3 -m venv "$venv"
        "$venv/bin/pip" install --quiet "${wanted[@]}"
        cat "${files[@]}" >"$venv/installed.txt"
    fi
}
