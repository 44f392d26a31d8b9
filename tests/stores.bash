# shellcheck shell=bash
# Stores that `serve` must refuse and leave as they are.  For suites that load
# it after the helper.

# refused: serve exits 1 with one line on stderr, and the directory is as it
# was.
refused() {
	local result=0 before
	before=$(fingerprint "$STORE")
	timeout "$DEADLINE_S" env TEST_AREA_OF_MARKBOOK="$AREA" "$MARKBOOK" serve --socket "$SOCKET" --store "$STORE" "$@" </dev/null >"$AREA/refused.out" 2>"$AREA/refused.err" 3>&- ||
		result=$?
	[[ $result == 1 ]] || fail "status $result: $(<"$AREA/refused.err")"
	[[ $(wc -l <"$AREA/refused.err") == 1 ]] || fail "not one line: $(<"$AREA/refused.err")"
	[[ ! -s $AREA/refused.out && ! -e $SOCKET ]]
	[[ $(fingerprint "$STORE") == "$before" ]] || fail "changed:" "$before" "$(fingerprint "$STORE")"
}

fingerprint() {
	[[ ! -e $1 ]] || (cd "$1" && find . -type f -exec sha256sum {} + && find . -printf '%p %m %s\n') | sort
}
