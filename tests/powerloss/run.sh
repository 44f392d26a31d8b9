#!/usr/bin/env bash
# What power loss leaves of a store, as TAP; tests/README.md tells how.
#
#	tests/powerloss/run.sh [SECONDS]    of checking; 2,000 states without it
#
# BUILD (build) has the programs; SEED (1) makes another run of clients and
# other states.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
build=$(realpath "${BUILD:-build}")
seconds=${1:-0}
seed=${SEED:-1}
size=$((1 << 20))
requests=1200 states=1000
if ((seconds > 0)); then
	requests=4000 states=8000
fi
# The recorded store is on a disk where /tmp is; the rebuilt ones are not.
recordings=$(mktemp -d)
rebuilt=$(mktemp -d -p /dev/shm)
trap 'rm -rf "$recordings" "$rebuilt"' EXIT
number=0 failed=0

# told SENTENCE COMMAND...
told() {
	local sentence=$1 result=ok
	shift
	number=$((number + 1))
	"$@" || result='not ok' failed=1
	echo "$result $number - $sentence"
}

# record none|commit
record() {
	mkdir "$recordings/$1"
	python3 tests/powerloss/drive.py "$build/markbook" "$build/powerloss/shim.so" \
		"$recordings/$1" "$1" --requests "$requests" --size "$size" --seed "$seed" |
		sed 's/^/# /'
}

# check none|commit ARGUMENT...
check() {
	local durability=$1
	shift
	rm -rf "${rebuilt:?}"/*
	"$build/powerloss/check" -s "$seed" "$@" "$recordings/$durability/log" "$durability" \
		"$size" "$rebuilt"
}

# A check that finds nothing when the disk takes no sync of this kind is none.
finds_lie() {
	grep -q ' [1-9][0-9]* faults$' <(check commit -n 80 -x "$1")
}

echo 1..7
told "a service with durability=commit is recorded" record commit
told "a service with durability=none is recorded" record none
told "durability=commit: each crash state is taken, whole, and has all that was acknowledged" \
	check commit -n "$states" -t $((seconds / 2))
told "durability=none: each crash state is as the store once was, or is refused as damaged" \
	check none -n "$states" -t $((seconds / 2))
told "a disk that ignores syncs of files is found out" finds_lie files
told "a disk that ignores syncs of directories is found out" finds_lie directories
told "a disk that ignores writes that are to be synced is found out" finds_lie synced
((failed == 0))
