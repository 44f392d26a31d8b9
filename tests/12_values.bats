#!/usr/bin/env bats
# Values: any JSON, given back as it was sent.

load helper
shared_servers '{}'

# assert_kept JSON [EXPECTED]: the value comes back as it was sent, by each way
# in.
assert_kept() {
	local want=${2-$1}
	put "/json/$c/v" "{\"new\":$1}"
	[[ $status == 20[01] ]] || fail "PUT record: $status $body"
	get "/json/$c/v"
	assert_body "{\"res\":$want}"
	put "/json/$c" "{\"v\":$1}"
	assert_status 200
	assert_body "{\"res\":{\"v\":$want}}"
	get "/json/$c"
	assert_body "{\"res\":{\"v\":$want}}"
	delete "/json/$c"
	post "/json/$c" "{\"v\":$1}"
	assert_status 201
	get "/json/$c/v"
	assert_body "{\"res\":$want}"
	whole_store | grep -qF "\"$c\":{\"v\":$want}"
}

# assert_refused CODE JSON: by each way in, and nothing is changed.
assert_refused() {
	put "/json/$c" '{"v":"before"}'
	put "/json/$c/v" "{\"new\":$2}"
	assert_problem "$1"
	put "/json/$c" "{\"v\":$2}"
	assert_problem "$1"
	patch "/json/$c" "{\"v\":$2}"
	assert_problem "$1"
	post "/json/$c-new" "{\"v\":$2}"
	assert_problem "$1"
	get "/json/$c"
	assert_body '{"res":{"v":"before"}}'
	get "/json/$c-new"
	assert_status 404
}

nested() {
	local open close
	open=$(printf "%.0s$2" $(seq "$1"))
	close=$(printf "%.0s$3" $(seq "$1"))
	printf '%s%s%s' "$open" "${4-}" "$close"
}

@test "values of every type come back" {
	assert_kept '"text"'
	assert_kept 1
	assert_kept true
	assert_kept '[1,"a",null,{"b":[]}]'
	assert_kept '{"a":{"b":{"c":[]}}}'
}

@test "falsy values come back" {
	assert_kept '""'
	assert_kept 0
	assert_kept false
	assert_kept null
	assert_kept '[]'
	assert_kept '{}'
}

@test "numbers keep their spelling or are refused, and are never rounded" {
	local n
	for n in 1.10 1e400 -0 -0.0 12345678901234567890 123456789012345678901234567890 1E5 1e+5 1.0e-10 0.1 \
		9007199254740993 18446744073709551616 -9223372036854775809 \
		3.14159265358979323846264338327950288419716939937510; do
		put "/json/$c/v" "{\"new\":$n}"
		if [[ $status == 422 ]]; then
			assert_problem 422
			continue
		fi
		get "/json/$c/v"
		assert_body "{\"res\":$n}"
	done
}

@test "numbers like 1.10 and 1e400 come back as they were sent, by each way in" {
	assert_kept 1.10
	assert_kept 1e400
	assert_kept -0
	assert_kept 123456789012345678901234567890
}

@test "spellings that JSON does not have are 400" {
	local n
	for n in 01 -01 1. .5 +1 1e 1e+ 0x10 NaN Infinity -Infinity - 1_000 True NULL nul "'a'" undefined; do
		put "/json/$c/v" "{\"new\":$n}"
		assert_problem 400
	done
	get "/json/$c"
	assert_body '{"res":{}}'
}

@test "strings keep every code point and every escape" {
	assert_kept '"a\u0000b"'
	assert_kept '"\u0000"'
	assert_kept '"\"\\\/\b\f\n\r\t"'
	assert_kept '"äöü€😀"'
	assert_kept '"\u00e4\u20AC"'
	assert_kept '"\ud83d\ude00"'
	assert_kept '"</script>&'"'"'"'
}

@test "unpaired surrogate escapes in a value come back" {
	assert_kept '"\ud800"'
	assert_kept '"a\udc00b"'
	assert_kept '["\udfff\ud800"]'
}

@test "the last code point and characters beside the control range come back" {
	assert_kept "\"$(printf '\xf4\x8f\xbf\xbf\x7f\xc2\x80\xe2\x80\xa8')\""
}

@test "raw control characters in a string are 400" {
	assert_refused 400 $'"a\nb"'
	assert_refused 400 $'"a\tb"'
	assert_refused 400 $'"a\x01b"'
}

@test "broken escapes are 400" {
	assert_refused 400 '"\x41"'
	assert_refused 400 '"\u12"'
	assert_refused 400 '"\u12G4"'
	assert_refused 400 '"\"'
}

