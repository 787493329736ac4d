#!/usr/bin/env bash
# Builds pmcheck from the action's own source, and sets the step output "program".
set -euo pipefail

fail() {
	echo "::error title=pmcheck could not be built::$1"
	exit 1
}

command -v go >/dev/null || fail "there is no Go on this machine: name a release with the input version"
command -v "${CC:-cc}" >/dev/null || fail "a C compiler is needed (PostgreSQL's parser is compiled in): install gcc, or name a release with the input version"

program=$(mktemp -d "${RUNNER_TEMP:-/tmp}/pmcheck-build.XXXXXX")/pmcheck
cd "$GITHUB_ACTION_PATH"
CGO_ENABLED=1 go build -trimpath -o "$program" ./cmd/pmcheck || fail "go build failed; its messages are above"
"$program" --version
echo "program=$program" >>"$GITHUB_OUTPUT"
