#!/usr/bin/env bash
# Tests of deploy/ and .github/, by the tools in TOOLS (make deploy-tools):
#
#	tests/deploy/run.sh FILE.bats...
#
# Its last line is `N passed, N failed`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
: "${TOOLS:?is the directory of the tools, see deploy/deploy.mk}"
export TOOLS PATH=$TOOLS:$PATH PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

status=0
timeout --kill-after=20 900 bats --formatter tap "$@" </dev/null 2>&1 | tee "$work/tap" ||
	status=${PIPESTATUS[0]}
# A test that was planned and did not run failed, too.
read -r passed failed skipped < <(awk '
	/^1\.\.[0-9]+/ { plan += substr($1, 4) }
	/^ok .*# *(SKIP|skip)/ { skipped++; next }
	/^ok / { passed++ }
	END { print passed + 0, plan - passed - skipped, skipped + 0 }' "$work/tap")
((status == 0 || failed > 0)) || failed=1
((skipped == 0)) || {
	echo "# $skipped skipped:"
	sed -nE 's/^ok [0-9]+ (.+) # skip ?(.*)/#   \1 (\2)/p' "$work/tap"
}
# For .ci/run, which asks whether any step ran them.
mkdir -p "${BUILD:-build}/test-logs"
cp "$work/tap" "${BUILD:-build}/test-logs/deploy.tap"
echo "$passed passed, $failed failed"
((failed == 0 && passed > 0))
