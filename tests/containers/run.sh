#!/usr/bin/env bash
# Builds the images and tests them; engine.sh runs it.  Its last line is `N
# passed, N failed`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
: "${BUILD:=build}" "${MAKE:=make}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

build() {
	# An engine that was there before can pull, or has the image.
	[[ -z ${OWN_ENGINE-} ]] || "$MAKE" --no-print-directory base-image
	"$MAKE" --no-print-directory images
}

build >"$work/log" 2>&1 || {
	tail -n 20 "$work/log"
	echo "the images do not build"
	echo "0 passed, 1 failed"
	exit 1
}

status=0
timeout --kill-after=20 3600 bats --formatter tap tests/containers/*.bats </dev/null 2>&1 |
	tee "$work/tap" || status=${PIPESTATUS[0]}
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
cp "$work/tap" "${BUILD:-build}/test-logs/containers.tap"
echo "$passed passed, $failed failed"
((failed == 0 && passed > 0))
