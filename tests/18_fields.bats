#!/usr/bin/env bats
# Header fields and queries that change what a request means, or cannot be
# honoured.

load helper
shared_servers '{"a": 1}'

@test "an empty If-Match or If-None-Match on a write is 400, not an unconditional write" {
	local field
	for field in If-Match If-None-Match; do
		put "/json/$c/a" '{"new": 2}' -H "$field;"
		assert_problem 400
		delete "/json/$c/a" -H "$field;"
		assert_problem 400
	done
	get "/json/$c/a"
	assert_json '{"res": 1}'
}

@test "a write with Content-Range is 400, and nothing is replaced by a part" {
	put "/json/$c/a" '{"new": 2}' -H 'Content-Range: bytes 0-9/20'
	assert_problem 400
	assert_jq '.detail | contains("Content-Range")'
	put "/json/$c" '{"b": 2}' -H 'Content-Range: bytes 0-7/20'
	assert_problem 400
	patch "/json/$c" '{"b": 2}' -H 'Content-Range: bytes 0-7/20'
	assert_problem 400
	get "/json/$c"
	assert_json '{"res": {"a": 1}}'
}

@test "a coded body is 415 with Accept-Encoding, and identity is taken" {
	local coding
	for coding in gzip br 'identity, gzip' GZIP; do
		put "/json/$c/a" '{"new": 2}' -H "Content-Encoding: $coding"
		assert_problem 415 'Content-Encoding not supported'
		assert_header Accept-Encoding identity
	done
	put "/json/$c/a" '{"new": 2}' -H 'Content-Encoding: identity' -H 'Content-Encoding: gzip'
	assert_problem 415
	get "/json/$c/a"
	assert_json '{"res": 1}'
	put "/json/$c/a" '{"new": 3}' -H 'Content-Encoding: Identity'
	assert_status 200
}

@test "with return=minimal what is created answers 201 without content" {
	put "/json/$c/new" '{"new": 2}' -H 'Prefer: return=minimal'
	assert_status 201
	assert_body ''
	assert_header Location "/json/$c/new"
	assert_header Preference-Applied return=minimal
	assert_strong_etag
	put "/json/$c-made" '{}' -H 'Prefer: return=minimal'
	assert_status 201
	assert_body ''
	put "/json/$c-made" '{}' -H 'Prefer: return=minimal'
	assert_status 204
	post "/json/$c-posted" '{}' -H 'Prefer: return=minimal'
	assert_status 201
	assert_body ''
	assert_header Location "/json/$c-posted"
	delete "/json/$c-made"
	delete "/json/$c-posted"
}

@test "names and values of Prefer are taken in any case of letters, and not out of a quoted string" {
	local prefer
	for prefer in 'Return=Minimal' 'RETURN = "MINIMAL"; x=1' 'x="a, b"; y, return=minimal'; do
		put "/json/$c/a" '{"new": 2}' -H "Prefer: $prefer"
		assert_status 204
	done
	for prefer in 'x="a, return=minimal"' 'x=1; return=minimal' 'return=maximal'; do
		put "/json/$c/a" '{"new": 2}' -H "Prefer: $prefer"
		assert_status 200
	done
}

@test "an encoded slash is 400 wherever its path would lead" {
	local path
	for path in /json/..%2fmetrics /json/..%2Fhealthz /x/..%2freadyz /x%2f..%2f /x%2f..%2fapp.js \
		/x%2fjson /x/..%2fjson; do
		get "$path"
		assert_problem 400
	done
	get '/json?x=%2f'
	assert_status 200
}

@test "limit or after given twice is 400" {
	local query
	for query in 'limit=1&limit=2' 'limit=1&after=a&after=b' 'after=&after='; do
		get "/json/$c?$query"
		assert_problem 400
		assert_jq '.detail | endswith("is given twice")'
	done
}
