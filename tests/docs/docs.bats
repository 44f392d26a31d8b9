#!/usr/bin/env bats
# What the documents say is so: commands and their answers, links, names,
# figures, tables.

load ../helper
bats_require_minimum_version 1.5.0

DOCS=$BATS_TEST_DIRNAME

# succeed COMMAND...: sets output, and shows it where the command fails.
succeed() {
	run "$@"
	((status == 0)) || fail "$output"
}

# transcript PAGE: its commands give the answers that it shows.
transcript() {
	succeed python3 "$DOCS/transcript.py" "$TREE/$1"
	[[ $output == *' commands, 0 with another answer' && $output != '0 '* ]] || fail "$output"
}

check() {
	succeed python3 "$DOCS/check.py" "$1"
	[[ -z $output ]] || fail "$output"
}

@test "README.md: each command gives the answer that stands below it" {
	transcript README.md
}

@test "CONTRIBUTING.md: each command gives the answer that stands below it" {
	transcript CONTRIBUTING.md
}

@test "configuration.md: each command gives the answer that stands below it" {
	transcript docs/configuration.md
}

@test "deploy.md: each command gives the answer that stands below it" {
	transcript docs/deploy.md
}

@test "http.md: each command gives the answer that stands below it" {
	transcript docs/http.md
}

@test "operations.md: each command gives the answer that stands below it" {
	transcript docs/operations.md
}

@test "security.md: each command gives the answer that stands below it" {
	transcript docs/security.md
}

@test "each page with commands has its test above" {
	local page
	for page in $(cd "$TREE" && grep -l '^```console' ./*.md ./*/*.md); do
		grep -qx "	transcript ${page#./}" "$BATS_TEST_FILENAME" || fail "no test of $page"
	done
}

@test "each command that is only shown is run by a test that is named" {
	check commands
}

@test "each link leads to a file and to a heading in it, and each page is reached" {
	check links
}

@test "paths, make targets, functions and lines of code in the text are there" {
	check names
}

@test "figures of speed and endurance are those of the last runs" {
	check figures
}

@test "each package that is installed has its line" {
	check packages
}

@test "the README is short, and lines are no longer than 80 columns" {
	check shape
}

@test "the tables of options are what the program says" {
	succeed python3 "$DOCS/options.py" "$MARKBOOK"
	# Each option of serve has its row.
	[[ $(grep -c '^| `--' "$TREE/docs/configuration.md") -ge $("$MARKBOOK" serve --help | grep -c '^  --.*[^t]$') ]]
}

@test "an answer that is another one fails, and so does a command that no test runs" {
	local page=$BATS_TEST_TMPDIR/page.md
	printf '%s\n' '```console' '$ echo one' 'two' '```' >"$page"
	run -1 python3 "$DOCS/transcript.py" "$page"
	printf '%s\n' '```console' '$ echo one; echo two; echo three' '...' 't...e' '```' >"$page"
	succeed python3 "$DOCS/transcript.py" "$page"
	printf '%s\n' '```console' '$ echo one; echo two' 'one' '```' >"$page"
	run -1 python3 "$DOCS/transcript.py" "$page"
	cp -r "$TREE/tests" "$TREE/docs" "$TREE"/*.md "$TREE/deploy" "$BATS_TEST_TMPDIR"
	printf '%s\n' '```sh' 'make love' '```' >>"$BATS_TEST_TMPDIR/docs/http.md"
	printf '%s\n' '```' 'make war' '```' '' '    make peace' >>"$BATS_TEST_TMPDIR/docs/http.md"
	run -1 python3 "$BATS_TEST_TMPDIR/tests/docs/check.py" commands
	[[ $output == *'no test runs: make love'*"a block of ''"*'a block that is no fence'* ]] || fail "$output"
}

@test "the man page is in order and has every option" {
	local listed
	command -v mandoc >/dev/null || skip "mandoc is not installed"
	# Whether other programs' pages are installed is not asked.
	output=$(mandoc -Tlint "$TREE/conf/markbook.8" 2>/dev/null | grep -v ' Xr ') || :
	[[ -z $output ]] || fail "$output"
	listed=$(sed -n 's/^\.It Fl \\-\([a-z\-]*\).*/\1/p' "$TREE/conf/markbook.8" | tr -d '\\' | sort)
	[[ $listed == "$("$MARKBOOK" serve --help | sed -n 's/^  --\([a-z-]*\).*/\1/p' | grep -v '^help$' | sort)" ]] ||
		fail "$listed"
}

