#!/usr/bin/env bats
# Merge patches (RFC 7396): atomic, over whole records and inside them.

load helper
shared_servers '{}'

# assert_merged TARGET PATCH RESULT: of one record's value.
assert_merged() {
	put "/json/$c" "{\"v\":$1}"
	patch "/json/$c" "{\"v\":$2}"
	assert_status 200
	assert_json "{\"res\":{\"v\":$3}}"
	get "/json/$c/v"
	assert_json "{\"res\":$3}"
}

@test "the cases of RFC 7396, appendix A" {
	assert_merged '{"a":"b"}' '{"a":"c"}' '{"a":"c"}'
	assert_merged '{"a":"b"}' '{"b":"c"}' '{"a":"b","b":"c"}'
	assert_merged '{"a":"b"}' '{"a":null}' '{}'
	assert_merged '{"a":"b","b":"c"}' '{"a":null}' '{"b":"c"}'
	assert_merged '{"a":["b"]}' '{"a":"c"}' '{"a":"c"}'
	assert_merged '{"a":"c"}' '{"a":["b"]}' '{"a":["b"]}'
	assert_merged '{"a":{"b":"c"}}' '{"a":{"b":"d","c":null}}' '{"a":{"b":"d"}}'
	assert_merged '{"a":[{"b":"c"}]}' '{"a":[1]}' '{"a":[1]}'
	assert_merged '["a","b"]' '["c","d"]' '["c","d"]'
	assert_merged '{"a":"b"}' '["c"]' '["c"]'
	assert_merged '{"a":"foo"}' '"bar"' '"bar"'
	assert_merged '{"e":null}' '{"a":1}' '{"e":null,"a":1}'
	assert_merged '[1,2]' '{"a":"b","c":null}' '{"a":"b"}'
	assert_merged '{}' '{"a":{"bb":{"ccc":null}}}' '{"a":{"bb":{}}}'
}

@test "null removes a record, and one that is not there does no harm" {
	put "/json/$c" '{"a":1,"b":2}'
	patch "/json/$c" '{"a":null,"never":null}'
	assert_status 200
	assert_body '{"res":{"b":2}}'
}

@test "nulls of a patch never become part of a new record" {
	patch "/json/$c" '{"n":{"keep":1,"drop":null,"deep":{"drop":null}}}'
	assert_status 200
	assert_body '{"res":{"n":{"keep":1,"deep":{}}}}'
}

@test "nulls inside arrays stay" {
	patch "/json/$c" '{"n":[null,{"a":null}]}'
	assert_status 200
	assert_body '{"res":{"n":[null,{"a":null}]}}'
}

@test "numbers and escapes that a patch leaves alone keep their spelling" {
	put "/json/$c" '{"v":{"n":1.10,"s":"\u0041\/","o":{"x":1e400}}}'
	patch "/json/$c" '{"v":{"new":-0.0,"o":{"y":1E2}}}'
	assert_status 200
	get "/json/$c/v"
	assert_body '{"res":{"n":1.10,"s":"\u0041\/","o":{"x":1e400,"y":1E2},"new":-0.0}}'
}

@test "names meet however they are escaped" {
	put "/json/$c" '{"v":{"a":1,"\u00e9":2}}'
	patch "/json/$c" '{"v":{"\u0061":null,"é":3}}'
	assert_status 200
	assert_json '{"res":{"v":{"é":3}}}'
}

@test "many records are set and removed in one step" {
	put "/json/$c" "$(jq -nc '[range(500) | {key: "k\(.)", value: .}] | from_entries')"
	patch "/json/$c" "$(jq -nc '[range(500) | {key: "k\(.)", value: (if . % 2 == 0 then null else "new" end)}] | from_entries')"
	assert_status 200
	assert_jq '.res | length == 250 and all(.[]; . == "new") and (has("k0") | not)'
}

@test "a patch with one bad record changes nothing at all" {
	put "/json/$c" '{"a":1}'
	local before
	before=$(etag_of "/json/$c")
	patch "/json/$c" '{"a":2,"b":3,"c/d":4}'
	assert_problem 422
	get "/json/$c"
	assert_body '{"res":{"a":1}}'
	assert_header ETag "$before"
}

@test "a bad name is refused even where it is to be removed" {
	patch "/json/$c" '{"c/d":null}'
	assert_problem 422
}

@test "an empty patch is fine and changes no value" {
	put "/json/$c" '{"a":1}'
	patch "/json/$c" '{}'
	assert_status 200
	assert_body '{"res":{"a":1}}'
}

@test "a merge that would nest more than 32 deep is refused or kept whole" {
	local deep
	deep=$(printf '%.0s{"a":' {1..32})1$(printf '%.0s}' {1..32})
	put "/json/$c" "{\"v\":$deep}"
	patch "/json/$c" "{\"v\":$deep}"
	assert_status 200
	patch "/json/$c" "{\"v\":{\"a\":$deep}}"
	assert_problem 422
	get "/json/$c/v"
	assert_body "{\"res\":$deep}"
}
