#!/usr/bin/env bash
# The benchmark, its two companions, and all that they need to be set up:
#
#	bench/run.sh [--quick]            Markbook beside others: run.py
#	bench/run.sh scaling [--quick]    as one thing grows: scaling.py
#	bench/run.sh limits [--quick]     what it keeps to: limits.py
#
# Whatever it needs that is not there is put under build/bench: Debian's
# packages are unpacked there and not installed, so that neither root nor a
# change to the system is needed and no service starts.  A peer that cannot be
# had is left out and named.
set -euo pipefail
started=$SECONDS
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(dirname "$here")
build=$(realpath "${BUILD:-$top/build}")
work=$build/bench
root=$work/debian
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:$root/usr/bin

what=run
case ${1-} in
scaling | limits)
	what=$1
	shift
	;;
esac
case ${1-} in
'' | --quick) ;;
*)
	echo "usage: $0 [scaling|limits] [--quick]" >&2
	exit 2
	;;
esac
# Only the whole of it has all the peers.
peers=0
[[ $what != run || ${1-} == --quick ]] || peers=1
[[ -x $build/markbook ]] || {
	echo "${0##*/}: $build/markbook is not there: run 'make' first" >&2
	exit 1
}
mkdir -p "$work/archives/partial" "$root"
log=$work/setup.log
: >"$log"

say() {
	echo "${0##*/}: $*" >&2
}

# --- Debian's packages --------------------------------------------------------

# apt as any user: with a cache and lists of its own.
apt() {
	LC_ALL=C apt-get -q -y -o Debug::NoLocking=1 -o APT::Sandbox::User= \
		-o Dir::Cache="$work" -o Dir::Cache::archives="$work/archives" "$@" \
		</dev/null >>"$log" 2>&1
}

download() {
	apt "$@" --no-install-recommends --download-only install "${packages[@]}"
}

# unpack PACKAGE...: these and what they need beyond what is installed.
unpack() {
	local packages=("$@") deb
	local own_lists=(-o Dir::State::lists="$work/lists")
	say "fetching $*"
	# The system's lists may be absent or too old.
	download || {
		mkdir -p "$work/lists/partial"
		apt "${own_lists[@]}" update && download "${own_lists[@]}"
	} || {
		say "cannot fetch $*; $log has the reason"
		return 1
	}
	for deb in "$work"/archives/*.deb; do
		[[ -e $deb ]] || continue
		dpkg-deb -x "$deb" "$root"
		rm "$deb"
	done
}

# The first of these files that is there, installed or unpacked.
find_file() {
	local file
	for file in "$@"; do
		[[ ! -e $file ]] || {
			echo "$file"
			return 0
		}
	done
	return 1
}
pip_wheel() {
	find_file {,"$root"}/usr/share/python-wheels/pip-*.whl
}
lua_modules() {
	find_file {,"$root"}/usr/lib/nginx/modules/ngx_http_lua_module.so &&
		find_file {,"$root"}/usr/lib/*/lua/5.1/cjson.so
}

command -v wrk >/dev/null || unpack wrk
pip_wheel >/dev/null || unpack python3-pip-whl
if ((peers)); then
	lua_modules >/dev/null || unpack libnginx-mod-http-lua lua-cjson || :
	command -v webdis >/dev/null && command -v redis-server >/dev/null ||
		unpack webdis redis-server || :
	command -v node >/dev/null || unpack nodejs || :
	command -v go >/dev/null || unpack golang-go || :
fi

# --- from PyPI ----------------------------------------------------------------

venv=$work/venv
if ! cmp -s "$here/requirements.txt" "$venv/requirements.txt"; then
	say "making a Python environment"
	rm -rf "$venv"
	python3 -m venv --without-pip "$venv" >>"$log" 2>&1
	"$venv/bin/python" "$(pip_wheel)/pip" install -q --no-input --disable-pip-version-check \
		--no-warn-script-location -r "$here/requirements.txt" >>"$log" 2>&1 || {
		tail -n 5 "$log" >&2
		say "cannot install what $here/requirements.txt names; $log has the reason"
		exit 1
	}
	cp "$here/requirements.txt" "$venv/requirements.txt"
fi

# --- what is compiled ---------------------------------------------------------

compile() {
	"${CC:-cc}" -std=c11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Werror -I"$top/fcgi" "$@"
}

compile -o "$work/pace" "$here"/measure/*.c

case $what in
run)
	objects=()
	while read -r source; do
		[[ $source == server/turn.c ]] || objects+=("$build/obj/${source%.c}.o")
	done < <(cd "$top/fcgi" && find . -name '*.c' -printf '%P\n')
	# Optimised as a whole where the program is: see the Makefile.
	lto=(-flto=auto -ffat-lto-objects)
	compile "${lto[@]}" -c -x c /dev/null -o /dev/null 2>/dev/null || lto=()
	compile "${lto[@]}" -o "$work/hello" "$here/peers/hello.c" "${objects[@]}" \
		-lfcgi -ljson-c -llmdb -lseccomp
	;;
limits)
	# The same program, but that a turn has one request, and so each write a
	# commit of its own.
	make -s -C "$top" BUILD="$work/single" CPPFLAGS="${CPPFLAGS-} -DTURN_MAX=1" all >>"$log"
	;;
esac

if ((peers)) && command -v go >/dev/null; then
	GOCACHE=$work/go-cache GOTOOLCHAIN=local CGO_ENABLED=0 \
		go build -o "$work/go-peer" "$here/peers/go/main.go" >>"$log" 2>&1 ||
		say "cannot build the peer in Go; $log has the reason"
fi

PYTHONDONTWRITEBYTECODE=1 exec python3 "$here/$what.py" --build "$build" \
	--spent "$((SECONDS - started))" "$@"
