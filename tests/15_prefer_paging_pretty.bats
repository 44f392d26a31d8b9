#!/usr/bin/env bats
# Prefer: return=minimal, paging, ?pretty.

load helper
shared_servers '{"a":1,"b":2}'

MINIMAL=(-H 'Prefer: return=minimal')

# assert_minimal [STATUS]: 204 without one.
assert_minimal() {
	assert_status "${1:-204}"
	[[ -z $body ]] || fail "a body: $body"
	assert_header Preference-Applied return=minimal
	assert_strong_etag
	assert_no_header Content-Type
}

# --- Prefer

@test "with return=minimal every write answers 204, or 201, with its ETag" {
	put "/json/$c/a" '{"new": 10}' "${MINIMAL[@]}"
	assert_minimal
	[[ $(etag) == "$(etag_of "/json/$c/a")" ]]
	put "/json/$c/new" '{"new": 10}' "${MINIMAL[@]}"
	assert_minimal 201
	put "/json/$c" '{"a": 1}' "${MINIMAL[@]}"
	assert_minimal
	[[ $(etag) == "$(etag_of "/json/$c")" ]]
	patch "/json/$c" '{"x": 1}' "${MINIMAL[@]}"
	assert_minimal
	post "/json/$c-new" '{}' "${MINIMAL[@]}"
	assert_minimal 201
	delete "/json/$c/x" "${MINIMAL[@]}"
	assert_minimal
	[[ $(etag) == "$(etag_of "/json/$c")" ]]
	delete "/json/$c-new" "${MINIMAL[@]}"
	assert_minimal
	get "/json/$c"
	assert_body '{"res":{"a":1}}'
}

@test "return=minimal is found among other preferences and in any case" {
	local prefer
	for prefer in 'respond-async, return=minimal' 'return=minimal; foo=bar' 'Return=minimal' 'return="minimal"' 'wait=10,return=minimal' 'return = minimal'; do
		put "/json/$c/a" '{"new": 1}' -H "Prefer: $prefer"
		[[ $status == 204 ]] || fail "Prefer: $prefer is $status"
		assert_minimal
	done
}

@test "the responder itself finds return=minimal in the second of two lines" {
	python3 "$TOOLS/fcgi_client.py" "$SOCKET" request PUT "/json/$c/a" '{"new": 1}' HTTP_PREFER=respond-async HTTP_PREFER=return=minimal |
		grep -q '^Status: 204'
}

@test "other preferences change nothing" {
	local prefer
	for prefer in return=representation respond-async return=minimalist return x-return=minimal 'foo="return=minimal"' 'foo;return=minimal' '='; do
		put "/json/$c/a" '{"new": 1}' -H "Prefer: $prefer"
		[[ $status == 200 ]] || fail "Prefer: $prefer is $status"
		assert_jq '.res == {a: 1, b: 2}'
		[[ $(header Preference-Applied) != *minimal* ]]
	done
}

@test "the first return preference counts" {
	put "/json/$c/a" '{"new": 1}' -H 'Prefer: return=representation, return=minimal'
	assert_status 200
	put "/json/$c/a" '{"new": 1}' -H 'Prefer: return=minimal, return=representation'
	assert_minimal
}

@test "return=minimal changes neither reads nor errors" {
	get "/json/$c" "${MINIMAL[@]}"
	assert_status 200
	assert_body '{"res":{"a":1,"b":2}}'
	put "/json/$c/a" '{"old": 1}' "${MINIMAL[@]}"
	assert_problem 422
	delete /json/nowhere "${MINIMAL[@]}"
	assert_problem 404
}

# --- paging

ten_records() {
	put "/json/$c" '{"r0":0,"r1":1,"r2":2,"r3":3,"r4":4,"r5":5,"r6":6,"r7":7,"r8":8,"r9":9}'
}

# next_page: the target of the answer's Link header, nothing where there is no
# next page.
next_page() {
	header Link | sed -n 's/^<\([^>]*\)>; *rel="\{0,1\}next"\{0,1\}$/\1/p'
}

# all_pages PATH: follows it to the end; prints the records of all pages, one a
# line.
all_pages() {
	local path=$1 pages=0
	while [[ -n $path ]]; do
		get "$path"
		[[ $status == 200 ]] || fail "GET $path: $status" || return
		jq -c '.res | to_entries[]' <<<"$body"
		path=$(next_page)
		((++pages <= 30)) || fail "no end of pages" || return
	done
}

@test "limit cuts a collection and Link leads on" {
	ten_records
	get "/json/$c?limit=3"
	assert_status 200
	assert_body '{"res":{"r0":0,"r1":1,"r2":2}}'
	assert_strong_etag
	[[ $(next_page) == "/json/$c?"* ]] || fail "Link: $(header Link)"
	get "$(next_page)"
	assert_body '{"res":{"r3":3,"r4":4,"r5":5}}'
}

@test "Link followed to its end gives every record once" {
	local limit
	ten_records
	for limit in 1 3 5 9 10 11 100000; do
		[[ $(all_pages "/json/$c?limit=$limit" | jq -s 'from_entries' -c) == '{"r0":0,"r1":1,"r2":2,"r3":3,"r4":4,"r5":5,"r6":6,"r7":7,"r8":8,"r9":9}' ]] ||
			fail "limit=$limit: $(all_pages "/json/$c?limit=$limit")"
		(($(all_pages "/json/$c?limit=$limit" | wc -l) == 10))
	done
}

