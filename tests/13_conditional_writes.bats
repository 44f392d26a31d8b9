#!/usr/bin/env bats
# Writes with If-Match or If-None-Match (RFC 9110, section 13).

load helper
shared_servers '{"a":1,"b":2}'

OTHER='"00000000-1"'

@test "PUT of a record with the current tag in If-Match succeeds once" {
	if_match "$(etag_of "/json/$c/a")"
	put "/json/$c/a" '{"new": 2}' "${cond[@]}"
	assert_status 200
	put "/json/$c/a" '{"new": 3}' "${cond[@]}"
	assert_problem 412
	get "/json/$c/a"
	assert_body '{"res":2}'
}

@test "If-Match takes lists and compares strongly" {
	local tag
	tag=$(etag_of "/json/$c/a")
	if_match "W/$tag"
	put "/json/$c/a" '{"new": 2}' "${cond[@]}"
	assert_problem 412
	if_match "$OTHER" " $tag"
	put "/json/$c/a" '{"new": 2}' "${cond[@]}"
	assert_status 200
	if_match "$OTHER" '"x"'
	put "/json/$c/a" '{"new": 3}' "${cond[@]}"
	assert_problem 412
}

@test "If-Match: * asks that the record is there" {
	if_match '*'
	put "/json/$c/a" '{"new": 2}' "${cond[@]}"
	assert_status 200
	put "/json/$c/none" '{"new": 2}' "${cond[@]}"
	assert_problem 412
	get "/json/$c/none"
	assert_status 404
}

@test "If-None-Match: * asks that the record is not there" {
	if_none_match '*'
	put "/json/$c/new" '{"new": 2}' "${cond[@]}"
	assert_status 201
	put "/json/$c/new" '{"new": 3}' "${cond[@]}"
	assert_problem 412
	get "/json/$c/new"
	assert_body '{"res":2}'
}

@test "If-None-Match with the current tag is 412 for a write, also a weak one" {
	local tag
	tag=$(etag_of "/json/$c/a")
	if_none_match "$tag"
	put "/json/$c/a" '{"new": 2}' "${cond[@]}"
	assert_problem 412
	if_none_match "$OTHER" "W/$tag"
	put "/json/$c/a" '{"new": 2}' "${cond[@]}"
	assert_problem 412
	if_none_match "$OTHER"
	put "/json/$c/a" '{"new": 2}' "${cond[@]}"
	assert_status 200
}

@test "PUT of a collection heeds conditions" {
	local tag
	tag=$(etag_of "/json/$c")
	if_match "$OTHER"
	put "/json/$c" '{"x": 1}' "${cond[@]}"
	assert_problem 412
	if_none_match '*'
	put "/json/$c" '{"x": 1}' "${cond[@]}"
	assert_problem 412
	if_match "$tag"
	put "/json/$c" '{"x": 1}' "${cond[@]}"
	assert_status 200
	if_match '*'
	put "/json/$c-new" '{"x": 1}' "${cond[@]}"
	assert_problem 412
	if_none_match '*'
	put "/json/$c-new" '{"x": 1}' "${cond[@]}"
	assert_status 201
}

@test "PATCH heeds conditions" {
	local tag
	tag=$(etag_of "/json/$c")
	if_match "$OTHER"
	patch "/json/$c" '{"x": 1}' "${cond[@]}"
	assert_problem 412
	if_none_match "$tag"
	patch "/json/$c" '{"x": 1}' "${cond[@]}"
	assert_problem 412
	if_match "$tag"
	patch "/json/$c" '{"x": 1}' "${cond[@]}"
	assert_status 200
	patch "/json/$c" '{"x": 2}' "${cond[@]}"
	assert_problem 412
	get "/json/$c/x"
	assert_body '{"res":1}'
}

@test "DELETE heeds conditions, of records and of collections" {
	local tag
	tag=$(etag_of "/json/$c/a")
	if_match "$OTHER"
	delete "/json/$c/a" "${cond[@]}"
	assert_problem 412
	delete "/json/$c" "${cond[@]}"
	assert_problem 412
	if_none_match '*'
	delete "/json/$c/a" "${cond[@]}"
	assert_problem 412
	if_match "$tag"
	delete "/json/$c/a" "${cond[@]}"
	assert_status 200
	if_match "$(etag_of "/json/$c")"
	delete "/json/$c" "${cond[@]}"
	assert_status 200
}

@test "POST heeds conditions where the collection is not there" {
	if_match '*'
	post "/json/$c-new" '{}' "${cond[@]}"
	assert_problem 412
	if_none_match '*'
	post "/json/$c-new" '{}' "${cond[@]}"
	assert_status 201
}

@test "POST to a collection that exists is 409 whatever If-None-Match says" {
	if_none_match '*'
	post "/json/$c" '{}' "${cond[@]}"
	assert_problem 409
	if_none_match "$(etag_of "/json/$c")"
	post "/json/$c" '{}' "${cond[@]}"
	assert_problem 409
}

@test "a request that would fail anyway fails with its own status, not 412" {
	if_match "$OTHER"
	put "/json/$c/a" '{"old": 1}' "${cond[@]}"
	assert_problem 422
	put "/json/$c/a" '{' "${cond[@]}"
	assert_problem 400
	put /json/nowhere/a '{"new": 1}' "${cond[@]}"
	assert_problem 404
	patch /json/nowhere '{}' "${cond[@]}"
	assert_problem 404
	delete /json/nowhere "${cond[@]}"
	assert_problem 404
	delete "/json/$c/none" "${cond[@]}"
	assert_problem 404
}

@test "both conditions must hold" {
	local tag
	tag=$(etag_of "/json/$c/a")
	put "/json/$c/a" '{"new": 2}' -H "If-Match: $tag" -H "If-None-Match: $tag"
	assert_problem 412
	put "/json/$c/a" '{"new": 2}' -H "If-Match: $tag" -H "If-None-Match: $OTHER"
	assert_status 200
}

@test "malformed conditions are 400, on reads and writes" {
	local name value
	for name in If-Match If-None-Match; do
		for value in abc '"open' '"a" "b"' '*, "a"' '"a", *' '**' 'w/"a"' 'W/a' "'a'" '"a",b' '"a"b'; do
			get "/json/$c" -H "$name: $value"
			[[ $status == 400 ]] || fail "GET with $name: $value is $status"
			put "/json/$c/a" '{"new": 2}' -H "$name: $value"
			assert_problem 400
		done
	done
	get "/json/$c"
	assert_body '{"res":{"a":1,"b":2}}'
}

@test "the ETag of another record's revision does not match" {
	put "/json/$c/a" '{"new": 2}'
	if_match "$(etag_of "/json/$c/b")"
	put "/json/$c/a" '{"new": 3}' "${cond[@]}"
	assert_problem 412
}

@test "If-Modified-Since and If-Unmodified-Since are not looked at" {
	get "/json/$c" -H 'If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT'
	assert_status 200
	get "/json/$c" -H 'If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT'
	assert_status 200
}
