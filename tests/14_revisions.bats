#!/usr/bin/env bats
# Revisions and ETag, and reads with If-Match or If-None-Match (RFC 9110,
# section 13).

load helper
shared_servers '{"a":1,"b":2}'

OTHER='"00000000-1"'

# assert_changed BEFORE AFTER, assert_same BEFORE AFTER
assert_changed() {
	[[ -n $1 && -n $2 && $1 != "$2" ]] || fail "still $1"
}

assert_same() {
	[[ -n $1 && $1 == "$2" ]] || fail "$1 became $2"
}

# --- what has which revision

@test "every resource has a strong ETag, and it stays while nothing is written" {
	local path first
	for path in "/json/$c" "/json/$c/a"; do
		get "$path"
		assert_strong_etag
		first=$(etag)
		get "$path"
		assert_same "$first" "$(etag)"
	done
	get /json
	assert_strong_etag
}

@test "an ETag stays strong where the client takes compressed answers" {
	get "/json/$c" -H 'Accept-Encoding: gzip, deflate, br'
	assert_strong_etag
	get /json -H 'Accept-Encoding: gzip'
	assert_strong_etag
}

@test "a write of a record changes the ETag of record, collection and store" {
	local record collection store
	record=$(etag_of "/json/$c/a") collection=$(etag_of "/json/$c") store=$(etag_of /json)
	put "/json/$c/a" '{"new": 10}'
	assert_status 200
	assert_changed "$record" "$(etag_of "/json/$c/a")"
	assert_changed "$collection" "$(etag_of "/json/$c")"
	assert_changed "$store" "$(etag_of /json)"
}

@test "a write leaves other records and other collections their ETags" {
	local record collection
	record=$(etag_of "/json/$c/b") collection=$(etag_of /json/assignments)
	put "/json/$c/a" '{"new": 10}'
	patch "/json/$c" '{"a": 11, "z": 1}'
	delete "/json/$c/z"
	assert_status 200
	assert_same "$record" "$(etag_of "/json/$c/b")"
	assert_same "$collection" "$(etag_of /json/assignments)"
}

@test "deleting a record changes the ETag of its collection" {
	local before
	before=$(etag_of "/json/$c")
	delete "/json/$c/a"
	assert_changed "$before" "$(etag)"
	assert_same "$(etag)" "$(etag_of "/json/$c")"
}

@test "the answer to a write carries the new ETag of what was written" {
	put "/json/$c/a" '{"new": 10}'
	assert_same "$(etag)" "$(etag_of "/json/$c/a")"
	put "/json/$c/new" '{"new": 10}'
	assert_status 201
	assert_same "$(etag)" "$(etag_of "/json/$c/new")"
	put "/json/$c" '{"x": 1}'
	assert_same "$(etag)" "$(etag_of "/json/$c")"
	patch "/json/$c" '{"y": 1}'
	assert_same "$(etag)" "$(etag_of "/json/$c")"
	post "/json/$c-new" '{}'
	assert_same "$(etag)" "$(etag_of "/json/$c-new")"
	delete "/json/$c/x"
	assert_strong_etag
	assert_same "$(etag)" "$(etag_of "/json/$c")"
}

@test "an ETag never comes back, not even with the old value or a new collection" {
	local first
	first=$(etag_of "/json/$c/a")
	put "/json/$c/a" '{"new": 5}'
	put "/json/$c/a" '{"new": 1}'
	assert_changed "$first" "$(etag_of "/json/$c/a")"
	first=$(etag_of "/json/$c")
	delete "/json/$c"
	assert_strong_etag
	put "/json/$c" '{"a":1,"b":1}'
	assert_changed "$first" "$(etag)"
}

@test "refused writes change no ETag" {
	local before
	before=$(etag_of "/json/$c")
	put "/json/$c/a" '{"old": 1}'
	put "/json/$c/a" '{'
	post "/json/$c" '{}'
	delete "/json/$c/none"
	if_match "$OTHER"
	put "/json/$c/a" '{"new": 3}' "${cond[@]}"
	assert_status 412
	assert_same "$before" "$(etag_of "/json/$c")"
}

# --- reads

