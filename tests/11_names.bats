#!/usr/bin/env bats
# Names of collections and records.

load helper
shared_servers

# assert_name ENCODED NAME: a collection and a record of that name can be made,
# read and deleted.
assert_name() {
	post "/json/$1" '{}'
	assert_status 201
	put "/json/$1/$1" '{"new": 1}'
	assert_status 201
	assert_jq '.res == {($n): 1}' --arg n "$2"
	get "/json/$1"
	assert_status 200
	assert_jq '.res == {($n): 1}' --arg n "$2"
	get "/json/$1/$1"
	assert_body '{"res":1}'
	get /json
	assert_jq '.[$n] == {($n): 1}' --arg n "$2"
	delete "/json/$1/$1"
	assert_body '{"res":{}}'
	delete "/json/$1"
	assert_status 200
}

repeated() {
	printf "%.0s$2" $(seq "$1")
}

@test "a name may be of 1 byte" {
	assert_name n n
	assert_name %20 ' '
}

@test "a name may be of 255 bytes" {
	local name
	name=$(repeated 255 n)
	assert_name "$name" "$name"
}

@test "a name of 256 bytes is 400 in a path and 422 in a body" {
	local name
	name=$(repeated 256 n)
	post "/json/$name" '{}'
	assert_problem 400
	get "/json/$name"
	assert_problem 400
	get "/json/$c/$name"
	assert_problem 400
	post "/json/$c" '{}'
	put "/json/$c/$name" '{"new": 1}'
	assert_problem 400
	put "/json/$c" "{\"$name\": 1}"
	assert_problem 422
	get "/json/$c"
	assert_body '{"res":{}}'
}

@test "the limit counts bytes, not characters" {
	local name
	name=$(repeated 85 %%E2%%82%%AC)
	assert_name "$name" "$(repeated 85 €)"
	post "/json/$c" "{\"$(repeated 86 €)\": 1}"
	assert_problem 422
	post "/json/$c" "{\"$(repeated 85 €)\": 1}"
	assert_status 201
}

@test "a collection and a record of 255 bytes each are found again" {
	local a b
	a=$(repeated 255 a) b=$(repeated 255 b)
	post "/json/$a" "{\"$b\": 1, \"$b\u0020\": 2}"
	assert_status 422
	post "/json/$a" "{\"$b\": 1, \"${b%b}c\": 2}"
	assert_status 201
	get "/json/$a/${b%b}c"
	assert_body '{"res":2}'
}

@test "names may be of any UTF-8" {
	assert_name %C3%A9t%C3%A9 été
	assert_name %E2%82%AC €
	assert_name %F0%9F%98%80 😀
	assert_name %D7%A9%D7%9C%D7%95%D7%9D שלום
	assert_name %F4%8F%BF%BF $'\U10ffff'
}

@test "UTF-8 that is sent as it is means the same as percent-encoded" {
	post "/json/$c" '{}'
	put "/json/$c/né" '{"new": 1}'
	assert_status 201
	get "/json/$c/n%c3%A9"
	assert_body '{"res":1}'
}

@test "names that differ only in their Unicode normalisation are different" {
	post "/json/$c" '{"\u00e9": 1, "e\u0301": 2}'
	assert_status 201
	get "/json/$c/%C3%A9"
	assert_body '{"res":1}'
	get "/json/$c/e%CC%81"
	assert_body '{"res":2}'
}

@test "percent-encoded specials are part of the name" {
	assert_name a%3Fb 'a?b'
	assert_name a%23b 'a#b'
	assert_name a%25b 'a%b'
	assert_name a%2Bb 'a+b'
	assert_name a%26b%3Dc 'a&b=c'
	assert_name %22 '"'
	assert_name a%5Cb 'a\b'
	assert_name %3Cb%3E '<b>'
	assert_name a%3Bb 'a;b'
	assert_name %7B%7D%5B%5D%7C%5E%60 '{}[]|^`'
}

@test "a name is decoded once, not twice" {
	assert_name a%2541b 'a%41b'
	assert_name a%252Fb 'a%2Fb'
	post "/json/$c" '{"%41": 1}'
	get "/json/$c/A"
	assert_status 404
	get "/json/$c/%2541"
	assert_body '{"res":1}'
}

@test "characters that a URL may hold as they are need no encoding" {
	assert_name 'c+d' 'c+d'
	assert_name 'c~d' 'c~d'
	assert_name "a-._!\$&'()*,;=:@b" "a-._!\$&'()*,;=:@b"
}

@test "a plus sign in a path is no space" {
	post "/json/$c" '{"a b": 1, "a+b": 2}'
	get "/json/$c/a+b"
	assert_body '{"res":2}'
	get "/json/$c/a%20b"
	assert_body '{"res":1}'
}

@test "names with quotes and backslashes come back as valid JSON" {
	post "/json/$c" '{"a\"b": 1, "c\\d": 2, "e\u00e9": 3}'
	assert_status 201
	get "/json/$c"
	assert_body '{"res":{"a\"b":1,"c\\d":2,"eé":3}}'
}

@test "dots are names where they are not segments of navigation" {
	assert_name ... ...
	assert_name .a .a
	assert_name a. a.
	assert_name ..a ..a
}

