#!/usr/bin/env bats
# What the front has that is off or far away as delivered.

load helper
own_area

# reconfigure SED FILE: change the front's own copy of a file and have it read
# again.
reconfigure() {
	sed -i "$1" "$PREFIX/conf/$2"
	kill -HUP "$(front_pid)"
}

limited() {
	get /json
	[[ $status == 429 ]]
}

@test "rate limits, switched on as limits.conf says, answer 429 in the contract's shape" {
	start_responder --seed "$TREE/conf/seed.json"
	start_nginx
	reconfigure 's/default "";/default $binary_remote_addr;/; s/rate=50r/rate=1r/; s/burst=100/burst=2/' limits.conf
	wait_until limited
	assert_problem 429
	[[ $(header Retry-After) =~ ^[0-9]+$ ]]
	# Those who watch are not counted.
	local i
	for i in 1 2 3 4 5 6; do
		get /readyz
		[[ $status == 200 ]]
		get /metrics
		[[ $status == 200 ]]
	done
}

@test "as delivered nothing is limited" {
	start_responder --seed "$TREE/conf/seed.json"
	start_nginx
	local codes
	codes=$(curl -sS --noproxy '*' -o /dev/null -w '%{http_code}\n' "$BASE/json?[1-300]" | sort | uniq -c)
	[[ $codes =~ ^\ *300\ 200$ ]] || fail "$codes"
}

works() {
	get /json
	[[ $status == 200 ]]
}

timed_out() {
	get /json
	[[ $status == 504 ]]
}

@test "a responder that takes too long is 504 in the contract's shape" {
	start_responder --workers 1 --seed "$TREE/conf/seed.json"
	start_nginx
	reconfigure 's/fastcgi_read_timeout .*/fastcgi_read_timeout 1s;/' fastcgi.conf
	local pid
	pid=$(workers)
	kill -STOP "$pid"
	wait_until timed_out
	assert_problem 504
	kill -CONT "$pid"
	wait_until works
}
