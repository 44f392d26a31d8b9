#!/usr/bin/env bats
# The gradebook page in a headless Chromium, with a real responder and front.
# Needs Debian's chromium and chromium-driver.  One chromedriver serves all
# tests; each has a browser of its own.

load ../helper

setup_file() {
	export BATS_NO_PARALLELIZE_WITHIN_FILE=true
	# A proxy of the caller's is not for what is on this machine.
	unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
	start
	TEST_AREA_OF_MARKBOOK=$AREA setsid chromedriver --port=0 \
		</dev/null >"$AREA/driver.out" 2>&1 3>&- 4>&- &
	echo $! >"$AREA/driver.pid"
	wait_until grep -q 'started successfully on port' "$AREA/driver.out"
	DRIVER=http://127.0.0.1:$(sed -n 's/.*started successfully on port \([0-9]*\).*/\1/p' \
		"$AREA/driver.out")
	export BASE DRIVER
}

teardown() {
	show_failure
}

teardown_file() {
	# The browsers are in chromedriver's process group.
	[[ ! -e $AREA/driver.pid ]] || kill -- -"$(cat "$AREA/driver.pid")" || :
	stop
}

page() {
	python3 "$BATS_TEST_DIRNAME/page.py" "$1"
}

@test "the page loads without a word in the console, its style and script let in by the CSP" {
	page loads_quietly
}

@test "it shows the paper's marks" {
	page shows_the_papers_marks
}

@test "a mark is edited by keyboard alone, and Escape changes nothing" {
	page edits_a_mark_by_keyboard_alone
}

@test "records are added, removed and brought back" {
	page adds_removes_and_brings_back_records
}

@test "a collection is added, and removed after a confirmation" {
	page adds_and_removes_a_collection
}

@test "two windows do not overwrite each other, not even by a second Enter" {
	page two_windows_do_not_overwrite_each_other
}

@test "a conflict can end with the other's value" {
	page a_conflict_can_end_with_the_others_value
}

@test "what was typed for a record that is removed meanwhile can still be saved" {
	page a_record_removed_meanwhile_is_not_lost
}

@test "adding a record does not overwrite one of that name" {
	page adding_does_not_overwrite_a_record
}

@test "a record or collection that changed since it was shown is not removed" {
	page removes_only_what_was_seen
}

@test "markup in names and values stays text" {
	page hostile_names_and_values_stay_text
}

@test "20-digit integers and spellings survive edits of others and of themselves" {
	page long_numbers_survive
}

@test "what is typed stays text unless another type is chosen" {
	page text_stays_text_unless_told
}

@test "text with control characters, or spelt with escapes, is not changed by looking at it" {
	page text_with_control_characters_is_not_changed_unseen
}

@test "a large collection is shown page by page, without a gap" {
	page pages_through_a_large_collection
}

@test "a network that fails loses nothing that was typed" {
	page a_failing_network_loses_nothing
}

@test "a first load that fails can be retried" {
	page a_first_load_that_fails_can_be_retried
}

@test "a value that is stored already is no conflict" {
	page an_answer_that_got_lost_is_no_conflict
}

@test "what the service refuses is shown in its words" {
	page shows_what_the_service_refuses
}

@test "a collection removed meanwhile goes, but not what is being typed in it" {
	page a_collection_removed_meanwhile_keeps_what_was_typed
}

@test "every control has a name for screen readers" {
	page everything_has_a_name
}

@test "it fits wide and narrow screens, light and dark" {
	page looks
}
