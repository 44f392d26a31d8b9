#!/usr/bin/env bash
# Runs the fuzz targets that are built under BUILD (build):
#
#	tests/fuzz/run.sh SECONDS [TARGET...]    look for new inputs
#	tests/fuzz/run.sh replay                 run the corpora; TAP
#	tests/fuzz/run.sh minimise               add what reaches more to them
#
# Each target runs for SECONDS.  A finding is written to BUILD/fuzz/findings,
# and its report to the log of the target.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$(realpath "${BUILD:-$top/build}")/fuzz
cd "$top/tests/fuzz"
targets=(names json merge fields fastcgi store)

# Stores and sockets of a target that a finding ends are taken away all the
# same.
TMPDIR=$(mktemp -d -p "$([[ -w /dev/shm ]] && echo /dev/shm || echo /tmp)" fuzz-XXXXXX)
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
export ASAN_OPTIONS=detect_stack_use_after_return=1:allocator_may_return_null=1

# Bytes of an input at most: small ones are quick, and say more when they fail.
declare -A longest=([names]=300 [json]=512 [merge]=512 [fields]=1024 [fastcgi]=1024 [store]=64)

options() {
	echo -timeout=30 -rss_limit_mb=2048 -max_len="${longest[$1]}" \
		-artifact_prefix="$build/findings/$1-"
	[[ ! -e $1.dict ]] || echo -dict="$1.dict"
}

# fuzz SECONDS TARGET: from the corpus, and from what was found before.
fuzz() {
	local target=$2 log=$build/$2.log found=$build/found/$2 executed new options status=0
	mapfile -t options < <(options "$target" | tr ' ' '\n')
	mkdir -p "$found"
	timeout --kill-after=20 $(($1 + 120)) "$build/fuzz_$target" "${options[@]}" \
		-max_total_time="$1" -print_final_stats=1 "$found" "corpus/$target" \
		>"$log" 2>&1 || status=$?
	executed=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
	new=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
	echo "$target: ${executed:-0} executions, ${new:-0} edges reached"
	((status == 0)) && return
	echo "$target: ended with status $status:"
	grep -E 'does not hold|ERROR: |runtime error|SUMMARY|Test unit written' "$log" |
		sed 's/^/	/' || tail -n 5 "$log"
	return 1
}

replay() {
	local target n=0 status=0
	echo "1..${#targets[@]}"
	for target in "${targets[@]}"; do
		n=$((n + 1))
		if timeout --kill-after=5 120 "$build/fuzz_$target" -timeout=30 -runs=0 \
			-artifact_prefix="$build/findings/$target-" "corpus/$target" \
			>"$build/$target.log" 2>&1; then
			echo "ok $n - $(find "corpus/$target" -type f | wc -l) inputs of $target"
		else
			echo "not ok $n - $target"
			grep -vE '^(INFO|#)' "$build/$target.log" | head -n 60 | sed 's/^/# /'
			status=1
		fi
	done
	return $status
}

# Inputs with a name of their own once were findings: they stay.
minimise() {
	local target kept options
	for target in "${targets[@]}"; do
		kept=$TMPDIR/kept
		mkdir -p "$kept" "$build/found/$target"
		mapfile -t options < <(options "$target" | tr ' ' '\n')
		"$build/fuzz_$target" "${options[@]}" -set_cover_merge=1 "$kept" "corpus/$target" \
			"$build/found/$target" >"$build/$target.log" 2>&1
		find "corpus/$target" -type f -regextype egrep -regex '.*/[0-9a-f]{40}' -delete
		cp -- "$kept"/* "corpus/$target"
		rm -rf "$kept"
		echo "$target: $(find "corpus/$target" -type f | wc -l) inputs"
	done
}

mkdir -p "$build/findings"
case ${1-} in
replay) replay ;;
minimise) minimise ;;
[1-9]*)
	seconds=$1
	shift
	status=0
	(($#)) || set -- "${targets[@]}"
	for target in "$@"; do
		fuzz "$seconds" "$target" || status=1
	done
	exit $status
	;;
*)
	echo "usage: $0 SECONDS [TARGET...] | replay | minimise" >&2
	exit 2
	;;
esac