@test "nesting of 32 is taken" {
	assert_kept "$(nested 32 '[' ']')"
	assert_kept "$(nested 32 '{"a":' '}' 1)"
	assert_kept "$(nested 16 '[{"a":' '}]' 1)"
	assert_kept "[[],$(nested 31 '[' ']')]"
}

@test "nesting of 33 is 422" {
	assert_refused 422 "$(nested 33 '[' ']')"
	assert_refused 422 "$(nested 33 '{"a":' '}' 1)"
	assert_refused 422 "[[],$(nested 32 '[' ']')]"
}

@test "nesting of a hundred thousand is refused at once" {
	nested 100000 '[' ']' >"$BATS_TEST_TMPDIR/deep"
	{ printf '{"new":' && cat "$BATS_TEST_TMPDIR/deep" && printf '}'; } >"$BATS_TEST_TMPDIR/body-sent"
	send PUT "/json/$c/v" "@$BATS_TEST_TMPDIR/body-sent"
	assert_problem 422
	printf '{"new":%s' "$(printf '%.0s[' {1..100000})" >"$BATS_TEST_TMPDIR/body-sent"
	send PUT "/json/$c/v" "@$BATS_TEST_TMPDIR/body-sent"
	[[ $status == 400 || $status == 422 ]]
	get "/json/$c"
	assert_body '{"res":{}}'
}

@test "a name twice in one object is 422 at every level" {
	assert_refused 422 '{"a":1,"a":2}'
	assert_refused 422 '{"x":{"a":1,"b":2,"a":1}}'
	assert_refused 422 '[0,{"y":[{"a":1,"a":1}]}]'
	put "/json/$c/v" '{"new":1,"new":2}'
	assert_problem 422
	put "/json/$c" '{"a":1,"b":2,"a":1}'
	assert_problem 422
	post "/json/$c-new" '{"a":1,"a":1}'
	assert_problem 422
	patch "/json/$c" '{"a":1,"a":null}'
	assert_problem 422
	get "/json/$c"
	assert_body '{"res":{"v":"before"}}'
}

@test "a name is the same however it is escaped" {
	assert_refused 422 '{"a":1,"\u0061":2}'
	assert_refused 422 '{"/":1,"\/":2}'
	assert_refused 422 '{"😀":1,"\ud83d\ude00":2}'
	assert_kept '{"a":1,"A":2,"\u0000":3,"":4}'
}

@test "the same name in different objects is fine" {
	assert_kept '{"a":{"a":{"a":1}},"b":{"a":1}}'
	assert_kept '[{"a":1},{"a":2}]'
}

@test "members within a value keep their order" {
	assert_kept '{"z":1,"a":2,"M":3}'
}

@test "names inside values may be what names of records may not" {
	assert_kept '{"":1,".":2,"..":3,"a/b":4,"res":5}'
}

@test "white space between tokens goes, in strings it stays" {
	put "/json/$c/v" $' \t\r\n{ "new" :\n { "a b" : [ 1 , 2 ,\t" x  y " ] , "c" : { } } }\r\n '
	assert_status 201
	get "/json/$c/v"
	assert_body '{"res":{"a b":[1,2," x  y "],"c":{}}}'
}

@test "a string of half a megabyte and an object of 5000 members come back" {
	local n
	printf '{"new":"%s"}' "$(printf '%.0sx' {1..500000})" >"$BATS_TEST_TMPDIR/long"
	send PUT "/json/$c/v" "@$BATS_TEST_TMPDIR/long"
	assert_status 201
	get "/json/$c/v"
	assert_jq '.res | length == 500000'
	jq -nc '[range(5000) | {key: "k\(.)", value: .}] | from_entries' >"$BATS_TEST_TMPDIR/many"
	send PUT "/json/$c" "@$BATS_TEST_TMPDIR/many"
	assert_status 200
	assert_jq '.res | length == 5000 and .k4999 == 4999'
	for n in 0 77 4999; do
		get "/json/$c/k$n"
		assert_body "{\"res\":$n}"
	done
	delete "/json/$c"
}

@test "a body that is JSON but no object is 422" {
	local json
	for json in '[]' '"a"' 1 null true '[{"a": 1}]'; do
		post "/json/$c-new" "$json"
		assert_problem 422
		put "/json/$c" "$json"
		assert_problem 422
		patch "/json/$c" "$json"
		assert_problem 422
		put "/json/$c/v" "$json"
		assert_problem 422
	done
	get "/json/$c"
	assert_body '{"res":{}}'
	get "/json/$c-new"
	assert_status 404
}

