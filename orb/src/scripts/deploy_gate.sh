#!/usr/bin/env bash
# Measures what a gate file lists. Its exit status is pmcheck's: 0 passes, 1 fails, 2 is wrong use, 3 could not be measured.
set -euo pipefail

expand() { # what a user wrote may name variables of the job
	if command -v circleci >/dev/null 2>&1; then
		circleci env subst "$1"
	else
		printf '%s\n' "$1"
	fi
}

config=$(expand "${PARAM_CONFIG:-}")
record=$(expand "${PARAM_RECORD_DIRECTORY:-pmcheck-deploy-gate}")
mkdir -p "$record"
exec pmcheck deploy gate "--config=$config" --format text --format "json=$record/gate.json" --format "html=$record/gate.html"
