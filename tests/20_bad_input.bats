#!/usr/bin/env bats
# Bad input by HTTP: the service goes on, and nothing is changed.

load helper
shared_servers '{"a":1}'

unchanged() {
	get "/json/$c"
	assert_status 200
	assert_body '{"res":{"a":1}}'
}

# as_http METHOD PATH [LINE...] <BODY: a request by hand, with these header
# lines.
as_http() {
	local method=$1 path=$2
	shift 2
	{
		printf '%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n' "$method" "$path"
		(($# == 0)) || printf '%s\r\n' "$@"
		printf '\r\n'
		cat
	} | raw --shut
}

@test "a body shorter than announced changes nothing" {
	printf '{"new": 2}' | as_http PUT "/json/$c/a" 'Content-Length: 100'
	[[ -z $status || $status == 400 ]] || fail "$answer"
	printf '{"b": 2}' | as_http PATCH "/json/$c" 'Content-Length: 9'
	[[ -z $status || $status == 400 ]] || fail "$answer"
	printf '' | as_http PUT "/json/$c" 'Content-Length: 2'
	unchanged
}

@test "a body longer than announced is cut at what was announced" {
	printf '{"new": 1}, and then some' | as_http PUT "/json/$c/a" 'Content-Length: 10'
	[[ $status == 200 ]] || fail "$answer"
	unchanged
}

@test "a Content-Length that is no number, or two of them, is 400" {
	local length
	for length in abc -1 1x 99999999999999999999999 0x10; do
		printf '{"new": 2}' | as_http PUT "/json/$c/a" "Content-Length: $length"
		[[ $status == 400 || $status == 413 ]] || fail "$length: $answer"
	done
	printf '{"new": 2}' | as_http PUT "/json/$c/a" 'Content-Length: 10' 'Content-Length: 5'
	[[ $status == 400 ]] || fail "$answer"
	printf '0\r\n\r\n' | as_http PUT "/json/$c/a" 'Content-Length: 10' 'Transfer-Encoding: chunked'
	[[ $status == 400 ]] || fail "$answer"
	unchanged
}

@test "chunked bodies are taken" {
	send PUT "/json/$c/a" '{"new": 2}' -H 'Transfer-Encoding: chunked'
	assert_status 200
	printf '5\r\n{"new\r\n5\r\n": 3}\r\n0\r\n\r\n' | as_http PUT "/json/$c/a" 'Transfer-Encoding: chunked'
	[[ $status == 200 ]] || fail "$answer"
	get "/json/$c/a"
	assert_body '{"res":3}'
}

@test "broken chunks are 400 and change nothing" {
	printf 'zz\r\n{"new": 2}\r\n0\r\n\r\n' | as_http PUT "/json/$c/a" 'Transfer-Encoding: chunked'
	[[ $status == 400 ]] || fail "$answer"
	printf 'ffffffffffffffffff\r\n{"new": 2}\r\n0\r\n\r\n' | as_http PUT "/json/$c/a" 'Transfer-Encoding: chunked'
	[[ $status == 400 || $status == 413 ]] || fail "$answer"
	printf 'a\r\n{"new": 2}\r\n' | as_http PUT "/json/$c/a" 'Transfer-Encoding: chunked'
	[[ -z $status || $status == 400 ]] || fail "$answer"
	printf '{"new": 2}' | as_http PUT "/json/$c/a" 'Transfer-Encoding: gzip, chunked'
	[[ $status == 400 || $status == 501 ]] || fail "$answer"
	unchanged
}

@test "a write without any body is 400" {
	http PUT "/json/$c/a" -H 'Content-Type: application/json'
	assert_problem 400
	http PATCH "/json/$c" -H 'Content-Type: application/json' -H 'Content-Length: 0'
	assert_problem 400
	unchanged
}

@test "what is no HTTP at all gets 400 or nothing" {
	printf '\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03' | raw --shut
	[[ -z $status || $status == 400 ]]
	head -c 3000 /dev/urandom | raw --shut
	[[ -z $status || $status == 400 || $status == 414 ]]
	printf 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' | raw --shut
	[[ -z $status || $status == 400 || $status == 505 ]]
	printf 'GET http://x/json HTTP/9.9\r\nHost: x\r\n\r\n' | raw --shut
	[[ -z $status || $status == 400 || $status == 505 ]]
	unchanged
}

@test "HTTP/1.0 and pipelined requests work" {
	printf 'GET /json/%s HTTP/1.0\r\n\r\n' "$c" | raw
	[[ $status == 200 && $answer == *'{"res":{"a":1}}'* ]] || fail "$answer"
	printf 'GET /json/%s HTTP/1.1\r\nHost: x\r\n\r\nGET /json/%s/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' "$c" "$c" | raw
	[[ $answer == *'{"res":{"a":1}}'*'{"res":1}'* ]] || fail "$answer"
}

@test "Expect: 100-continue is honoured" {
	put "/json/$c/a" '{"new": 1}' -H 'Expect: 100-continue'
	assert_status 200
}

@test "clients that leave in the middle disturb nobody" {
	local i
	for i in {1..20}; do
		printf 'PUT /json/%s/a HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{"ne' "$c" >"/dev/tcp/127.0.0.1/$PORT"
		printf 'GET /json HTTP/1.1\r\nHost: x\r\n\r\n' >"/dev/tcp/127.0.0.1/$PORT"
	done
	unchanged
}

@test "a request with very many header fields is answered" {
	local fields=() i
	for i in {1..100}; do
		fields+=(-H "X-Field-$i: value $i")
	done
	get "/json/$c" "${fields[@]}"
	assert_status 200
	assert_body '{"res":{"a":1}}'
}

@test "a query of several thousand bytes is answered" {
	get "/json/$c?$(printf '%.0sx=y&' {1..1000})"
	assert_status 200
	assert_body '{"res":{"a":1}}'
}
