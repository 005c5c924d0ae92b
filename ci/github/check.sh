#!/usr/bin/env bash
# What the action does, one step a call:
#
#   check.sh install   installs the command, if VMO_INSTALL is true
#   check.sh run       checks the backend, or the part VMO_SHARD of it, and
#                      annotates what fails
#   check.sh merge     puts the reports below the folder VMO_MERGE together
#
# VMO_COMMAND is how the command is started, VMO_ARGUMENTS what it is given
# besides, VMO_REPORTS the folder for the reports. Exit codes are those of the
# command.
set -euo pipefail

command=${VMO_COMMAND:-vmo-conformance}
reports=${VMO_REPORTS:-vmo-conformance-reports}
source=https://github.com/vmo-conformance/vmo-conformance
# Annotations that GitHub shows of one step.
shown=10

# Both are words as a shell has them, such as `cargo run --`.
start=() arguments=()
eval "start=($command)"
eval "arguments=(${VMO_ARGUMENTS:-})"

say_output() { echo "$1=$2" >>"${GITHUB_OUTPUT:-/dev/null}"; }

annotate() {
    local report=$1
    if ! command -v jq >/dev/null; then
        echo "::warning::jq is not installed, so failures are not annotated; install it"
        return
    fi
    # The parts of a run have annotated what failed in them.
    if [ "$shown" = 0 ]; then return; fi
    jq --raw-output --argjson shown "$shown" '
        def text: gsub("%"; "%25") | gsub("\r"; "%0D") | gsub("\n"; "%0A");
        def property: text | gsub(":"; "%3A") | gsub(","; "%2C");
        [.cases[] | select(.verdict | IN("fail", "crash", "timeout", "protocol", "broken"))]
        | (.[:$shown][]
            | [((.clauses // []) | join(" ")), .detail.reason,
               (if .detail.expected then "expected \(.detail.expected), but saw \(.detail.actual)"
                else null end),
               (if .detail.again then "again: \(.detail.again)" else null end)] as $lines
            | "::error title=\("\(.verdict) \(.name)" | property)::\(
                [$lines[] | select(. != null and . != "")] | join("\n") | text)"),
          (if length > $shown
           then "::notice::\(length - $shown) more failures are in the reports" else empty end)
    ' "$report"
    jq --raw-output '(.stale // [])[] | "::error title=stale expectation::\(
        gsub("%"; "%25") | gsub("\r"; "%0D") | gsub("\n"; "%0A"))"' "$report"
}

# Ends with the exit code of the command, after what it wrote was used.
finish() {
    local code=$1
    say_output exit-code "$code"
    say_output reports "$reports"
    if [ -s "$reports/report.json" ]; then
        annotate "$reports/report.json"
    else
        echo "::error::there is no report; the output above says why"
    fi
    if [ -s "$reports/report.md" ] && [ -z "${VMO_SHARD:-}" ]; then
        cat "$reports/report.md" >>"${GITHUB_STEP_SUMMARY:-/dev/null}"
    fi
    exit "$code"
}

case ${1:-} in
install)
    if [ "${VMO_INSTALL:-true}" = true ]; then
        cargo install --locked --git "$source" ${VMO_REF:+--rev "$VMO_REF"} vmo-conformance
    fi
    ;;
run)
    mkdir -p "$reports"
    part=${VMO_SHARD:-}
    say_output artifact "vmo-conformance${part:+-${part/\//-of-}}"
    code=0
    "${start[@]}" run ${part:+--shard "$part"} \
        --report "json=$reports/report.json" --report "junit=$reports/junit.xml" \
        --report "html=$reports/report.html" --report "markdown=$reports/report.md" \
        --report "badge-svg=$reports/badge.svg" --report "badge-json=$reports/badge.json" \
        "${arguments[@]}" || code=$?
    finish "$code"
    ;;
merge)
    mkdir -p "$reports"
    say_output artifact vmo-conformance-report
    mapfile -t parts < <(find "${VMO_MERGE:?is the folder with the reports}" -name report.json | sort)
    if [ ${#parts[@]} = 0 ]; then
        echo "::error::no part of the run left a report; look at their output"
        exit 4
    fi
    code=0
    "${start[@]}" merge "${parts[@]}" \
        --report "json=$reports/report.json" --report "junit=$reports/junit.xml" \
        --report "html=$reports/report.html" --report "markdown=$reports/report.md" \
        --report "badge-svg=$reports/badge.svg" --report "badge-json=$reports/badge.json" ||
        code=$?
    shown=0
    finish "$code"
    ;;
*)
    echo "check.sh: it takes install, run or merge" >&2
    exit 2
    ;;
esac
