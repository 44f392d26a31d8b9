#!/usr/bin/env bats
# The table of requests: what each answers, and how it fails.

load helper
shared_servers

@test "GET /json gives the whole store sorted by name" {
	post "/json/$c-b" '{"z": 1, "a": 2, "B": 3}'
	post "/json/$c-a" '{}'
	get /json
	assert_status 200
	assert_header Content-Type application/json
	assert_strong_etag
	assert_jq '[to_entries[] | select(.key | startswith($c))] == [{key: ($c + "-a"), value: {}}, {key: ($c + "-b"), value: {B: 3, a: 2, z: 1}}]' --arg c "$c"
	assert_jq '.assignments["Assignment 1"] == "100%"'
	[[ $body == *"\"$c-a\":{},\"$c-b\":{\"B\":3,\"a\":2,\"z\":1}"* ]] || fail "not sorted: $body"
}

@test "collections and records are sorted bytewise, not by the rules of a language" {
	post "/json/$c" '{"é": 1, "z": 2, "Z": 3, "a b": 4, "a": 5, "a-b": 6, "~": 7, "10": 8, "9": 9, "😀": 10}'
	assert_status 201
	get "/json/$c"
	assert_body '{"res":{"10":8,"9":9,"Z":3,"a":5,"a b":4,"a-b":6,"z":2,"~":7,"é":1,"😀":10}}'
}

@test "GET of a collection gives it under res" {
	post "/json/$c" '{"b": 1, "a": "x"}'
	get "/json/$c"
	assert_status 200
	assert_header Content-Type application/json
	assert_strong_etag
	assert_body '{"res":{"a":"x","b":1}}'
}

@test "GET of a collection that is not there is 404" {
	get /json/nowhere
	assert_problem 404 "Collection not found"
	assert_no_header ETag
}

@test "GET of a record gives its value under res" {
	post "/json/$c" '{"a": "x"}'
	get "/json/$c/a"
	assert_status 200
	assert_header Content-Type application/json
	assert_strong_etag
	assert_body '{"res":"x"}'
}

@test "GET of a record whose value is empty, zero, false or null is 200" {
	post "/json/$c" '{"empty": "", "zero": 0, "false": false, "null": null}'
	assert_status 201
	get "/json/$c/empty"
	assert_status 200
	assert_body '{"res":""}'
	get "/json/$c/zero"
	assert_status 200
	assert_body '{"res":0}'
	get "/json/$c/false"
	assert_status 200
	assert_body '{"res":false}'
	get "/json/$c/null"
	assert_status 200
	assert_body '{"res":null}'
}

@test "GET of a record that is not there is 404" {
	post "/json/$c" '{"a": "x"}'
	get "/json/$c/b"
	assert_problem 404 "Not found"
}

@test "GET of a record in a collection that is not there is 404" {
	get /json/nowhere/b
	assert_problem 404 "Collection not found"
}

@test "POST creates a collection and says where" {
	post "/json/$c" '{"a": 1}'
	assert_status 201
	assert_header Content-Type application/json
	assert_header Location "/json/$c"
	assert_body '{"message":"Collection created"}'
	get "/json/$c"
	assert_body '{"res":{"a":1}}'
}

@test "POST of an empty object creates an empty collection" {
	post "/json/$c" '{}'
	assert_status 201
	get "/json/$c"
	assert_body '{"res":{}}'
	get "/json/$c/a"
	assert_problem 404 "Not found"
}

@test "Location is percent-encoded and leads to the collection" {
	post "/json/$c%20%C3%A9%3F%25%23" '{"a": 1}'
	assert_status 201
	local location
	location=$(header Location)
	[[ $location == "/json/$c%20%C3%A9%3F%25%23" ]] || fail "Location: $location"
	get "$location"
	assert_body '{"res":{"a":1}}'
}

@test "POST to a collection that exists is 409 and changes nothing" {
	post "/json/$c" '{"a": 1}'
	local before
	before=$(etag_of "/json/$c")
	post "/json/$c" '{"b": 2}'
	assert_problem 409 "Collection already exists"
	get "/json/$c"
	assert_body '{"res":{"a":1}}'
	assert_header ETag "$before"
}

@test "PUT of a record that is new is 201, of one that exists 200" {
	post "/json/$c" '{"a": 1}'
	put "/json/$c/b" '{"new": 2}'
	assert_status 201
	assert_jq '.res == {a: 1, b: 2}'
	put "/json/$c/b" '{"new": 3}'
	assert_status 200
	assert_header Content-Type application/json
	assert_jq '.res == {a: 1, b: 3}'
	get "/json/$c"
	assert_body '{"res":{"a":1,"b":3}}'
}

