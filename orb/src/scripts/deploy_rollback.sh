#!/usr/bin/env bash
# Brings the last good version back. Its exit status is pmcheck's: 0 rolled back, 1 refused or failed, 2 is wrong use, 3 could not be asked.
set -euo pipefail

expand() { # what a user wrote may name variables of the job
	if command -v circleci >/dev/null 2>&1; then
		circleci env subst "$1"
	else
		printf '%s\n' "$1"
	fi
}

args=(deploy rollback "--by=${PARAM_BY:-rerun}")

# add gives a flag, unless its value is empty. Pipeline values that are not there come as nothing or as <nil>.
add() { # FLAG VALUE
	local value
	value=$(expand "$2")
	if [ -n "$value" ] && [ "$value" != "<nil>" ]; then
		args+=("$1=$value")
	fi
}

add --to "${PARAM_TO:-}"
add --from "${PARAM_FROM:-}"
add --deploy-environment "${PARAM_DEPLOY_ENVIRONMENT:-}"
add --deploy-component "${PARAM_DEPLOY_COMPONENT:-}"
add --deploy-job "${PARAM_DEPLOY_JOB:-}"
add --deploy-workflow "${PARAM_DEPLOY_WORKFLOW:-}"
add --deploy-branch "${PARAM_DEPLOY_BRANCH:-}"
add --deployed-ref "${PARAM_DEPLOYED_REF:-}"
add --circleci-project "${PARAM_CIRCLECI_PROJECT:-}"
args+=("--circleci-token-env=${PARAM_CIRCLECI_TOKEN:-CIRCLE_TOKEN}")
add --pipeline-definition "${PARAM_PIPELINE_DEFINITION:-}"
add --pipeline-branch "${PARAM_PIPELINE_BRANCH:-}"
add --pipeline-tag "${PARAM_PIPELINE_TAG:-}"
add --reason "${PARAM_REASON:-}"
mapfile -t parameters < <(expand "${PARAM_PIPELINE_PARAMETERS:-}")
for parameter in "${parameters[@]}"; do
	if [ -n "${parameter//[[:space:]]/}" ]; then
		args+=("--parameter=$parameter")
	fi
done
case ${PARAM_FORCE:-false} in
true | 1) args+=(--force) ;;
esac
case ${PARAM_DRY_RUN:-false} in
true | 1) args+=(--dry-run) ;;
esac
args+=("--timeout=${PARAM_ROLLBACK_TIMEOUT:-1800}s")

# The record is written where the step began, whatever folder the repository is in.
record=$(expand "${PARAM_RECORD:-pmcheck-reports/rollback.json}")
mkdir -p "$(dirname "$record")"
args+=(--format text "--format=json=$(cd "$(dirname "$record")" && pwd)/$(basename "$record")")

# The command is not expanded here: bash does that when it runs it.
if [ -n "${PARAM_COMMAND:-}" ]; then
	args+=(-- bash -eo pipefail -c "$PARAM_COMMAND")
fi
cd "$(expand "${PARAM_DIRECTORY:-.}")"
exec pmcheck "${args[@]}"
