#!/usr/bin/env bash
# Waits until the endpoints are healthy. Its exit status is pmcheck's: 0 they are, 1 they are not, 2 is wrong use, 3 could not be asked.
set -euo pipefail
set -f # a "*" in an address is no file

expand() { # what a user wrote may name variables of the job
	if command -v circleci >/dev/null 2>&1; then
		circleci env subst "$1"
	else
		printf '%s\n' "$1"
	fi
}

args=(deploy health)
urls=$(expand "${PARAM_URLS:-}")
for url in $urls; do
	args+=("--url=$url")
done

# add gives a flag, unless its value is empty or 0.
add() { # FLAG VALUE
	local value
	value=$(expand "$2")
	if [ -n "$value" ] && [ "$value" != 0 ]; then
		args+=("$1=$value")
	fi
}
add --config "${PARAM_CONFIG:-}"
add --status "${PARAM_STATUS:-}"
add --body "${PARAM_BODY:-}"
add --interval "${PARAM_INTERVAL:-}"
add --tries "${PARAM_TRIES:-}"
add --stable "${PARAM_STABLE:-}"

record=$(expand "${PARAM_RECORD_DIRECTORY:-pmcheck-deploy-health}")
mkdir -p "$record"
exec pmcheck "${args[@]}" --format text --format "json=$record/health.json"