@test "PUT of a record answers with the other collections under their own names" {
	post "/json/$c" '{"a": 1}'
	post "/json/$c-other" '{"x": true}'
	put "/json/$c/a" '{"new": 2}'
	assert_status 200
	assert_jq '.res == {a: 2} and .[$o] == {x: true} and (has($c) | not) and has("assignments")' --arg o "$c-other" --arg c "$c"
}

@test "PUT of a record in a collection that is not there is 404 and creates nothing" {
	put /json/nowhere/a '{"new": 1}'
	assert_problem 404 "Collection not found"
	get /json/nowhere
	assert_status 404
}

@test "PUT of a record without new is 422 and changes nothing" {
	post "/json/$c" '{"a": 1}'
	put "/json/$c/a" '{}'
	assert_problem 422
	put "/json/$c/a" '{"old": 2}'
	assert_problem 422
	put "/json/$c/a" '{"New": 2}'
	assert_problem 422
	get "/json/$c"
	assert_body '{"res":{"a":1}}'
}

@test "PUT of a record with members beside new is 422 and changes nothing" {
	post "/json/$c" '{"a": 1}'
	put "/json/$c/a" '{"new": 2, "old": 1}'
	assert_problem 422
	get "/json/$c/a"
	assert_body '{"res":1}'
}

@test "PUT of a record to null keeps the record" {
	post "/json/$c" '{"a": 1}'
	put "/json/$c/a" '{"new": null}'
	assert_status 200
	get "/json/$c"
	assert_body '{"res":{"a":null}}'
}

@test "PUT of a collection replaces it whole" {
	post "/json/$c" '{"a": 1, "b": 2}'
	put "/json/$c" '{"c": 3, "a": 4}'
	assert_status 200
	assert_header Content-Type application/json
	assert_body '{"res":{"a":4,"c":3}}'
	get "/json/$c"
	assert_body '{"res":{"a":4,"c":3}}'
	get "/json/$c/b"
	assert_problem 404 "Not found"
}

@test "PUT of a collection that is new is 201" {
	put "/json/$c" '{"a": 1}'
	assert_status 201
	assert_body '{"res":{"a":1}}'
	put "/json/$c" '{}'
	assert_status 200
	assert_body '{"res":{}}'
}

@test "PUT of a collection keeps a record whose value is null" {
	put "/json/$c" '{"a": null}'
	assert_status 201
	assert_body '{"res":{"a":null}}'
}

@test "PATCH of a collection sets and removes records" {
	post "/json/$c" '{"a": 1, "b": 2, "c": 3}'
	patch "/json/$c" '{"a": 10, "b": null, "d": 4}'
	assert_status 200
	assert_header Content-Type application/json
	assert_body '{"res":{"a":10,"c":3,"d":4}}'
	get "/json/$c"
	assert_body '{"res":{"a":10,"c":3,"d":4}}'
}

@test "PATCH of a collection that is not there is 404 and creates nothing" {
	patch /json/nowhere '{"a": 1}'
	assert_problem 404 "Collection not found"
	get /json/nowhere
	assert_status 404
}

@test "DELETE of a collection answers with the store that remains" {
	post "/json/$c" '{"a": 1}'
	post "/json/$c-stays" '{"b": 2}'
	delete "/json/$c"
	assert_status 200
	assert_header Content-Type application/json
	assert_jq '(has($c) | not) and .[$c + "-stays"] == {b: 2} and has("assignments")' --arg c "$c"
	get "/json/$c"
	assert_status 404
}

@test "DELETE of a collection that is not there is 404" {
	delete /json/nowhere
	assert_problem 404 "Collection not found"
}

@test "DELETE of a collection leaves those alone whose names begin alike" {
	post "/json/$c" '{"a": 1}'
	post "/json/$c%20" '{"a": 2}'
	post "/json/${c}x" '{"a": 3}'
	post "/json/$c%01" '{}'
	assert_status 400
	delete "/json/$c"
	assert_status 200
	get "/json/$c%20"
	assert_body '{"res":{"a":2}}'
	get "/json/${c}x"
	assert_body '{"res":{"a":3}}'
}

@test "DELETE of a record answers with what remains of the collection" {
	post "/json/$c" '{"a": 1, "b": 2}'
	delete "/json/$c/a"
	assert_status 200
	assert_header Content-Type application/json
	assert_body '{"res":{"b":2}}'
	delete "/json/$c/b"
	assert_status 200
	assert_body '{"res":{}}'
	get "/json/$c"
	assert_status 200
	assert_body '{"res":{}}'
}

