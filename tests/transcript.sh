#!/usr/bin/env bash
# Runs the commands that a document shows in its console blocks, in their order,
# and compares what they print with what the document says:
#
#	tests/transcript.sh DOCUMENT
#
# The service is at http://127.0.0.1:8080.  Needs bash and curl only, for
# systems that have nothing else yet (tests/fresh.sh); tests/docs/ does more.
# Writes TAP, and exits 1 where a command prints something else.
set -euo pipefail

document=$1
number=0 failed=0 command='' expected=''

check() {
	[[ -n $command ]] || return 0
	local got
	number=$((number + 1))
	got=$(bash -c "$command" 2>&1) || :
	if [[ $got == "${expected%$'\n'}" ]]; then
		printf 'ok %d - %s\n' "$number" "$command"
	else
		printf 'not ok %d - %s\n' "$number" "$command"
		printf 'prints: %s\nshown: %s\n' "$got" "${expected%$'\n'}" | sed 's/^/# /'
		failed=1
	fi
}

while IFS= read -r line; do
	if [[ $line == '$ '* ]]; then
		check
		command=${line#'$ '} expected=''
	else
		expected+=$line$'\n'
	fi
done < <(awk '/^```console/ { on = 1; next } /^```/ { on = 0 } on' "$document")
check
echo "1..$number"
((failed == 0 && number > 0))
