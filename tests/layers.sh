#!/usr/bin/env bash
# Keeps the layers of fcgi/ apart: who may use which library, and that includes only go down.
# TAP on standard output.
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/../fcgi}"
sources=(*.c *.h)

# From the bottom up; a module includes its own headers and those of lines above its own.  A name
# stands for its parts, too: json for json_scan.
ranks='
buf memory status
utf8 percent
name
log etag address records
metrics route json
store
render edits request response config
api system transfer verify handover listen health sandbox
server
workers
supervisor
main
'

count=0 failed=0

# result SENTENCE OFFENDERS: offenders one a line, none for success.
result() {
	count=$((count + 1))
	if [[ -z $2 ]]; then
		echo "ok $count - $1"
	else
		failed=1
		echo "not ok $count - $1"
		echo "# ${2//$'\n'/$'\n# '}"
	fi
}

# uses EXTENDED-REGEX FILES: lines of code that match, in files that do not.
uses() {
	awk -v pattern="$1" -v files="^($2)\$" '
		$0 ~ pattern && FILENAME !~ files && !/^[ \t]*(\/?\*|\/\/)/ {
			print FILENAME ":" FNR ": " $0
		}' "${sources[@]}"
}

include='^[ \\t]*#[ \\t]*include[ \\t]*[<"]'

found=$(uses "$include(fcgi[a-z_]*|fastcgi)[.]h" '(request|response|server)(_[a-z_]+)?[.][ch]')
result "only request, response and server use libfcgi" "$found"
found=$(uses "${include}json-c/" 'json[a-z_]*[.]c')
result "only json uses json-c" "$found"
found=$(uses "${include}lmdb[.]h" 'store_lmdb[a-z_]*[.][ch]')
result "only store_lmdb uses LMDB" "$found"
found=$(uses "$include(seccomp|linux/landlock)[.]h" 'sandbox[.]c')
result "only sandbox uses seccomp and Landlock" "$found"
found=$(uses '(^|[^a-z_])(getenv|secure_getenv|environ)([^a-z_]|$)' 'config[.]c')
result "only config reads the environment" "$found"

found=$(awk -v ranks="$ranks" '
	BEGIN {
		lines = split(ranks, line, "\n")
		for (i = 1; i <= lines; i++) {
			n = split(line[i], name, " ")
			for (j = 1; j <= n; j++)
				rank[name[j]] = i
		}
	}
	# The longest name of the table that this one is or continues.
	function module(file,   m) {
		m = file
		sub(/\.[ch]$/, "", m)
		while (!(m in rank) && sub(/_[^_]*$/, "", m))
			;
		return m
	}
	/^[ \t]*#[ \t]*include[ \t]*"/ {
		split($0, part, "\"")
		from = module(FILENAME)
		to = module(part[2])
		if (!(from in rank) || !(to in rank))
			print FILENAME ":" FNR ": " (from in rank ? part[2] : FILENAME) " has no rank in tests/layers.sh"
		else if (from != to && rank[from] <= rank[to])
			print FILENAME ":" FNR ": " from " may not include " part[2]
	}' "${sources[@]}")
result "includes only go down" "$found"

echo "1..$count"
exit $failed
