#!/bin/bash -eu
# Builds the fuzz targets of a crate for OSS-Fuzz and ClusterFuzzLite.
#
#   build.sh [PROJECT]
#
# PROJECT is a folder with a cargo-fuzz crate in fuzz/; without it, it is the
# repository that this file is in. The engine sets OUT, SANITIZER and
# FUZZING_ENGINE. To $OUT go the fuzzers, and for each of them a seed corpus and
# options with a dictionary.
set -o pipefail

: "${OUT:?is set by the engine to the folder for the fuzzers}"
SANITIZER=${SANITIZER:-address}
FUZZING_ENGINE=${FUZZING_ENGINE:-libfuzzer}

kit=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
suite=$(cd "$kit/../.." && pwd)
project=$(cd "${1:-$suite}" && pwd)

if [ "$FUZZING_ENGINE" != libfuzzer ]; then
    echo "build.sh: the fuzzers are made for libfuzzer, not for $FUZZING_ENGINE;" \
        "set fuzzing_engines in project.yaml to libfuzzer alone" >&2
    exit 1
fi
case $SANITIZER in
address | memory | thread | none) sanitizer=$SANITIZER ;;
# The engine's own cargo turns this into a build with coverage.
coverage | introspector) sanitizer=none ;;
*)
    echo "build.sh: Rust has no sanitizer '$SANITIZER';" \
        "set sanitizers in project.yaml to address alone" >&2
    exit 1
    ;;
esac

mkdir -p "$OUT"
cd "$project"
# Comparisons are traced in vain: programs are changed as programs.
cargo fuzz build --fuzz-dir fuzz --release --no-trace-compares --sanitizer "$sanitizer"

target=$(cargo metadata --manifest-path fuzz/Cargo.toml --format-version 1 --no-deps |
    sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
triple=$(rustc -vV | sed -n 's/^host: //p')

# Programs that are in the named folders, each under a name of its own.
seeds() {
    local archive=$1 folder
    shift
    rm -f "$archive"
    for folder in "$@"; do
        if [ -d "$folder" ]; then
            (cd "$(dirname "$folder")" &&
                find "$(basename "$folder")" -name '*.vmo' -print | sort |
                zip --quiet --must-match "$archive" -@)
        fi
    done
}

cargo fuzz list --fuzz-dir fuzz | while read -r fuzzer; do
    # It does nothing, for others to be compared with.
    [ "$fuzzer" != empty ] || continue
    cp "$target/$triple/release/$fuzzer" "$OUT/"
    cp "$kit/fuzzer.options" "$OUT/$fuzzer.options"
    if [ "$fuzzer" = text ]; then
        seeds "$OUT/${fuzzer}_seed_corpus.zip" "$suite/corpus/text" "$suite/corpus/programs"
    elif [ -d "$suite/corpus/$fuzzer" ]; then
        seeds "$OUT/${fuzzer}_seed_corpus.zip" "$suite/corpus/$fuzzer" "$suite/corpus/regressions"
    else
        # A fuzzer of somebody else's: programs with every call.
        seeds "$OUT/${fuzzer}_seed_corpus.zip" "$suite/corpus/programs" "$suite/corpus/regressions"
    fi
done
cp "$kit/vmo.dict" "$OUT/"
