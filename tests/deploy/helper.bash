# shellcheck shell=bash
# For the tests of deploy/: DEPLOY is that directory, TREE the one above; run.sh
# gives the tools.

TREE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
DEPLOY=$TREE/deploy
TESTS=$TREE/tests/deploy
export TREE DEPLOY TESTS

# No account, no region, no file of whoever runs the tests, and nothing beyond
# this machine.
nobody() {
	local name
	for name in ${!AWS_@}; do unset "$name"; done
	export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
	export AWS_EC2_METADATA_DISABLED=true AWS_MAX_ATTEMPTS=1
	export AWS_ENDPOINT_URL=http://127.0.0.1:1
}

# wait_until COMMAND...: polls until the command succeeds; fails at a deadline
# that no machine needs.
wait_until() {
	local deadline=$((${EPOCHREALTIME/./} + 120 * 1000000))
	until "$@" >/dev/null 2>&1; do
		((${EPOCHREALTIME/./} < deadline)) || {
			echo "not within the deadline: $*" >&2
			return 1
		}
		read -rt 0.05 <> <(:) || :
	done
}

# is EXPECTED ACTUAL
is() {
	[[ $2 == "$1" ]] || {
		echo "expected: $1"
		echo "actual:   $2"
		return 1
	}
}

# has TEXT PART
has() {
	[[ $1 == *"$2"* ]] || {
		echo "'$2' is not in:"
		echo "$1"
		return 1
	}
}
