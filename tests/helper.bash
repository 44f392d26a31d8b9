# shellcheck shell=bash
# What every black-box suite loads.  A suite says `shared_servers`, or where its
# tests harm them `own_area`; what it does otherwise, it defines after that.

TESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TREE=$(dirname "$TESTS")
TOOLS=$TESTS/tools
: "${MARKBOOK:=$TREE/build/markbook}" "${NGINX:=nginx}"
export TESTS TREE TOOLS MARKBOOK NGINX
export PYTHONDONTWRITEBYTECODE=1
# Names are UTF-8, whatever the caller's locale; a container has none.
export LC_ALL=C.UTF-8
# So that `raw` can stand at the end of a pipeline.
shopt -s lastpipe

# Before each command bats notes the whole call stack, to show it where the
# command fails.  For the commands of these helpers that takes more time than
# all else that a test does.  A failure in one of them is shown at the line of
# the test that called it.
if traced=$(declare -f bats_debug_trap); then
	# shellcheck disable=SC2016 # bats expands it
	eval "${traced/'{'/'{ [[ $1 != "$TESTS"/*.bash ]] || return 0;'}"
fi

# --- set-up of a suite --------------------------------------------------------

# shared_servers [JSON]: all its tests share them; each has a name, $c, for a
# collection of its own, which is made of the JSON where that is given.
# shellcheck disable=SC2317 # bats calls these
shared_servers() {
	COLLECTION=${1-}
	setup_file() {
		start
	}
	setup() {
		c=t$BATS_TEST_NUMBER
		[[ -z $COLLECTION ]] || put "/json/$c" "$COLLECTION"
	}
	teardown() {
		show_failure
	}
	teardown_file() {
		stop
	}
}

# own_area: each test has one, and starts in it what it needs.
# shellcheck disable=SC2317
own_area() {
	setup() {
		new_area
	}
	teardown() {
		show_failure
		stop
	}
}

# --- waiting ------------------------------------------------------------------

# Only a failure costs this long, so it is more than any machine needs.
DEADLINE_S=${DEADLINE_S:-60}

# wait_until COMMAND...: polls until the command succeeds; fails at the
# deadline.
wait_until() {
	local deadline=$((${EPOCHREALTIME/./} + DEADLINE_S * 1000000))
	until "$@" >/dev/null 2>&1; do
		((${EPOCHREALTIME/./} < deadline)) || {
			echo "not within $DEADLINE_S s: $*" >&2
			return 1
		}
		read -rt 0.02 <> <(:) || :
	done
}

# A zombie is not alive: whoever started it just has not looked yet.
alive() {
	[[ -r /proc/$1/status ]] && ! grep -q '^State:.[ZX]' "/proc/$1/status" 2>/dev/null
}

not_alive() {
	! alive "$1"
}

fail() {
	printf '%s\n' "$@" >&2
	return 1
}

# shellcheck source=tests/servers.bash
source "$TESTS/servers.bash"
# shellcheck source=tests/client.bash
source "$TESTS/client.bash"
