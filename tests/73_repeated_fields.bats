#!/usr/bin/env bats
# Header fields that come twice, or in such numbers that they fill what takes
# them.

load helper
shared_servers '{"a":1}'

@test "a header field that comes twice is treated alike by each version of nginx" {
	local found result=0
	found=$(python3 "$TOOLS/repeated_fields.py" "$PORT") || result=$?
	((result == 0)) || fail "$(jq . <<<"$found")"
	(($(jq .pairs <<<"$found") > 90))
}

@test "a list in one Content-Type is refused like two of them" {
	local type
	for type in 'application/json, application/json' 'application/json;charset=utf-8, text/plain' ',application/json' 'application/json,'; do
		http PUT "/json/$c/a" -H "Content-Type: $type" -d '{"new": 2}'
		assert_problem 415 "Content-Type not supported"
		assert_jq '.detail | startswith("There is more than one Content-Type")'
	done
	get "/json/$c/a"
	assert_body '{"res":1}'
}

@test "the responder itself refuses two fields, and takes a front that sends both names" {
	local how=(python3 "$TOOLS/fcgi_client.py" "$SOCKET" request PUT "/json/$c/a" '{"new": 1}')
	"${how[@]}" HTTP_CONTENT_TYPE=application/json HTTP_CONTENT_TYPE=application/json | grep -q '^Status: 415'
	"${how[@]}" HTTP_CONTENT_TYPE='application/json, text/plain' | grep -q '^Status: 415'
	"${how[@]}" HTTP_CONTENT_TYPE= | grep -q '^Status: 415'
	"${how[@]}" HTTP_CONTENT_TYPE=application/json | grep -q '^Status: 200'
}

# many_fields N: a write with so many fields, each as short as can be.
many_fields() {
	python3 - "/json/$c/a" "$1" <<-'END' | raw
		import sys
		path, number = sys.argv[1], int(sys.argv[2])
		start = f"PUT {path} HTTP/1.1\nHost: x\nConnection: close\nContent-Type: application/json\nContent-Length: 10\n"
		print(start + "a:\n" * number + '\n{"new": 3}', end="")
	END
}

@test "a write with hundreds of fields is taken; one with more than go over is an error and writes nothing" {
	many_fields 10000
	# An nginx that does not count them finds no room for them in what it
	# sends.
	[[ $status == 431 || $status == 500 ]] || fail "$answer"
	get "/json/$c/a"
	assert_body '{"res":1}'
	many_fields 900
	[[ $status == 200 ]] || fail "$answer"
}