@test "GET with the current tag in If-None-Match is 304 without a body" {
	local path tag
	for path in "/json/$c" "/json/$c/a"; do
		tag=$(etag_of "$path")
		if_none_match "$tag"
		get "$path" "${cond[@]}"
		assert_status 304
		[[ -z $body ]]
		assert_header ETag "$tag"
		http HEAD "$path" "${cond[@]}"
		assert_status 304
	done
}

@test "GET with another tag, or after a write, is 200" {
	local tag
	if_none_match "$OTHER"
	get "/json/$c" "${cond[@]}"
	assert_status 200
	tag=$(etag_of "/json/$c/a")
	put "/json/$c/a" '{"new": 2}'
	if_none_match "$tag"
	get "/json/$c/a" "${cond[@]}"
	assert_status 200
	assert_body '{"res":2}'
}

@test "If-None-Match takes lists, stars and weak tags" {
	local tag
	tag=$(etag_of "/json/$c")
	if_none_match "$OTHER" "$tag"
	get "/json/$c" "${cond[@]}"
	assert_status 304
	if_none_match "$OTHER" " " '"a,b"' " $tag " '"z"'
	get "/json/$c" "${cond[@]}"
	assert_status 304
	if_none_match "W/$tag"
	get "/json/$c" "${cond[@]}"
	assert_status 304
	if_none_match '*'
	get "/json/$c" "${cond[@]}"
	assert_status 304
	if_none_match "$OTHER" '"y"' '""'
	get "/json/$c" "${cond[@]}"
	assert_status 200
}

# nginx itself refuses two lines of these fields; what must never happen is that
# one is overlooked.
@test "If-Match or If-None-Match in two header lines is one list, or 400 by the front" {
	local tag
	tag=$(etag_of "/json/$c/a")
	get "/json/$c/a" -H "If-None-Match: $OTHER" -H "If-None-Match: $tag"
	[[ $status == 304 || $status == 400 ]] || fail "status $status"
	get "/json/$c/a" -H "If-None-Match: $tag" -H "If-None-Match: $OTHER"
	[[ $status == 304 || $status == 400 ]] || fail "status $status"
	put "/json/$c/a" '{"new": 2}' -H "If-Match: $OTHER" -H "If-Match: $tag"
	[[ $status == 200 || $status == 400 ]] || fail "status $status"
	put "/json/$c/a" '{"new": 3}' -H "If-Match: $OTHER" -H 'If-Match: "x"'
	[[ $status == 412 || $status == 400 ]] || fail "status $status"
}

@test "the responder itself takes two header lines as one list" {
	local tag
	tag=$(etag_of "/json/$c/a")
	direct() {
		python3 "$TOOLS/fcgi_client.py" "$SOCKET" request "$@" | sed -n 's/^Status: \([0-9]*\).*/\1/p'
	}
	[[ $(direct GET "/json/$c/a" "HTTP_IF_NONE_MATCH=$OTHER" "HTTP_IF_NONE_MATCH=$tag") == 304 ]]
	[[ $(direct GET "/json/$c/a" "HTTP_IF_NONE_MATCH=$tag" "HTTP_IF_NONE_MATCH=$OTHER") == 304 ]]
	[[ $(direct PUT "/json/$c/a" '{"new": 2}' "HTTP_IF_MATCH=$OTHER" 'HTTP_IF_MATCH="x"') == 412 ]]
	[[ $(direct PUT "/json/$c/a" '{"new": 2}' "HTTP_IF_MATCH=$OTHER" "HTTP_IF_MATCH=$tag") == 200 ]]
}

@test "GET with If-Match is 200 where it holds and 412 where not" {
	if_match "$(etag_of "/json/$c")"
	get "/json/$c" "${cond[@]}"
	assert_status 200
	if_match '*'
	get "/json/$c" "${cond[@]}"
	assert_status 200
	if_match "$OTHER"
	get "/json/$c" "${cond[@]}"
	assert_problem 412
	if_match "W/$(etag_of "/json/$c")"
	get "/json/$c" "${cond[@]}"
	assert_problem 412
}

@test "a read of what is not there is 404 whatever the conditions say" {
	for condition in 'If-Match: *' 'If-None-Match: *' "If-Match: $OTHER"; do
		get /json/nowhere -H "$condition"
		assert_problem 404
		get "/json/$c/none" -H "$condition"
		assert_problem 404
	done
}
