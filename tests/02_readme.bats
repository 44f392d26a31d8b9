#!/usr/bin/env bats
# What the README shows is what happens.

load helper
shared_servers

# Each "$ command" of the README's console blocks, with the lines below it as its output.
examples() {
	awk '/^```console/ { on = 1; next } /^```/ { on = 0 } on' "$TREE/README.md"
}

@test "the README's examples answer as the README says, in its order" {
	local line command='' expected='' count=0
	check() {
		[[ -n $command ]] || return 0
		count=$((count + 1))
		local got
		got=$(bash -c "${command//http:\/\/127.0.0.1:8080/$BASE}")
		[[ $got == "${expected%$'\n'}" ]] || fail "$command"$'\n'"says:  $got"$'\n'"README: $expected"
	}
	while IFS= read -r line; do
		if [[ $line == '$ '* ]]; then
			check
			command=${line#'$ '} expected=''
		else
			expected+=$line$'\n'
		fi
	done < <(examples)
	check
	((count == 9)) || fail "$count examples"
}

@test "the README's table of options is the program's" {
	local flag variable default
	while IFS='|' read -r _ flag variable default _; do
		flag=${flag//[ \`]/} variable=${variable//[ \`]/} default=${default//[ \`]/}
		"$MARKBOOK" serve --help >"$BATS_TEST_TMPDIR/help"
		grep -q -- "$flag=" "$BATS_TEST_TMPDIR/help" || fail "no $flag"
		grep -q "environment: $variable\$" "$BATS_TEST_TMPDIR/help" || fail "no $variable"
		[[ -z $default || $default == processors ]] ||
			grep -- "$flag=" "$BATS_TEST_TMPDIR/help" | grep -qF "(default: $default)" || fail "$flag $default"
	done < <(grep '^| `--' "$TREE/README.md")
	[[ $(grep -c '^| `--' "$TREE/README.md") == $(grep -c 'environment: ' "$BATS_TEST_TMPDIR/help") ]]
}
