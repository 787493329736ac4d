#!/usr/bin/env bash
# Says in Slack how the deploy ended. Its exit status is pmcheck's: 0 Slack has it, 2 is wrong use, 3 Slack could not be told.
set -euo pipefail

expand() { # what a user wrote may name variables of the job
	if command -v circleci >/dev/null 2>&1; then
		circleci env subst "$1"
	else
		printf '%s\n' "$1"
	fi
}

outcome=${PARAM_OUTCOME:-job}
if [ "$outcome" = job ]; then
	outcome=$PARAM_JOB
fi
case "${PARAM_EVENT:-always} $outcome" in
"fail passed" | "pass failed" | "pass rolled-back")
	echo "The deploy is $outcome, and nothing is said of that."
	exit 0
	;;
esac
args=(deploy notify "--outcome=$outcome")

add() { # FLAG VALUE gives a flag, unless its value is empty
	local value
	value=$(expand "$2")
	if [ -n "$value" ]; then
		args+=("$1=$value")
	fi
}

add --environment "${PARAM_ENVIRONMENT:-}"
add --service "${PARAM_SERVICE:-}"
add --note "${PARAM_NOTE:-}"
add --channel "${PARAM_CHANNEL:-}"
set -f # a name with a star is no pattern
for report in $(expand "${PARAM_REPORTS:-}"); do
	if [ -f "$report" ]; then
		args+=("--report=$report")
	fi
done

# The secrets go by the names that pmcheck knows, to pmcheck alone.
token=${PARAM_SLACK_BOT_TOKEN:-SLACK_BOT_TOKEN}
webhook=${PARAM_SLACK_WEBHOOK:-SLACK_WEBHOOK_URL}
status=0
SLACK_BOT_TOKEN=${!token:-} SLACK_WEBHOOK_URL=${!webhook:-} pmcheck "${args[@]}" || status=$?
case "$status ${PARAM_IGNORE_ERRORS:-true}" in
"3 true" | "3 1")
	echo "Slack was not told; the job goes on." >&2
	exit 0
	;;
esac
exit "$status"
