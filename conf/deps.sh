#!/usr/bin/env bash
# Installs what is missing of the Debian packages that Markbook needs:
#
#	conf/deps.sh run     to build it and to run it
#	conf/deps.sh test    also to test and lint it
#	conf/deps.sh containers, conf/deps.sh deploy    for make test-containers, make test-deploy
#
# Says nothing and takes no time where all is there.  Starts no service, and leaves an nginx that
# it had to install switched off at boot: Markbook starts one of its own.
set -euo pipefail

run=(gcc libc6-dev make libfcgi-dev libjson-c-dev liblmdb-dev libseccomp-dev libxxhash-dev nginx)
test=(bats parallel curl jq python3 procps lmdb-utils strace libfaketime e2fsprogs libcmocka-dev
	libjansson-dev libclang-rt-dev clang clang-tidy clang-format cppcheck shellcheck valgrind
	chromium chromium-driver)
containers=(bats curl jq python3 python3-yaml debootstrap iptables xfsprogs)
# An engine that answers, or can be started, is not replaced by Debian's.
docker info >/dev/null 2>&1 || command -v dockerd >/dev/null || containers+=(docker.io)
docker compose version >/dev/null 2>&1 || containers+=(docker-compose)
deploy=(bats jq python3-venv shellcheck)
# Any Go will do.
command -v go >/dev/null || deploy+=(golang-go)

case ${1-} in
run) wanted=("${run[@]}") ;;
test) wanted=("${run[@]}" "${test[@]}") ;;
containers) wanted=("${containers[@]}") ;;
deploy) wanted=("${deploy[@]}") ;;
*)
	echo "usage: $0 run|test|containers|deploy" >&2
	exit 2
	;;
esac

if ! { command -v dpkg-query && command -v apt-get; } >/dev/null; then
	echo "${0##*/}: not a Debian system: see that it has what Debian calls ${wanted[*]}" >&2
	exit 0
fi

missing=()
# shellcheck disable=SC2016 # dpkg-query's own variables
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null || :)
for package in "${wanted[@]}"; do
	[[ $'\n'$installed$'\n' == *$'\n'"installed $package"$'\n'* ]] || missing+=("$package")
done
((${#missing[@]})) || exit 0

if ((EUID != 0)); then
	self=$(realpath "$0")
	if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [[ -t 0 && -t 2 ]]; }; then
		echo "${0##*/}: asking sudo to install ${missing[*]}" >&2
		exec sudo "$self" "$1"
	fi
	printf '%s: not installed: %s; run this as root: %q %s\n' \
		"${0##*/}" "${missing[*]}" "$self" "$1" >&2
	exit 1
fi

# A package's own script asks this program whether it may start its service; 101 is "no".
policy=/usr/sbin/policy-rc.d
log=$(mktemp)
made_policy=0
cleanup() {
	rm -f "$log"
	((!made_policy)) || rm -f "$policy"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
if [[ ! -e $policy && ! -L $policy ]]; then
	made_policy=1
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
fi

export DEBIAN_FRONTEND=noninteractive LC_ALL=C
get() {
	apt-get -q -o DPkg::Lock::Timeout=120 "$@" </dev/null >>"$log" 2>&1
}
fail() {
	tail -n 15 "$log" >&2
	echo "${0##*/}: cannot install ${missing[*]}: see above; 'apt-get update' may help" >&2
	exit 1
}

echo "${0##*/}: installing ${missing[*]}" >&2
# Lists that are absent or too old show in packages that cannot be found or fetched.
get install -y --no-install-recommends "${missing[@]}" || {
	echo "${0##*/}: updating the package lists first" >&2
	get update || fail
	get install -y --no-install-recommends "${missing[@]}" || fail
}

if [[ " ${missing[*]} " == *" nginx "* ]]; then
	if command -v systemctl >/dev/null; then
		systemctl --quiet disable nginx.service >/dev/null 2>&1 || :
	elif command -v update-rc.d >/dev/null; then
		update-rc.d nginx disable >/dev/null 2>&1 || :
	fi
fi
