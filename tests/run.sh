#!/usr/bin/env bash
# Runs suites and says how many tests passed and failed, in its last line:
#
#	tests/run.sh [SUITE...]     all without one; of: unit unit-asan layers inject checker fuzz
#	                            bats docs browser bats-asan powerloss
#
# What they need is built already (make test does that), under BUILD, build by default.  Each suite
# speaks TAP.  A test that was planned and did not run, a suite that ends badly or without a test,
# and a report of a sanitizer count as failed.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$top"
build=$(realpath "${BUILD:-build}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0

# tally NAME STATUS FILE: counts a suite that ended with that status and wrote that TAP.
tally() {
	local name=$1 status=$2 plan ok notok skip
	read -r plan ok notok skip < <(awk '
		/^1\.\.[0-9]+/ { plan += substr($1, 4) }
		/^(not )?ok .*# *(SKIP|skip)/ { skip++; next }
		/^ok / { ok++ }
		/^not ok / { notok++ }
		END { print plan + 0, ok + 0, notok + 0, skip + 0 }' "$3")
	if ((ok + notok + skip < plan)); then
		echo "# $name: $((plan - ok - notok - skip)) of $plan tests did not run"
		notok=$((notok + plan - ok - notok - skip))
	fi
	if ((notok == 0 && (status != 0 || ok + skip == 0))); then
		echo "# $name: ended with status $status after $((ok + skip)) tests"
		notok=1
	fi
	echo "# $name: $ok passed, $notok failed, $skip skipped"
	passed=$((passed + ok)) failed=$((failed + notok)) skipped=$((skipped + skip))
}

# suite NAME COMMAND...: bounded, since a test that hangs must not keep the others from being told.
suite() {
	local name=$1 status=0
	shift
	echo "# $name"
	timeout --kill-after=20 1800 "$@" </dev/null 2>&1 | tee "$work/tap" || status=${PIPESTATUS[0]}
	tally "$name" "$status" "$work/tap"
}

# unit DIRECTORY: each program in it that has a source.
unit() {
	local source name
	for source in tests/unit/*/test_*.c; do
		name=${source#tests/unit/} name=${name%.c}
		CMOCKA_MESSAGE_OUTPUT=TAP suite "$1/$name" "$build/$1/$name"
	done
}

# bats_suite NAME PROGRAM FILE...
bats_suite() {
	local name=$1
	MARKBOOK=$2 suite "$name" bats --formatter tap --jobs 2 "${@:3}"
}

# A worker that a sanitizer ends is replaced, and a test need not notice: the report counts.  Not so
# memory that libfcgi asks for at a bad peer's word, which malloc refuses as it does without one.
sanitized() {
	local report
	ASAN_OPTIONS=log_path=$work/report:handle_sigill=1
	ASAN_OPTIONS+=:detect_stack_use_after_return=1:allocator_may_return_null=1
	export ASAN_OPTIONS
	"$@"
	unset ASAN_OPTIONS
	for report in "$work"/report*; do
		grep -qs 'ERROR: ' "$report" || continue
		sed 's/^/# /' "$report"
		failed=$((failed + 1))
	done
	rm -f "$work"/report*
}

(($#)) || set -- unit unit-asan layers inject checker fuzz bats docs browser bats-asan powerloss
for name in "$@"; do
	case $name in
	unit) unit unit ;;
	unit-asan) sanitized unit asan/unit ;;
	bats) bats_suite bats "$build/markbook" tests/*.bats ;;
	docs) bats_suite docs "$build/markbook" tests/docs/*.bats ;;
	browser) bats_suite browser "$build/markbook" tests/browser/*.bats ;;
	bats-asan) sanitized bats_suite bats-asan "$build/asan/markbook" tests/*.bats ;;
	powerloss) suite powerloss tests/powerloss/run.sh ;;
	layers) suite layers tests/layers.sh ;;
	checker) suite checker python3 -B tests/torture/checker_test.py ;;
	fuzz) suite fuzz tests/fuzz/run.sh replay ;;
	inject)
		suite inject tests/inject/run.py --quick --program "$build/markbook" --preload "$build/inject.so"
		;;
	*)
		echo "$0: no suite is called '$name'" >&2
		exit 2
		;;
	esac
done

((skipped == 0)) || echo "# $skipped skipped"
echo "$passed passed, $failed failed"
((failed == 0 && passed > 0))