@test "make help has every target that is called by its name, and each of them is there" {
	succeed make --no-print-directory -C "$TREE" help
	local target listed
	listed=$(sed -n 's/^  make \([^ ]*\) .*/\1/p' <<<"$output")
	for target in $listed; do
		# A line with $(MAKE) in it is run in spite of -n, and this one
		# writes a file.
		[[ $target != compile_commands.json ]] || continue
		make --no-print-directory -C "$TREE" -n "$target" >/dev/null 2>&1 || fail "make $target"
	done
	read -rd '' -a phony < <(sed -n 's/^\.PHONY: //p' "$TREE/Makefile" "$TREE"/*/*.mk "$TREE"/tests/*/*.mk) || :
	((${#phony[@]} > 20))
	for target in "${phony[@]}"; do
		case $target in
		# Parts of others.
		force | plain | sanitized | deps-run | '$(benches)') continue ;;
		esac
		[[ $'\n'$listed$'\n' == *$'\n'"$target"$'\n'* ]] || fail "no line for make $target"
	done
}

@test "compile_commands.json has every C file of program and tests" {
	cp -r "$TREE/fcgi" "$TREE/tests" "$TREE/conf" "$TREE/deploy" "$TREE/Makefile" "$BATS_TEST_TMPDIR"
	make --no-print-directory -C "$BATS_TEST_TMPDIR" compile_commands.json
	succeed jq -r '.[] | select(.file as $file | .directory == $here and (.command | contains($file))) | .file' \
		--arg here "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/compile_commands.json"
	[[ $(sort <<<"$output") == "$(cd "$TREE" && find fcgi tests -name '*.c' | sort)" ]] || fail "$output"
}

@test "the devcontainer's file is JSON, and its image and command are those that are tested" {
	local file=$TREE/.devcontainer/devcontainer.json
	jq -e '.image == "debian:12" and (.features // {} == {})' "$file"
	[[ $(jq -r .postCreateCommand "$file") == *'make deps'* ]]
}

@test "the README's picture can be taken again, at the same size" {
	local size='import struct, sys; print(struct.unpack(">II", open(sys.argv[1], "rb").read()[16:24]))'
	succeed "$TREE/docs/images/page.sh" "$BATS_TEST_TMPDIR/page.png"
	[[ $(python3 -c "$size" "$BATS_TEST_TMPDIR/page.png") == "$(python3 -c "$size" "$TREE/docs/images/page.png")" ]]
}

@test "make install puts all where it belongs, systemd takes the units, and uninstall leaves nothing" {
	local there=$BATS_TEST_TMPDIR/root unit
	make --no-print-directory -C "$TREE" DESTDIR="$there" BUILD=build -o build/markbook PREFIX=/usr/local install >/dev/null
	[[ $("$there/usr/local/bin/markbook" version) == 'markbook '* ]]
	for unit in share/man/man8/markbook.8 share/markbook/conf/listen.conf \
		share/markbook/seed.json share/markbook/web/index.html lib/sysusers.d/markbook.conf \
		lib/systemd/system/markbook.socket; do
		[[ -s $there/usr/local/$unit ]] || fail "no $unit"
	done
	! grep -r '@PREFIX@' "$there/usr/local/lib" || fail "a unit without its prefix"
	if command -v systemd-analyze >/dev/null; then
		make --no-print-directory -C "$TREE" PREFIX="$there" BUILD=build -o build/markbook install >/dev/null
		succeed systemd-analyze verify --man=no \
			"$there"/lib/systemd/system/markbook{.socket,.service,-front.service}
		# What it does not know it only warns of.
		[[ $output != *"$there"* ]] || fail "$output"
		make --no-print-directory -C "$TREE" PREFIX="$there" uninstall >/dev/null
	fi
	make --no-print-directory -C "$TREE" DESTDIR="$there" PREFIX=/usr/local uninstall >/dev/null
	[[ -z $(find "$there" -type f) ]] || fail "$(find "$there" -type f)"
}
