#!/bin/bash -eu
# Starts each fuzzer that build.sh left in a folder, as an engine does: with its
# seeds, its dictionary and its options.
#
#   try.sh OUT [SECONDS]
set -o pipefail

out=$(cd "${1:?is the folder that build.sh wrote to}" && pwd)
seconds=${2:-10}
started=0
for options in "$out"/*.options; do
    fuzzer=${options%.options}
    work=$(mktemp -d)
    mkdir "$work/seeds" "$work/found"
    unzip -q "${fuzzer}_seed_corpus.zip" -d "$work/seeds"
    mapfile -t flags < <(sed -n 's/^\([a-z_]*\) = \(.*\)$/-\1=\2/p' "$options" | sed "s|^-dict=|&$out/|")
    echo "== $(basename "$fuzzer")"
    # Engines start fuzzers elsewhere, and give them a writable folder first.
    if ! (cd "$work" && "$fuzzer" "${flags[@]}" -max_total_time="$seconds" \
        -print_final_stats=1 found seeds >log 2>&1); then
        tail -n 40 "$work/log"
        echo "try.sh: $(basename "$fuzzer") failed; $work has what it found" >&2
        exit 1
    fi
    grep -E '^(Dictionary|stat::number_of_executed_units|Done)|INITED' "$work/log"
    rm -r "$work"
    started=$((started + 1))
done
echo "$started fuzzers ran for $seconds seconds each"
