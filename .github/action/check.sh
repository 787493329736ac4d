#!/usr/bin/env bash
# Runs the check in the current folder: the report to the log, annotations, the
# summary of the job, and the step outputs verdict, errors, warnings and report.
# Ends as pmcheck does.
set -euo pipefail

program=$PMCHECK_PROGRAM
work=$(mktemp -d "${RUNNER_TEMP:-/tmp}/pmcheck.XXXXXX")

# The workspace may belong to another user than the one in a container. Only for
# these calls of git it is trusted; what is in it is still not run.
n=${GIT_CONFIG_COUNT:-0}
export "GIT_CONFIG_KEY_$n=safe.directory" "GIT_CONFIG_VALUE_$n=$(pwd -P)" GIT_CONFIG_COUNT=$((n + 1))

args=(check --deepen --color never)
add() { # FLAG VALUE
	if [ -n "$2" ]; then args+=("$1=$2"); fi
}
add --base "$PMCHECK_BASE"
add --head "$PMCHECK_HEAD"
add --stage "$PMCHECK_STAGE"
add --config "$PMCHECK_CONFIG"
add --fail-on "$PMCHECK_FAIL_ON"

# A release that is pinned may be older than this script.
known=$("$program" __complete check --format '' 2>/dev/null | cut -f 1)
knows() { grep -qx "$1" <<<"$known"; }

log=text
while IFS= read -r line; do
	line=$(tr -d '[:space:]' <<<"$line")
	case $line in
	'') ;;
	*=*) args+=("--format=$line") ;;
	*) log=$line ;;
	esac
done <<<"$PMCHECK_FORMAT"
args+=("--format=$log" "--format=json=$work/report.json")
if [ "$PMCHECK_ANNOTATIONS" = true ] && [ "$log" != github ] && knows github; then
	args+=("--format=github=$work/annotations")
fi
if [ "$PMCHECK_SUMMARY" = true ] && [ -n "${GITHUB_STEP_SUMMARY:-}" ] && knows markdown; then
	args+=("--format=markdown=$work/summary.md")
fi

# A line of the report that begins with "::" must not be a command to the runner.
if [ "$log" = github ]; then
	"$program" "${args[@]}" && status=0 || status=$?
else
	token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
	echo "::stop-commands::$token"
	"$program" "${args[@]}" 2>&1 | tee "$work/log" && status=0 || status=$?
	echo
	echo "::$token::"
fi

if [ -f "$work/annotations" ]; then cat "$work/annotations"; fi
if [ -f "$work/summary.md" ]; then cat "$work/summary.md" >>"$GITHUB_STEP_SUMMARY"; fi

# The report is indented by two spaces a level, and a text in it has no line breaks.
number() { sed -n '/^  "summary": {$/,/^  }/s/^    "'"$1"'": \([0-9][0-9]*\),*$/\1/p' "$work/report.json"; }
verdict=error errors=0 warnings=0 report=
if [ -f "$work/report.json" ]; then
	report=$work/report.json
	verdict=$(sed -n 's/^  "verdict": "\([a-z]*\)",*$/\1/p' "$report" | head -n 1)
	errors=$(number error)
	warnings=$(number warning)
elif [ -f "$work/log" ]; then
	# What follows the last "pmcheck: " says why. It is escaped as the runner asks.
	why=$(awk '/^pmcheck: / { text = "" } { text = text $0 "\n" } END { printf "%s", text }' "$work/log" | tr -d '\r' | head -c 2000)
	why=${why//'%'/%25}
	why=${why//$'\n'/%0A}
	echo "::error title=The check could not be done::${why#pmcheck: }"
fi
{
	echo "verdict=${verdict:-error}"
	echo "errors=${errors:-0}"
	echo "warnings=${warnings:-0}"
	echo "report=$report"
} >>"$GITHUB_OUTPUT"
exit "$status"
