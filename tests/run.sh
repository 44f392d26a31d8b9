#!/usr/bin/env bash
# Runs suites side by side and says how many tests passed and failed, in its
# last line:
#
#	tests/run.sh [SUITE...]     all that `make test` has, without one; of: unit unit-asan layers inject
#	                            checker fuzz bats docs browser powerloss input-asan bats-asan
#
# What they need is built already (make test does that), under BUILD, build by
# default.  A file of a suite is a job of its own, JOBS of them at once; each
# speaks TAP.  A test that was planned and did not run, a job that ends badly or
# without a test, and a report of a sanitizer count as failed.  What each said
# is kept in BUILD/test-logs.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$top"
build=$(realpath "${BUILD:-build}")
# Many tests wait more than they compute.
jobs=${JOBS:-$((2 * $(nproc)))}
logs=$build/test-logs
# No test takes so long: one that hangs must not keep the others from being
# told.
limit_s=1800
began=$SECONDS

# --- the jobs -----------------------------------------------------------------

# Of each: SUITE/FILE, the command, and whether it runs under the sanitizers.
names=() commands=() sanitized=()

# job [-s] NAME COMMAND...
job() {
	local under=
	if [[ $1 == -s ]]; then
		under=yes
		shift
	fi
	names+=("$1")
	commands+=("$(printf '%q ' "${@:2}")")
	sanitized+=("$under")
}