@test "dot and dot-dot never become names" {
	local name
	post "/json/$c" '{"a": 1}'
	for name in . .. %2e %2E%2e .%2E; do
		http PUT "/json/$c/$name" -H 'Content-Type: application/json' -d '{"new": 1}'
		[[ $status == 40[0-9] || $status == 422 ]] || fail "PUT /json/$c/$name: $status $body"
	done
	for name in . ..; do
		patch "/json/$c" "{\"b\": 1, \"$name\": 1}"
		assert_problem 422
	done
	get "/json/$c"
	assert_body '{"res":{"a":1}}'
	get /json
	assert_jq '(has(".") or has("..") or has("")) | not'
}

@test "dot segments lead nowhere outside" {
	get /json/../../../etc/passwd
	[[ $status == 400 || $status == 404 ]] || fail "$status $body"
	get /json/%2e%2e/%2e%2e/%2e%2e/etc/passwd
	[[ $status == 400 || $status == 404 ]] || fail "$status $body"
	get /../conf/nginx.conf
	[[ $status == 400 || $status == 404 ]] || fail "$status $body"
}

@test "control characters are 400 in a path" {
	local name
	post "/json/$c" '{}'
	for name in %01 a%0Ab %0D%0A %1F %7F %C2%80 %C2%9F a%09; do
		get "/json/$c/$name"
		assert_problem 400
		put "/json/$c/$name" '{"new": 1}'
		assert_problem 400
		post "/json/$name" '{}'
		assert_problem 400
	done
	get "/json/$c"
	assert_body '{"res":{}}'
}

@test "a zero byte in a path is 400" {
	get "/json/$c%00"
	assert_problem 400
	get "/json/assignments%00/Seminar"
	assert_problem 400
}

@test "bad UTF-8 in a path is 400" {
	local name
	for name in %FF %C3 %C0%AF a%80 %ED%A0%80 %F4%90%80%80 %E2%82 %F8%88%80%80%80; do
		get "/json/$name"
		assert_problem 400
		post "/json/$name" '{}'
		assert_problem 400
		put "/json/assignments/$name" '{"new": 1}'
		assert_problem 400
	done
	get /json/assignments
	assert_jq '.res | length == 5'
}

@test "an encoded slash is 400 in either case, wherever it stands" {
	local path
	post "/json/$c" '{"a": 1}'
	for path in "/json/$c%2Fa" "/json/$c%2fa" "/json/$c/a%2Fb" "/json/$c/%2f" "/json%2F$c" "/json/%2F"; do
		get "$path"
		assert_problem 400
		delete "$path"
		assert_problem 400
	done
	get "/json/$c"
	assert_body '{"res":{"a":1}}'
}

@test "an encoded slash in the query or a doubly encoded one in the path is not meant" {
	post "/json/$c" '{"a%2Fb": 1}'
	get "/json/$c/a%252Fb?x=%2F"
	assert_status 200
	assert_body '{"res":1}'
}

@test "a percent sign without two hex digits is 400" {
	local path
	for path in /json/%zz /json/a% /json/a%4; do
		get "$path"
		[[ $status == 400 ]] || fail "$path: $status $body"
	done
}

@test "bad names in a body are 422, the offender is named, and nothing is changed" {
	local method name
	post "/json/$c" '{"a": 1}'
	for method in PUT PATCH; do
		for name in 'in/side' '.' '..' '' 'tab\there' 'nul\u0000' 'del\u007f' 'c1\u0085'; do
			send $method "/json/$c" "{\"good\": 1, \"$name\": 2}"
			assert_problem 422
			[[ -z $name || $body == *"${name%%\\*}"* ]] || fail "$name is not named: $body"
		done
	done
	get "/json/$c"
	assert_body '{"res":{"a":1}}'
	post "/json/$c-new" '{"good": 1, "in/side": 2}'
	assert_problem 422
	[[ $body == *in/side* ]]
	get "/json/$c-new"
	assert_status 404
}

@test "a very long bad name does not make a very long answer" {
	post "/json/$c" "{\"$(repeated 5000 n)\": 1}"
	assert_problem 422
	((${#body} < 2000))
}

@test "an unpaired surrogate in a name is 422" {
	post "/json/$c" '{"a\ud800": 1}'
	assert_problem 422
	post "/json/$c" '{"a\udc00b": 1}'
	assert_problem 422
	post "/json/$c" '{"\ud83d\ude00": 1}'
	assert_status 201
	get "/json/$c/%F0%9F%98%80"
	assert_body '{"res":1}'
}

@test "res is refused as a collection's name and fine as a record's" {
	post /json/res '{"a": 1}'
	assert_problem 422
	[[ $body == *res* ]]
	put /json/res '{"a": 1}'
	assert_problem 422
	get /json/res
	assert_status 404
	patch /json/res '{"a": 1}'
	[[ $status == 404 || $status == 422 ]]
	put /json/res/a '{"new": 1}'
	[[ $status == 404 || $status == 422 ]]
	get /json
	assert_jq 'has("res") | not'
	post "/json/$c" '{"res": 1}'
	assert_status 201
	get "/json/$c/res"
	assert_body '{"res":1}'
	post /json/Res '{"a": 1}'
	assert_status 201
}

@test "names that look like parts of other things are just names" {
	assert_name json json
	assert_name __proto__ __proto__
	assert_name null null
	assert_name -1 -1
	assert_name healthz healthz
	assert_name index.html index.html
}
