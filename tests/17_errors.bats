#!/usr/bin/env bats
# Errors, request ids, logs and the fields that every answer has.

load helper
shared_servers

# logged ID FILE...: a line of that log has the id.
logged() {
	local id=$1
	shift
	jq -e --arg id "$id" 'select(any(.[]?; . == $id))' "$@" | grep -q .
}

front_log() {
	echo "$PREFIX/logs/access.log"
}

repeated() {
	printf "%.0s$2" $(seq "$1")
}

# --- the shape of errors

@test "the responder's errors are problem documents" {
	get /json/nowhere
	assert_problem 404 "Collection not found"
	get /json/assignments/nothing
	assert_problem 404 "Not found"
	assert_jq '.detail == "The collection has no record of this name"'
	delete /json/assignments/nothing
	assert_jq '.status == 404 and .detail == "The collection has no record of this name"'
	local path
	for path in /json/ /json/assignments/ /json//Seminar /json/assignments/Seminar/x; do
		get "$path"
		assert_problem 404 "Not found"
		assert_jq '.detail | contains("/json/{collection}/{record}")'
	done
	post /json/assignments '{}'
	assert_problem 409 "Collection already exists"
	put /json/assignments/Seminar '{}'
	assert_problem 422
	send POST /json '{}'
	assert_problem 405
	http POST "/json/$c" -H 'Content-Type: text/plain' -d x
	assert_problem 415
	get /json -H 'If-Match: "x"'
	assert_problem 412
}

@test "type is a URI reference and title is of the status, not of the case" {
	get /json/nowhere
	assert_jq '.type == "about:blank" and .title == "Not Found"'
	post /json/assignments '{}'
	assert_jq '.type == "about:blank" and .title == "Conflict"'
}

@test "an encoded slash is 400 with the front's problem document" {
	get /json/a%2Fb
	assert_problem 400
}

@test "a malformed request line is 400" {
	printf 'GET\r\n\r\n' | raw
	[[ $status == 400 || $answer == *'400'* ]] || fail "$answer"
	printf 'GET /json HTTP/1.1\r\nHost: x\r\nbad header\x01: x\r\nConnection: close\r\n\r\n' | raw
	[[ $status == 200 || $status == 400 ]] || fail "$answer"
	printf 'GET /json HTTP/1.1\r\nConnection: close\r\n\r\n' | raw
	[[ $status == 400 ]] || fail "$answer"
	[[ $answer == *application/problem+json* && ${answer,,} == *x-request-id:* && ${answer,,} == *cache-control:\ no-cache* ]] || fail "$answer"
	sed '1,/^\r$/d' <<<"$answer" | jq -e '.status == 400 and .error' || fail "$answer"
}

@test "a URL that is too long is 414" {
	get "/json/$(repeated 20000 a)"
	assert_problem 414
}

@test "header fields that are too long are 431" {
	get /json -H "X-Long: $(repeated 30000 a)"
	assert_problem 431
}

@test "a body that is too long is 413, and the connection says so in good time" {
	head -c 2000000 /dev/zero | tr '\0' ' ' >"$BATS_TEST_TMPDIR/long"
	send PUT /json/assignments/Seminar "@$BATS_TEST_TMPDIR/long"
	assert_problem 413
	send PUT "/json/$c" "@$BATS_TEST_TMPDIR/long" -H 'Transfer-Encoding: chunked'
	assert_problem 413
}

@test "a body of just under the limit is taken" {
	printf '{"v":"%s"}' "$(head -c 1048000 /dev/zero | tr '\0' x)" >"$BATS_TEST_TMPDIR/long"
	send PUT "/json/$c" "@$BATS_TEST_TMPDIR/long"
	assert_status 201
	delete "/json/$c"
	assert_status 200
}

@test "methods that nobody knows are refused with a problem document" {
	local method
	for method in FOO PROPFIND MKCOL GETX; do
		http $method /json
		assert_problem 405
	done
	http TRACE /json
	assert_problem 405
	http get /json
	[[ $status == 400 ]]
	http CONNECT /json
	[[ $status == 4* || $status == 5* ]]
}

@test "404 beside /json is a problem document, too" {
	get /no/such/file
	assert_problem 404
	get /.git/config
	assert_problem 404
}

@test "405 on a file says what is allowed" {
	http POST / -d x
	assert_problem 405
	assert_list Allow GET HEAD
}

@test "HEAD of an error has no body" {
	printf 'HEAD /json/nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' | raw
	[[ $status == 404 && $answer == *$'\r\n\r' ]] || fail "$answer"
	printf 'HEAD /json/a%%2Fb HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' | raw
	[[ $status == 400 && $answer == *$'\r\n\r' ]] || fail "$answer"
}

@test "no answer tells which software and version made it" {
	get /json
	[[ $(header Server) != *[0-9]* ]]
	assert_no_header X-Powered-By
	get /nothing
	[[ $body != *nginx* ]]
}

# --- request ids

@test "an answer has a request id that differs each time" {
	local first
	get /json
	first=$(header X-Request-Id)
	get /json
	[[ -n $first && $(header X-Request-Id) != "$first" ]]
}

@test "a client's sane request id is echoed" {
	local id
	for id in abc-123 a.b_C-9 0123456789abcdef0123456789abcdef 3f2504e0-4f89-11d3-9a0c-0305e82c3301 x; do
		get /json -H "X-Request-Id: $id"
		assert_header X-Request-Id "$id"
	done
	get /json/nowhere -H 'X-Request-Id: on-an-error'
	assert_header X-Request-Id on-an-error
	get /json/a%2Fb -H 'X-Request-Id: on-a-front-error'
	assert_header X-Request-Id on-a-front-error
}