@test "a body that is not JSON is 400" {
	local json
	for json in '' ' ' '{' '}' '{"a"}' '{"a":}' '{"a":1,}' '{,}' '{"a":1}}' '{"a":1} {"b":2}' '{"a":1}x' '{a:1}' "{'a':1}" \
		'{"a":1 "b":2}' '{"a":1}//' '/**/{"a":1}' '{"a":[1,]}' $'\xef\xbb\xbf{"a":1}' 'a=1' '{"a":"' '{1:2}'; do
		post "/json/$c-new" "$json"
		assert_problem 400
		put "/json/$c" "$json"
		assert_problem 400
		patch "/json/$c" "$json"
		assert_problem 400
	done
	get "/json/$c"
	assert_body '{"res":{}}'
	get "/json/$c-new"
	assert_status 404
}

@test "what is wrong in a body is said with its place" {
	put "/json/$c" '{"a": 1, "b": }'
	assert_problem 400
	assert_jq '.detail | test("[0-9]")'
}

@test "bad UTF-8 in a body is 400, in values and in names" {
	local bytes
	for bytes in '\xff' '\xc3' '\xc0\xaf' '\xed\xa0\x80' '\xf4\x90\x80\x80' '\xe2\x82' '\x80'; do
		printf '{"v":"a%bb"}' "$bytes" >"$BATS_TEST_TMPDIR/bad"
		send PUT "/json/$c" "@$BATS_TEST_TMPDIR/bad"
		assert_problem 400
		printf '{"a%bb":1}' "$bytes" >"$BATS_TEST_TMPDIR/bad"
		send PUT "/json/$c" "@$BATS_TEST_TMPDIR/bad"
		assert_problem 400
		iconv -f UTF-8 -t UTF-8 "$BODY" >/dev/null || fail "the answer itself is bad UTF-8"
	done
	get "/json/$c"
	assert_body '{"res":{}}'
}

@test "a zero byte in a body is 400" {
	printf '{"v":"a\0b"}' >"$BATS_TEST_TMPDIR/bad"
	send PUT "/json/$c" "@$BATS_TEST_TMPDIR/bad"
	assert_problem 400
	printf '{"v":1}\0' >"$BATS_TEST_TMPDIR/bad"
	send PUT "/json/$c" "@$BATS_TEST_TMPDIR/bad"
	assert_problem 400
}

# --- Content-Type

# typed METHOD PATH TYPE BODY: an empty type sends none.
typed() {
	http "$1" "$2" -H "Content-Type:${3:+ $3}" --data-binary "$4"
}

@test "a body of no type or of another one is 415 that says what to send" {
	local type
	for type in '' text/plain application/x-www-form-urlencoded application/jsonx application/json-patch+json text/json 'multipart/form-data; boundary=x' json; do
		typed POST "/json/$c-new" "$type" '{"a":1}'
		assert_problem 415
		[[ $body == *application/json* ]]
		typed PUT "/json/$c" "$type" '{"a":1}'
		assert_problem 415
		[[ $body == *application/json* ]]
		typed PUT "/json/$c/a" "$type" '{"new":1}'
		assert_problem 415
		typed PATCH "/json/$c" "$type" '{"a":1}'
		assert_problem 415
		[[ $body == *application/merge-patch+json* ]]
	done
	get "/json/$c"
	assert_body '{"res":{}}'
	get "/json/$c-new"
	assert_status 404
}

@test "application/json with parameters and in any case is taken" {
	local type
	for type in 'application/json; charset=utf-8' 'Application/JSON' 'application/json;charset=UTF-8' 'application/json ; charset="utf-8"'; do
		typed PUT "/json/$c" "$type" '{"a":1}'
		assert_status 200
	done
}

@test "application/merge-patch+json is for PATCH only" {
	typed PATCH "/json/$c" application/merge-patch+json '{"a":1}'
	assert_status 200
	typed PATCH "/json/$c" 'application/merge-patch+json; charset=utf-8' '{"a":2}'
	assert_status 200
	typed PATCH "/json/$c" application/json '{"a":3}'
	assert_status 200
	typed PUT "/json/$c" application/merge-patch+json '{"a":4}'
	assert_problem 415
	typed POST "/json/$c-new" application/merge-patch+json '{"a":4}'
	assert_problem 415
	get "/json/$c"
	assert_body '{"res":{"a":3}}'
}

@test "GET and DELETE need no type, and their bodies do no harm" {
	put "/json/$c" '{"a":1,"b":2}'
	typed GET "/json/$c" text/plain 'whatever'
	assert_status 200
	assert_body '{"res":{"a":1,"b":2}}'
	typed DELETE "/json/$c/a" '' ''
	assert_status 200
	typed DELETE "/json/$c/b" application/json '{"x":1}'
	assert_status 200
	assert_body '{"res":{}}'
}
