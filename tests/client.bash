# shellcheck shell=bash
# Speaks HTTP to the front, and says what an answer has to be.

# --- requests -----------------------------------------------------------------

# http METHOD PATH [options of curl...]: sets status and body (to the byte); the
# header fields are read by `header`.  The path is sent as it is given.
http() {
	local method=$1 path=$2 how
	shift 2
	BODY=$BATS_TEST_TMPDIR/body
	request="$method $path $*"
	: >"$BODY"
	: >"$BATS_TEST_TMPDIR/head"
	how=(-X "$method" -o "$BODY")
	[[ $method != HEAD ]] || how=(--head -o /dev/null)
	status=$(curl -sS --path-as-is --globoff --max-time "$DEADLINE_S" --noproxy '*' -H 'Expect:' \
		-D "$BATS_TEST_TMPDIR/head" -w '%{http_code}' "${how[@]}" "$@" "$BASE$path") || :
	IFS= read -rd '' body <"$BODY" || :
	mapfile -t fields <"$BATS_TEST_TMPDIR/head"
	fields=("${fields[@]%$'\r'}")
}

get() {
	http GET "$@"
}

delete() {
	http DELETE "$@"
}

# send METHOD PATH JSON [options of curl...]
send() {
	local method=$1 path=$2 json=$3
	shift 3
	http "$method" "$path" -H 'Content-Type: application/json' --data-binary "$json" "$@"
}

post() {
	send POST "$@"
}

put() {
	send PUT "$@"
}

patch() {
	send PATCH "$@"
}

# header NAME: the values of that field in the last answer, one a line.
header() {
	local field value
	for field in "${fields[@]}"; do
		[[ ${field,,} == "${1,,}:"* ]] || continue
		value=${field#*:}
		echo "${value# }"
	done
}

etag() {
	header ETag
}

# etag_of PATH: and leaves status and body as they are.
etag_of() {
	curl -sS --globoff --noproxy '*' -o /dev/null -D - "$BASE$1" | tr -d '\r' | sed -n 's/^ETag: //Ip'
}

# if_match TAG..., if_none_match TAG...: the options for one header line with
# these.
if_match() {
	local IFS=,
	cond=(-H "If-Match: $*")
}

if_none_match() {
	local IFS=,
	cond=(-H "If-None-Match: $*")
}

# raw [options of raw.py...] <BYTES: sends them on a connection of its own, sets
# status, answer.
raw() {
	answer=$(python3 "$TOOLS/raw.py" 127.0.0.1 "$PORT" "$@" | tr -d '\0')
	status=$(sed -n '1s,^HTTP/1\.[01] \([0-9]*\).*,\1,p' <<<"$answer")
}

# --- assertions ---------------------------------------------------------------

answer_so_far() {
	printf 'request: %.300s\n' "${request-}"
	printf '%s\n' "${fields[@]}"
	printf '%.2000s\n' "$body"
}

# assert_status CODE: and what every answer under /json has, whatever it says.
assert_status() {
	[[ $status == "$1" ]] || fail "status $status, not $1" "$(answer_so_far)"
	[[ ${request-} != *' /json'* ]] || assert_common_fields
}

assert_common_fields() {
	[[ $(header Cache-Control) == no-cache ]] || fail "Cache-Control is not no-cache, once" "$(answer_so_far)"
	[[ $(header X-Request-Id) =~ ^[^[:space:]]+$ ]] || fail "X-Request-Id is not there once" "$(answer_so_far)"
}

# assert_json EXPECTED: the same value, order of members aside.
assert_json() {
	jq -e --argjson expected "$1" '. == $expected' <<<"$body" >/dev/null ||
		fail "expected: $1" "$(answer_so_far)"
}

# assert_body TEXT: the same bytes.
assert_body() {
	[[ $body == "$1" ]] || fail "expected: $1" "$(answer_so_far)"
}

# assert_jq FILTER [options of jq...]: the filter is true of the body.
assert_jq() {
	local filter=$1
	shift
	jq -e "$@" "$filter" <<<"$body" >/dev/null || fail "not so: $filter" "$(answer_so_far)"
}

# assert_header NAME VALUE: that field, once, with that value.
assert_header() {
	[[ $(header "$1") == "$2" ]] || fail "$1 is '$(header "$1")', not '$2'" "$(answer_so_far)"
}

assert_no_header() {
	[[ -z $(header "$1") ]] || fail "$1 is there" "$(answer_so_far)"
}

assert_strong_etag() {
	[[ $(etag) =~ ^\"[0-9a-f]{8}-[0-9]+\"$ ]] || fail "no strong ETag: '$(etag)'" "$(answer_so_far)"
}

# assert_list NAME VALUE...: a comma separated field holds these, in any order.
assert_list() {
	local name=$1
	shift
	[[ $(header "$name" | tr ',' '\n' | tr -d ' ' | sort | paste -sd' ') == "$(printf '%s\n' "$@" | sort | paste -sd' ')" ]] ||
		fail "$name is '$(header "$name")', not $*" "$(answer_so_far)"
}

# assert_problem CODE [ERROR]: an answer of the shape of RFC 9457, compact or
# indented, that gives nothing away.
assert_problem() {
	# Without jq, which takes longer to start than the answer took.
	local space=$'[ \n]*' text='"([^"\\]|\\["\\/bfnrtu])+"' said
	assert_status "$1"
	assert_common_fields
	[[ $(header Content-Type) =~ ^application/problem\+json($|;) ]] ||
		fail "Content-Type is '$(header Content-Type)'" "$(answer_so_far)"
	[[ $body =~ ^\{$space\"type\":$space$text,$space\"title\":$space$text,$space\"status\":$space$1,$space\"detail\":$space$text,$space\"error\":$space($text)$space\}$space$ ]] ||
		fail "no problem of status $1" "$(answer_so_far)"
	said=${BASH_REMATCH[4]}
	(($# < 2)) || [[ $said == "\"$2\"" ]] || fail "the error is $said, not '$2'" "$(answer_so_far)"
	! [[ ${body,,} =~ lmdb|mdb_|json-c|json_|/dev/shm|/tmp/|\.c:[0-9]|errno|'<html' ]] ||
		fail "the answer gives away how it is made" "$(answer_so_far)"
}

# The whole store as the front gives it, without a word about the last answer.
whole_store() {
	curl -sS --noproxy '*' "$BASE/json"
}