# unit SUITE DIRECTORY [-s]: the program of each source, wherever it lies.
unit() {
	local source name found=
	while IFS= read -r source; do
		found=yes name=${source#tests/unit/} name=${name%.c}
		job ${3+"$3"} "$1/$name" env CMOCKA_MESSAGE_OUTPUT=TAP "$2/$name"
	done < <(find tests/unit -name 'test_*.c' | sort)
	[[ -n $found ]] || job "$1" false
}

# bats_files SUITE PROGRAM [-s] FILE...
bats_files() {
	local suite=$1 program=$2 under=() file
	shift 2
	if [[ $1 == -s ]]; then
		under=(-s)
		shift
	fi
	for file in "$@"; do
		job "${under[@]}" "$suite/$(basename "$file" .bats)" env MARKBOOK="$program" bats --formatter tap "$file"
	done
}

suites() {
	local suite
	for suite in "$@"; do
		case $suite in
		unit) unit unit "$build/unit" ;;
		unit-asan) unit unit-asan "$build/asan/unit" -s ;;
		bats) bats_files bats "$build/markbook" tests/*.bats ;;
		browser) bats_files browser "$build/markbook" tests/browser/*.bats ;;
		docs) bats_files docs "$build/markbook" tests/docs/*.bats ;;
		# What clients and peers send: the bytes that parsers see are
		# where a sanitizer finds most.
		input-asan) bats_files bats-asan "$build/asan/markbook" -s tests/{12,20,21,22}_*.bats ;;
		bats-asan) bats_files bats-asan "$build/asan/markbook" -s tests/*.bats ;;
		powerloss) job powerloss tests/powerloss/run.sh ;;
		layers) job layers tests/layers.sh ;;
		checker) job checker python3 -B tests/torture/checker_test.py ;;
		fuzz) job fuzz tests/fuzz/run.sh replay ;;
		inject) job inject tests/inject/run.py --quick --program "$build/markbook" --preload "$build/inject.so" ;;
		*)
			echo "$0: no suite is called '$suite'" >&2
			exit 2
			;;
		esac
	done
}

# by_time: the numbers of the jobs, those first that took longest the last time.
by_time() {
	local i name time
	local -A last=([browser/page]=60 [unit-asan/store/test_store_room]=50 [bats/12_values]=40 [bats/72_hostile]=40
		[unit-asan/store/test_store_prepare]=40 [bats/43_upkeep]=40)
	if [[ -r $logs/times ]]; then
		while read -r name time _; do last[$name]=$time; done <"$logs/times"
	fi
	for i in "${!names[@]}"; do
		echo "${last[${names[i]}]-10} $i"
	done | sort -s -k1,1 -rn | cut -d' ' -f2
}

# run_job NUMBER: leaves NUMBER.tap, .status, .time and reports of sanitizers in
# the work directory.
run_job() {
	local status=0 TIMEFORMAT='%R %U %S' command=(timeout --kill-after=20 "$limit_s")
	exec 3>&- </dev/null
	# Undefined behaviour traps.  A worker that a sanitizer ends is
	# replaced, and a test need not notice: its report counts.  Not so
	# memory that libfcgi asks for at a bad peer's word, which malloc
	# refuses as it does without one.
	[[ -z ${sanitized[$1]} ]] || export \
		ASAN_OPTIONS="log_path=$work/$1.report:handle_sigill=1:detect_stack_use_after_return=1:allocator_may_return_null=1"
	{
		time eval "${command[*]} ${commands[$1]}" >"$work/$1.tap" 2>&1 || status=$?
	} 2>"$work/$1.time"
	echo "$status" >"$work/$1.status"
}

# --- what came of them --------------------------------------------------------

passed=0 failed=0 skipped=0 done_jobs=0
skips=() times=()
terminal=
[[ ! -t 1 ]] || terminal=yes

# say LINE...: on a terminal, in the place of the line of progress.
say() {
	[[ -z $terminal ]] || printf '\r\e[K'
	printf '%s\n' "$@"
}

# progress: how far it is, on a terminal.
progress() {
	[[ -n $terminal ]] || return 0
	local pid now=
	for pid in "${!running[@]}"; do
		now+=" ${names[running[$pid]]}"
	done
	printf '\r\e[K%.*s' "$((${COLUMNS:-$(tput cols 2>/dev/null || echo 80)} - 1))" \
		"$done_jobs of ${#names[@]} files, $passed passed, $failed failed;$now"
}

# tally NUMBER: counts a job that ended.
tally() {
	local name=${names[$1]} tap=$work/$1.tap status plan ok notok skip real user sys report line why=
	status=$(<"$work/$1.status")
	read -r real user sys <"$work/$1.time"
	read -r plan ok notok skip < <(awk '
		/^1\.\.[0-9]+/ { plan += substr($1, 4) }
		/^(not )?ok .*# *(SKIP|skip)/ { skip++; next }
		/^ok / { ok++ }
		/^not ok / { notok++ }
		END { print plan + 0, ok + 0, notok + 0, skip + 0 }' "$tap")
	if ((ok + notok + skip < plan)); then
		why="$((plan - ok - notok - skip)) of $plan tests did not run"
		notok=$((notok + plan - ok - notok - skip))
	fi
	if ((notok == 0 && (status != 0 || ok + skip == 0))); then
		why="ended with status $status after $((ok + skip)) tests"
		notok=1
	fi
	for report in "$work/$1".report*; do
		grep -qs 'ERROR: ' "$report" || continue
		sed 's/^/# /' "$report" >>"$tap"
		why="a sanitizer reports" notok=$((notok + 1))
	done
	while IFS= read -r line; do
		skips+=("$name: $line")
	done < <(sed -nE -e 's/^(not )?ok [0-9]+ # SKIP (.*)/\2/p' \
		-e 's/^(not )?ok [0-9]+ (- )?(.+) # *(SKIP|skip) ?(.*)/\3 (\5)/p' "$tap")
	done_jobs=$((done_jobs + 1))
	passed=$((passed + ok)) failed=$((failed + notok)) skipped=$((skipped + skip))
	times+=("$name $real $user $sys")
	mkdir -p "$(dirname "$logs/$name")"
	cp "$tap" "$logs/$name.tap"
	if ((notok > 0)); then
		say "# $name: $ok passed, $notok failed, $skip skipped${why:+; $why}"
		# The failures, each with what it says; all of it where it never
		# came to a test.
		if ((ok + skip > 0)) && grep -q '^not ok\|^# ' "$tap"; then
			awk '/^not ok/ { on = 1 } /^ok|^1\.\./ { on = 0 } on || /^# .*(ERROR: |#[0-9]+ 0x)/' "$tap" | head -n 200
		else
			tail -n 60 "$tap"
		fi
	elif [[ -z $terminal ]]; then
		say "# $name: $ok passed$( ((skip == 0)) || echo ", $skip skipped"), in $real s"
	fi
}

(($#)) || set -- unit unit-asan layers inject checker fuzz bats docs browser input-asan powerloss
suites "$@"
mkdir -p "$logs"
work=$(mktemp -d)
declare -A running=()

# The jobs end with this; timeout hands the signal on to all that a job started.
leave() {
	local pid inner
	for pid in "${!running[@]}"; do
		for inner in $(ps -o pid= --ppid "$pid"); do
			kill "$inner" 2>/dev/null || :
		done
	done
	rm -rf "$work"
}
trap leave EXIT

mapfile -t waiting < <(by_time)
while ((${#waiting[@]} + ${#running[@]} > 0)); do
	while ((${#waiting[@]} > 0 && ${#running[@]} < jobs)); do
		run_job "${waiting[0]}" &
		running[$!]=${waiting[0]}
		waiting=("${waiting[@]:1}")
	done
	progress
	wait -n -p ended || :
	number=${running[$ended]}
	unset "running[$ended]"
	tally "$number"
done
[[ -z $terminal ]] || printf '\r\e[K'

printf '%s\n' "${times[@]}" | sort >"$work/times"
# Those of a part of the suites leave what is known of the others.
touch "$logs/times"
sort -s -u -k1,1 "$work/times" "$logs/times" >"$work/all"
mv "$work/all" "$logs/times"
echo "# the slowest, in seconds of the clock and of a processor:"
sort -k2,2 -rn "$work/times" | head -n 5 |
	awk '{ printf "#   %-32s %6.1f %6.1f\n", $1, $2, $3 + $4 }'
awk -v wall=$((SECONDS - began)) '{ cpu += $3 + $4 } END { printf "# all of it: %d %d\n", wall, cpu }' "$work/times"
((skipped == 0)) || {
	echo "# $skipped skipped:"
	printf '#   %s\n' "${skips[@]}"
}
echo "$passed passed, $failed failed"
((failed == 0 && passed > 0))
