#!/usr/bin/env bash
# What can be seen without running it: formatting, two compilers' warnings,
# analysers, scripts, configuration.  Its last line is `N passed, N failed`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
PATH=$PATH:/usr/sbin:/sbin
passed=0 failed=0

# check SENTENCE COMMAND...: silent where it succeeds.
check() {
	local sentence=$1
	shift
	if "$@" </dev/null >"$work/out" 2>&1; then
		passed=$((passed + 1))
		echo "ok - $sentence"
	else
		failed=$((failed + 1))
		echo "not ok - $sentence"
		head -n 60 "$work/out" | cut -c 1-300 | sed 's/^/# /'
	fi
}

shopt -s nullglob
mapfile -t sources < <(find fcgi bench tests -name '*.c')
mapfile -t headers < <(find fcgi bench tests -name '*.h')
scripts=(.ci/run conf/*.sh docs/images/*.sh tests/*.sh tests/*.bash tests/*.bats tests/*/*.sh bench/*.sh deploy/deploy)
flags=(-std=c11 -D_GNU_SOURCE '-DMARKBOOK_VERSION="0"' -Ifcgi)

builds_with() {
	make --no-print-directory -j2 CC="$1" WERROR=1 BUILD="$work/$1" plain
}

# One file a process: with several, clang-tidy 14 takes each va_list after the
# first file's for uninitialised.  On standard error it only counts what it left
# out.
tidy() {
	printf '%s\0' "${sources[@]}" |
		xargs -0 -P 2 -I '{}' clang-tidy --quiet '{}' -- "${flags[@]}" 2>/dev/null
}

nginx_accepts() {
	conf/render.sh "$work/front" 127.0.0.1:8080 "$work/m.sock"
	nginx -p "$work/front" -c conf/nginx.conf -t || return 1
	! nginx -p "$work/front" -c conf/nginx.conf -t 2>&1 | grep -E '\[(warn|emerg|alert)\]'
}

check "C sources are as clang-format has them" \
	clang-format --dry-run -Werror "${sources[@]}" "${headers[@]}"
check "gcc has no warning" builds_with gcc
check "clang has no warning" builds_with clang
check "clang-tidy finds nothing" tidy
check "cppcheck finds nothing" cppcheck --quiet --error-exitcode=1 --std=c11 --inline-suppr \
	--enable=warning,performance,portability --suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches \
	"${flags[@]:1}" -j 2 fcgi
check "files are as .editorconfig says" tests/editorconfig.py
check "comments have at most 80 columns" tests/columns.py --comments
# Shell and bats lines elsewhere are wider still, and so is a table of requests.
check "code has at most 100 columns" tests/columns.py fcgi bench tests/unit tests/fuzz \
	tests/powerloss tests/inject tests/torture tests/browser '*.c' '*.h' '*.py' \
	':!tests/tools/hostile_shapes.py'
check "shellcheck finds nothing in the scripts" shellcheck "${scripts[@]}"
check "nginx takes its configuration without a warning" nginx_accepts

echo "$passed passed, $failed failed"
((failed == 0))
