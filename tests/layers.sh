#!/usr/bin/env bash
# Keeps the folders of fcgi/ apart: who may use which library, that includes
# only go down, that a folder's private headers stay private, and that no two
# files call each other.  The ranks and the entrances stand in
# docs/architecture.md.  Calls are read from the objects in BUILD/obj, so build
# first.  TAP on standard output.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
plan=$top/docs/architecture.md
objects=$(realpath "${BUILD:-$top/build}")/obj
cd "$top/fcgi"
mapfile -t sources < <(find . -name '*.[ch]' | sed 's,^\./,,' | sort)

# block NAME: the lines of that fenced block of the plan.
block() {
	awk -v name="$1" '
		$0 == "```" name { inside = 1; next }
		/^```/ { inside = 0 }
		inside' "$plan"
}
ranks=$(block layers)
entrances=$(block entrances)

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

empty=''
((${#sources[@]} > 0)) || empty="no source in $PWD"
[[ -n $ranks ]] || empty="no ranks in $plan"
[[ -n $entrances ]] || empty="no entrances in $plan"
result "there is something to check" "$empty"
[[ -z $empty ]] || exit 1

include='^[ \\t]*#[ \\t]*include[ \\t]*[<"]'

found=$(uses "$include(fcgi[a-z_]*|fastcgi)[.]h" '(http|server)/.*')
result "only http and server use libfcgi" "$found"
found=$(uses "${include}json-c/" 'json/.*[.]c')
result "only json uses json-c" "$found"
found=$(uses "${include}lmdb[.]h" 'store/lmdb/.*')
result "only store/lmdb uses LMDB" "$found"
found=$(uses "$include(seccomp|linux/landlock)[.]h" 'os/sandbox[.]c')
result "only os/sandbox uses seccomp and Landlock" "$found"
found=$(uses '(^|[^a-z_])(getenv|secure_getenv|environ)([^a-z_]|$)' 'config[.]c')
result "only config reads the environment" "$found"

# includes PROGRAM: runs it for each include of a file of ours; from and to are
# the folders, file and header the paths.  A file of fcgi/ itself is a folder
# of its own.
includes() {
	awk -v ranks="$ranks" -v entrances="$entrances" '
		function folder(file) {
			if (file ~ /\//)
				sub(/\/[^\/]*$/, "", file)
			else
				sub(/\.[ch]$/, "", file)
			return file
		}
		function report(text) {
			print FILENAME ":" FNR ": " text
		}
		BEGIN {
			lines = split(ranks, line, "\n")
			for (i = 1; i <= lines; i++) {
				n = split(line[i], name, " ")
				for (j = 1; j <= n; j++)
					rank[name[j]] = i
			}
			lines = split(entrances, line, "\n")
			for (i = 1; i <= lines; i++) {
				n = split(line[i], name, " ")
				closed[name[1]] = 1
				for (j = 2; j <= n; j++)
					open[name[1] "/" name[j]] = 1
			}
		}
		FNR == 1 && !(folder(FILENAME) in rank) {
			report(folder(FILENAME) " has no rank")
		}
		/^[ \t]*#[ \t]*include[ \t]*"/ {
			split($0, part, "\"")
			header = part[2]
			from = folder(FILENAME)
			to = folder(header)
			'"$1"'
		}' "${sources[@]}"
}

# What follows sees no others.
found=$(awk -v sources="${sources[*]}" '
	BEGIN {
		n = split(sources, name, " ")
		for (i = 1; i <= n; i++)
			own[name[i]] = 1
	}
	/^[ \t]*#[ \t]*include[ \t]*</ {
		split($0, part, /[<>]/)
		if (part[2] in own)
			print FILENAME ":" FNR ": " $0
	}' "${sources[@]}")
result "headers of ours are included in quotation marks" "$found"
found=$(includes 'if (!(to in rank)) report(header " has no rank"); else
	if (from != to && rank[from] <= rank[to]) report(from " may not include " header)')
result "includes only go down" "$found"
found=$(includes 'if (from != to && to in closed && !(header in open))
	report(header " is private to " to)')
result "private headers are included by their own folder only" "$found"

# Each line: a file that calls, and the file that defines what it calls.
calls() {
	local source object
	for source in "${sources[@]}"; do
		[[ $source == *.c ]] || continue
		object=$objects/${source%.c}.o
		[[ -e $object ]] || {
			echo "$source has no object in $objects" >&2
			return 1
		}
		nm -g "$object" | sed "s,^,$source ,"
	done | awk '
		$(NF - 1) == "U" { uses[$1 " " $NF] = 1; next }
		{ defines[$NF] = $1 }
		END {
			for (use in uses) {
				split(use, part, " ")
				if (part[2] in defines && defines[part[2]] != part[1])
					print part[1], defines[part[2]]
			}
		}' | sort -u
}

edges=$(calls) || edges=''
found=$([[ -n $edges ]] || echo 'no calls were found')
result "the calls of every file are known" "$found"
found=$(tsort <<<"$edges" 2>&1 >/dev/null || :)
result "no files call each other in a circle" "$found"

echo "1..$count"
exit $failed