@test "there is no Link where nothing follows" {
	ten_records
	get "/json/$c?limit=10"
	assert_no_header Link
	get "/json/$c?limit=100"
	assert_no_header Link
	get "/json/$c"
	assert_no_header Link
	get "/json/$c?limit=5&after=r4"
	assert_body '{"res":{"r5":5,"r6":6,"r7":7,"r8":8,"r9":9}}'
	assert_no_header Link
	put "/json/$c" '{}'
	get "/json/$c?limit=1"
	assert_body '{"res":{}}'
	assert_no_header Link
}

@test "after need not be a name that is there, and works without limit" {
	ten_records
	get "/json/$c?after=r55"
	assert_body '{"res":{"r6":6,"r7":7,"r8":8,"r9":9}}'
	get "/json/$c?after=zzz"
	assert_body '{"res":{}}'
	get "/json/$c?after=r7&limit=1"
	assert_body '{"res":{"r8":8}}'
}

@test "names of every kind survive being put into Link and back" {
	local names='{"a b":1,"a&limit=1":2,"a+b":3,"a%41":4,"a=b":5,"a#b":6,"a?b":7,"é":8,"😀":9,"\"q\"":10,"<x>":11,"a;b":12,"a,b":13,"\\":14}'
	put "/json/$c%20%3F%26" "$names"
	[[ $(all_pages "/json/$c%20%3F%26?limit=1" | jq -s 'from_entries' -cS) == "$(jq -cS . <<<"$names")" ]] ||
		fail "$(all_pages "/json/$c%20%3F%26?limit=1")"
}

@test "a plus sign in after is a space, as browsers send it" {
	put "/json/$c" '{"a a":1,"a b":2,"a c":3}'
	get "/json/$c?after=a+b"
	assert_body '{"res":{"a c":3}}'
	get "/json/$c?after=a%20b"
	assert_body '{"res":{"a c":3}}'
}

@test "a bad limit is 400" {
	local limit
	for limit in 0 -1 abc '' 1.5 100001 99999999999999999999 0x10 1e3 '%31%00' ' 1'; do
		get "/json/$c?limit=${limit// /%20}"
		[[ $status == 400 ]] || fail "limit=$limit is $status"
		assert_problem 400
	done
}

@test "a bad after is 400" {
	get "/json/$c?after=%zz"
	assert_problem 400
	get "/json/$c?after=a%4"
	assert_problem 400
}

@test "parameters that are not known are ignored" {
	get "/json/$c?foo=bar&limits=1&=&&x"
	assert_status 200
	assert_body '{"res":{"a":1,"b":2}}'
}

@test "Link keeps pretty" {
	ten_records
	get "/json/$c?limit=3&pretty"
	[[ $(next_page) == *pretty* ]] || fail "Link: $(header Link)"
}

@test "a conditional page is 304 while the collection stays as it is" {
	ten_records
	get "/json/$c?limit=3"
	get "/json/$c?limit=3" -H "If-None-Match: $(etag)"
	assert_status 304
}

# --- pretty

@test "pretty indents and ends the line, otherwise answers are compact" {
	get "/json/$c?pretty"
	assert_status 200
	assert_body $'{\n  "res": {\n    "a": 1,\n    "b": 2\n  }\n}\n'
	get "/json/$c"
	assert_body '{"res":{"a":1,"b":2}}'
	assert_header Content-Length 21
}

@test "pretty works on every answer with a body" {
	local old
	get '/json?pretty'
	[[ $body == $'{\n  "assignments": {\n    "Assignment 1": "'* && $body == *$'\n}\n' ]] || fail "$body"
	get "/json/$c/a?pretty"
	assert_body $'{\n  "res": 1\n}\n'
	put "/json/$c/a?pretty" '{"new": {"x": []}}'
	[[ $body == *$'\n'*$'\n' ]] || fail "$body"
	post "/json/$c-new?pretty" '{}'
	assert_body $'{\n  "message": "Collection created"\n}\n'
	delete "/json/$c/a?pretty"
	assert_body $'{\n  "res": {\n    "b": 2\n  }\n}\n'
	get '/json/nowhere?pretty'
	assert_problem 404
	[[ $body == '{'$'\n  "'*$'\n}\n' ]] || fail "$body"
	old=$(whole_store)
	get '/json?pretty'
	assert_json "$old"
}

@test "pretty works on healthz and readyz, too" {
	local path
	for path in healthz readyz; do
		get "/$path?pretty"
		assert_status 200
		[[ $body == $'{\n  "status": "'*$'"\n}\n' ]] || fail "$body"
		get "/$path?pretty=0"
		[[ $body == '{"status":"'*'"}' ]] || fail "$body"
	done
	http DELETE '/healthz?pretty'
	assert_problem 405
	[[ $body == $'{\n  "type"'* ]] || fail "$body"
}

@test "pretty leaves what is in strings and numbers alone" {
	put "/json/$c" '{"v": ["a: {b},[c]", "\"{", 1.10, "\\", {}]}'
	get "/json/$c?pretty"
	[[ $body == *'"a: {b},[c]"'* && $body == *'"\"{"'* && $body == *1.10* && $body == *'"\\"'* ]] || fail "$body"
	assert_json '{"res":{"v":["a: {b},[c]","\"{",1.10,"\\",{}]}}'
}

@test "HEAD of a pretty answer gives its length" {
	get "/json/$c?pretty"
	local length
	length=$(header Content-Length)
	http HEAD "/json/$c?pretty"
	assert_header Content-Length "$length"
}
