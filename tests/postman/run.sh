#!/usr/bin/env bash
# Runs the Postman collection against the service, by newman.  NEWMAN is its
# script.
#
# TAP, and then the last line `N passed, N failed`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
: "${NEWMAN:?is the script of newman, see postman.mk}"
collection=tests/postman/markbook.postman_collection.json
environment=tests/postman/markbook.postman_environment.json
work=$(mktemp -d)
service='' passed=0 failed=0

end() {
	[[ -z $service ]] || { kill "$service" && wait "$service"; } 2>/dev/null || :
	rm -rf "$work"
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# start: the responder and nginx, at BASE, as `make run` has them.
start() {
	local port try deadline=$((SECONDS + 60))
	for try in {1..20}; do
		port=$((RANDOM % 12000 + 20000))
		(: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
	done
	base=http://127.0.0.1:$port
	PORT=$port STATE_DIR=$work/run conf/run.sh >"$work/log" 2>&1 &
	service=$!
	until curl -fsS --noproxy '*' -o /dev/null "$base/readyz" 2>/dev/null; do
		if ! kill -0 "$service" 2>/dev/null || ((SECONDS >= deadline)); then
			cat "$work/log"
			echo '0 passed, 1 failed'
			exit 1
		fi
		read -rt 0.1 <> <(:) || :
	done
}

# send BASE [program before node...]: the collection; what came of it is in
# WORK/report.json.
send() {
	local to=$1
	shift
	rm -f "$work/report.json"
	NO_PROXY='*' "$@" node "$NEWMAN" run "$collection" --environment "$environment" \
		--env-var "baseUrl=$to" --reporters cli,json --reporter-json-export "$work/report.json" \
		--color off >"$work/out" 2>&1
}

all_hold() {
	send "$base" "$@" && [[ $(jq -r '.run.stats | "\(.requests.total) requests, \(.assertions.total) assertions, \(.assertions.failed) failed"' \
		"$work/report.json") == '7 requests, 13 assertions, 0 failed' ]]
}

connects_to_nothing_else() {
	all_hold strace -f -qq -e trace=connect -o "$work/trace" &&
		grep -q 'AF_INET' "$work/trace" &&
		! grep 'AF_INET' "$work/trace" | grep -vE "htons\(${base##*:}\), .*\"127\.0\.0\.1\"" >"$work/out"
}

# finds_wrong KIND REQUEST...: where each answer is wrong, the collection fails
# in these and no others.
finds_wrong() {
	local kind=$1 port input result=0
	shift
	coproc wrong { exec python3 tests/postman/wrong.py "$base" "$kind"; }
	# Bash forgets this when the process ends.
	input=${wrong[1]}
	read -r port <&"${wrong[0]}"
	send "http://127.0.0.1:$port" || result=$?
	exec {input}>&-
	((result != 0)) &&
		[[ $(jq -r '[.run.failures[].source.name] | unique[]' "$work/report.json") == "$(printf '%s\n' "$@" | sort)" ]]
}

# told SENTENCE COMMAND...
told() {
	local sentence=$1 number=$((passed + failed + 1))
	shift
	if "$@"; then
		passed=$((passed + 1))
		echo "ok $number - $sentence"
	else
		failed=$((failed + 1))
		echo "not ok $number - $sentence"
		sed 's/^/# /' "$work/out"
	fi
}

start
told "the service answers the paper's calls as the paper has it" all_hold
told 'the calls can be sent again' all_hold
told 'newman connects to nothing but the service' connects_to_nothing_else
mapfile -t requests < <(jq -r '.item[].item[].name' "$collection")
told 'a wrong status is found in each answer' finds_wrong status "${requests[@]}"
# Any body will do for what may be gone already.
mapfile -t bodies < <(printf "%s\n" "${requests[@]}" | grep -vx "DELETE the exams")
told 'a wrong letter is found in each answer' finds_wrong body "${bodies[@]}"
told 'they can be sent again after runs that failed' all_hold
echo "1..$((passed + failed))"
echo "$passed passed, $failed failed"
((failed == 0))
