#!/usr/bin/env bash
# Judges the change that is checked out. Its exit status is pmcheck's: 0 passes, 1 has findings, 2 is wrong use, 3 could not be done.
set -euo pipefail

expand() { # what a user wrote may name variables of the job
	if command -v circleci >/dev/null 2>&1; then
		circleci env subst "$1"
	else
		printf '%s\n' "$1"
	fi
}

args=(check --stage "${PARAM_STAGE:-pull-request}")

# add gives a flag, unless its value is empty. Pipeline values that are not there come as nothing or as <nil>.
add() { # FLAG VALUE
	local value
	value=$(expand "$2")
	if [ -n "$value" ] && [ "$value" != "<nil>" ]; then
		args+=("$1=$value")
	fi
}

add --base "${PARAM_BASE:-}"
if [ "${PARAM_STAGE:-}" = pre-deploy ]; then
	add --deploy-environment "${PARAM_DEPLOY_ENVIRONMENT:-}"
	add --deploy-component "${PARAM_DEPLOY_COMPONENT:-}"
	add --deploy-job "${PARAM_DEPLOY_JOB:-}"
	add --deploy-workflow "${PARAM_DEPLOY_WORKFLOW:-}"
	add --deploy-branch "${PARAM_DEPLOY_BRANCH:-}"
	add --deployed-ref "${PARAM_DEPLOYED_REF:-}"
	add --circleci-project "${PARAM_CIRCLECI_PROJECT:-}"
	args+=("--circleci-token-env=${PARAM_CIRCLECI_TOKEN:-CIRCLE_TOKEN}")
fi
add --config "${PARAM_CONFIG:-}"
if [ "${PARAM_FAIL_ON:-configured}" != configured ]; then
	args+=("--fail-on=$PARAM_FAIL_ON")
fi
case ${PARAM_DEEPEN:-true} in
true | 1) ;;
*) args+=(--deepen=false) ;;
esac

# Reports are written where the step began, whatever folder the repository is in.
reports=$(expand "${PARAM_REPORT_DIRECTORY:-pmcheck-reports}")
mkdir -p "$reports"
reports=$(cd "$reports" && pwd)
args+=(--format text --format "json=$reports/pmcheck.json" --format "junit=$reports/junit.xml" --format "html=$reports/pmcheck.html")
reason=$(expand "${PARAM_FAILURE_REASON:-}")
if [ -n "$reason" ]; then
	args+=("--failure-reason=$(cd "$(dirname "$reason")" && pwd)/$(basename "$reason")")
fi

# The token that may read pull requests goes by the name that pmcheck knows, to pmcheck alone.
token=${PARAM_GITHUB_TOKEN:-GITHUB_TOKEN}
cd "$(expand "${PARAM_DIRECTORY:-.}")"
GITHUB_TOKEN=${!token:-} exec pmcheck "${args[@]}"