@test "a client's insane request id is replaced" {
	local id
	for id in 'a b' 'a"b' "$(repeated 500 x)" 'a\b' '{"a":1}' 'a;b' '<x>' $'a\tb' é; do
		get /json -H "X-Request-Id: $id"
		assert_status 200
		[[ $(header X-Request-Id) != "$id" && $(header X-Request-Id) =~ ^[A-Za-z0-9._-]{8,64}$ ]] || fail "$(header X-Request-Id)"
	done
}

@test "the same request id is in both logs" {
	local id="both-$BATS_TEST_NUMBER-$RANDOM"
	put /json/assignments/Seminar '{"new": "Not Submitted"}' -H "X-Request-Id: $id"
	assert_status 200
	wait_until logged "$id" "$LOG"
	wait_until logged "$id" "$(front_log)"
	get /json
	id=$(header X-Request-Id)
	wait_until logged "$id" "$LOG"
	wait_until logged "$id" "$(front_log)"
}

@test "both logs are one JSON object a line, whatever is asked" {
	local id="strange-$RANDOM"
	get '/json/%22%5C%3Cscript%3E?x="y"\\'
	get "/json/%C3%A9%F0%9F%98%80"
	get /json/%FF%0A
	get $'/json/\xff\xfe'
	get "/json/$(repeated 3000 a)"
	post "/json/$c" '{"a/b\n": 1}'
	get /json -A $'agent "\\ \xff' -e 'http://ref"er\'
	http FOO /json
	printf 'GET /json/%%zz"\\ HTTP/1.1\r\nHost: "\r\nConnection: close\r\n\r\n' | raw
	printf '\x16\x03\x01\x02\r\n' | raw
	get /json -H "X-Request-Id: $id"
	wait_until logged "$id" "$LOG"
	wait_until logged "$id" "$(front_log)"
	assert_log "$LOG"
	assert_log "$(front_log)"
}

# assert_log FILE: every line is one JSON object, by itself.
assert_log() {
	local lines
	# As it is now: lines of before may still come.
	lines=$(wc -l <"$1")
	((lines > 0))
	head -n "$lines" "$1" >"$BATS_TEST_TMPDIR/log"
	set -- "$BATS_TEST_TMPDIR/log"
	iconv -f UTF-8 -t UTF-8 "$1" >/dev/null || fail "$1 has bad UTF-8"
	[[ $(jq -cR 'try (fromjson | type) catch "bad"' "$1" | sort | uniq -c | tr -s ' ') == " $lines \"object\"" ]] ||
		fail "$(grep -vE '^\{.*\}$' "$1" | head -3)" "$(jq -cR '. as $l | try (fromjson | empty) catch $l' "$1" | head -3)"
}

@test "a line of the responder's log tells time, level, method, path, status and duration" {
	local id="line-$RANDOM"
	get /json/assignments/Seminar -H "X-Request-Id: $id"
	wait_until logged "$id" "$LOG"
	line=$(jq -c --arg id "$id" 'select(any(.[]?; . == $id))' "$LOG")
	jq -e 'any(.[]; . == "GET") and any(.[]; . == "/json/assignments/Seminar") and any(.[]; . == 200 or . == "200") and has("time") and has("level")' <<<"$line" ||
		fail "$line"
}

# --- fields of every answer

@test "every answer has Cache-Control and X-Request-Id exactly once" {
	get /json
	assert_status 200
	get /json/assignments -H "If-None-Match: $(etag_of /json/assignments)"
	assert_status 304
	http OPTIONS /json
	assert_status 204
	post "/json/$c" '{}'
	assert_status 201
	put "/json/$c/a" '{"new": 1}' -H 'Prefer: return=minimal'
	assert_status 201
	http HEAD /json
	assert_status 200
	get /healthz
	assert_common_fields
	get /nothing
	assert_common_fields
}

@test "every answer of /json says that its type is to be believed" {
	get /json
	assert_header X-Content-Type-Options nosniff
	get /json/nowhere
	assert_header X-Content-Type-Options nosniff
	get /json/a%2Fb
	assert_header X-Content-Type-Options nosniff
}

@test "the page comes with the headers that fence it in" {
	[[ -e $TREE/web/index.html ]] || skip "there is no page"
	get /
	assert_status 200
	[[ $(header Content-Type) == text/html* ]]
	assert_header X-Content-Type-Options nosniff
	[[ $(header Content-Security-Policy) == *"default-src 'none'"* || $(header Content-Security-Policy) == *"default-src 'self'"* ]]
	[[ $(header Content-Security-Policy) != *unsafe-inline* && $(header Content-Security-Policy) != *unsafe-eval* ]]
	[[ $(header Content-Security-Policy) == *frame-ancestors* || -n $(header X-Frame-Options) ]]
	[[ -n $(header Referrer-Policy) ]]
	assert_header X-Request-Id "$(header X-Request-Id | head -1)"
}

@test "no answer lets another web site in" {
	get /json -H 'Origin: http://evil.example'
	assert_no_header Access-Control-Allow-Origin
	http OPTIONS /json/assignments -H 'Origin: http://evil.example' -H 'Access-Control-Request-Method: PUT'
	assert_no_header Access-Control-Allow-Origin
}
