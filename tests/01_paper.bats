#!/usr/bin/env bats
# The paper's examples in the paper's order, on one store.

load helper
shared_servers

setup_file() {
	export BATS_NO_PARALLELIZE_WITHIN_FILE=true
	start
}

# assert_paper_json TEXT: the same members in the same order as the paper prints
# them.
assert_paper_json() {
	assert_header Content-Type application/json
	assert_json "$1"
	assert_body "$(jq -c . <<<"$1")"
}

@test "GET /json returns all assignments" {
	get /json
	assert_status 200
	assert_paper_json '{
	  "assignments":
	  {
	    "Assignment 1": "100%",
	    "Assignment 2": "95%",
	    "Assignment 3": "Not Submitted",
	    "Final project": "Not Submitted",
	    "Seminar": "Not Submitted"
	  }
	}'
}

@test "GET /json/assignments/Assignment 1 returns that assignment" {
	get '/json/assignments/Assignment%201'
	assert_status 200
	assert_paper_json '{
	  "res": "100%"
	}'
}

@test "POST /json/exams adds a new set of assignments" {
	post /json/exams '{"exam 1": "test", "exam 2": "coding"}'
	assert_status 201
	assert_paper_json '{
	  "message": "Collection created"
	}'
}

@test "PUT /json/assignments/Assignment 3 modifies that record and returns everything" {
	put '/json/assignments/Assignment%203' '{"new": "100%"}'
	assert_status 200
	assert_paper_json '{ "res":
	  {
	    "Assignment 1": "100%",
	    "Assignment 2": "95%",
	    "Assignment 3": "100%",
	    "Final project": "Not Submitted",
	    "Seminar": "Not Submitted"
	  },
	  "exams": {
	    "exam 1": "test",
	    "exam 2": "coding"
	  }
	}'
}

@test "DELETE /json/exams deletes the set and returns what remains" {
	delete /json/exams
	assert_status 200
	assert_paper_json '{
	  "assignments": {
	    "Assignment 1": "100%",
	    "Assignment 2": "95%",
	    "Assignment 3": "100%",
	    "Final project": "Not Submitted",
	    "Seminar": "Not Submitted"
	  }
	}'
}

@test "afterwards GET /json returns the same" {
	get /json
	assert_status 200
	assert_json '{
	  "assignments": {
	    "Assignment 1": "100%",
	    "Assignment 2": "95%",
	    "Assignment 3": "100%",
	    "Final project": "Not Submitted",
	    "Seminar": "Not Submitted"
	  }
	}'
}