@test "DELETE of a record that is not there is 404, of one in no collection too" {
	post "/json/$c" '{"a": 1}'
	delete "/json/$c/b"
	assert_problem 404 "Not found"
	delete /json/nowhere/b
	assert_problem 404 "Collection not found"
	get "/json/$c"
	assert_body '{"res":{"a":1}}'
}

@test "a collection that was deleted can be created again, without its old records" {
	post "/json/$c" '{"a": 1}'
	delete "/json/$c"
	post "/json/$c" '{"b": 2}'
	assert_status 201
	get "/json/$c"
	assert_body '{"res":{"b":2}}'
}

# same_fields: those of the last answer that HEAD must have as GET.
same_fields() {
	printf '%s\n' "${fields[@]}" | grep -Ei '^(content-type|content-length|etag|cache-control):'
}

@test "HEAD answers as GET does, without a body" {
	local path of_get
	post "/json/$c" '{"a": "some value"}'
	for path in "/json/$c" "/json/$c/a"; do
		http GET "$path"
		assert_status 200
		of_get=$(same_fields)
		[[ $(wc -l <<<"$of_get") == 4 ]] || fail "GET: $of_get"
		http HEAD "$path"
		assert_status 200
		[[ $(same_fields) == "$of_get" ]] || fail "GET: $of_get" "HEAD: $(same_fields)"
	done
	printf 'HEAD /json/%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' "$c" | raw
	[[ $status == 200 ]]
	[[ $answer == *$'\r\n\r' || $answer == *$'\r' ]] || fail "a body follows: $answer"
}

@test "HEAD of /json and of what is not there is as GET, too" {
	http HEAD /json
	assert_status 200
	assert_strong_etag
	http HEAD /json/nowhere
	assert_status 404
	http HEAD /json/assignments/nothing
	assert_status 404
}

@test "a GET's Content-Length is the length of its body" {
	post "/json/$c" '{"a": "äöü"}'
	get "/json/$c"
	assert_header Content-Length "$(printf %s "$body" | wc -c)"
}

@test "OPTIONS of /json tells its methods" {
	http OPTIONS /json
	assert_status 204
	assert_list Allow GET HEAD OPTIONS
	assert_no_header Accept-Patch
	[[ -z $body ]]
}

@test "OPTIONS of a collection tells its methods and what PATCH takes" {
	http OPTIONS "/json/$c"
	assert_status 204
	assert_list Allow GET HEAD POST PUT PATCH DELETE OPTIONS
	[[ $(header Accept-Patch) == *application/merge-patch+json* ]] || fail "Accept-Patch: $(header Accept-Patch)"
	[[ -z $body ]]
}

@test "OPTIONS of a record tells its methods" {
	http OPTIONS "/json/$c/a"
	assert_status 204
	assert_list Allow GET HEAD PUT DELETE OPTIONS
	assert_no_header Accept-Patch
	[[ -z $body ]]
}

@test "a method that is not for this resource is 405 and says which are" {
	local method
	for method in POST PUT PATCH DELETE; do
		send $method /json '{}'
		assert_problem 405
		assert_list Allow GET HEAD OPTIONS
	done
	for method in POST PATCH; do
		send $method '/json/assignments/Seminar' '{"new": 1}'
		assert_problem 405
		assert_list Allow GET HEAD PUT DELETE OPTIONS
	done
	get /json/assignments/Seminar
	assert_body '{"res":"Not Submitted"}'
}

@test "an empty segment or a trailing slash is 404" {
	local path
	post "/json/$c" '{"a": 1}'
	for path in /json/ "/json/$c/" "/json//$c" "/json//$c/a" "/json/$c//a" "/json/$c/a/" //json "//json/$c" /json// "/json/$c//"; do
		get "$path"
		assert_status 404
	done
	for path in /json/ "/json/$c-new/" "/json//$c-new"; do
		post "$path" '{"a": 1}'
		[[ $status == 404 || ($path == /json/ && $status == 405) ]] || fail "POST $path: $status"
	done
	get "/json/$c-new"
	assert_status 404
	put "/json/$c/" '{"new": 1}'
	assert_status 404
	get "/json/$c"
	assert_body '{"res":{"a":1}}'
}

@test "a path deeper than a record, or beside /json, is 404" {
	post "/json/$c" '{"a": {"b": 1}}'
	get "/json/$c/a/b"
	assert_problem 404 "Not found"
	put "/json/$c/a/b" '{"new": 1}'
	assert_status 404
	get /jsonx
	assert_status 404
	get /JSON
	assert_status 404
	get /nothing/here
	assert_status 404
}
