#!/usr/bin/env bash
# Installs what is missing of the Debian packages that Markbook needs:
#
#	conf/deps.sh run     to build it and to run it
#	conf/deps.sh test    also to test and lint it
#	conf/deps.sh containers|deploy|fresh|postman    for make test-containers and so on
#
# Says nothing and takes no time where all is there.  Starts no service, and
# leaves an nginx that it had to install switched off at boot: Markbook starts
# one of its own.
set -euo pipefail

# By what they are for.
declare -A packages=(
	[build]="gcc libc6-dev make libfcgi-dev libjson-c-dev liblmdb-dev libseccomp-dev libxxhash-dev"
	[serve]="nginx"
	[try]="curl"
	[test]="bats parallel jq python3 procps lmdb-utils strace libfaketime e2fsprogs libcmocka-dev
		libjansson-dev libclang-rt-dev clang valgrind chromium chromium-driver mandoc"
	[lint]="clang-tidy clang-format cppcheck shellcheck"
	[containers]="bats curl jq python3 python3-yaml debootstrap iptables xfsprogs"
	[fresh]="debootstrap slirp4netns"
	[deploy]="bats jq python3-venv shellcheck"
	[postman]="curl jq python3 strace"
)
# An engine that answers, or can be started, is not replaced by Debian's.
docker info >/dev/null 2>&1 || command -v dockerd >/dev/null || packages[containers]+=" docker.io"
docker compose version >/dev/null 2>&1 || packages[containers]+=" docker-compose"
# Any Go will do, and any Node.js from version 18 on.
command -v go >/dev/null || packages[deploy]+=" golang-go"
{ command -v npm && node -e 'process.exit(Number(parseInt(process.versions.node) < 18))'; } >/dev/null 2>&1 ||
	packages[postman]+=" nodejs npm"

case ${1-} in
run) purposes=(build serve try) ;;
test) purposes=(build serve try test lint) ;;
containers | deploy | fresh | postman) purposes=("$1") ;;
*)
	echo "usage: $0 run|test|containers|deploy|fresh|postman" >&2
	exit 2
	;;
esac
wanted=()
for purpose in "${purposes[@]}"; do
	read -rd '' -a some <<<"${packages[$purpose]}" || :
	wanted+=("${some[@]}")
done

if ! { command -v dpkg-query && command -v apt-get; } >/dev/null; then
	echo "${0##*/}: not a Debian system: see that it has what Debian calls ${wanted[*]}" >&2
	exit 0
fi

missing=() reasons=()
# shellcheck disable=SC2016 # dpkg-query's own variables
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null || :)
for purpose in "${purposes[@]}"; do
	reason=''
	for package in ${packages[$purpose]}; do
		[[ $'\n'$installed$'\n' != *$'\n'"installed $package"$'\n'* ]] || continue
		missing+=("$package")
		reason+=" $package"
	done
	[[ -z $reason ]] || reasons+=("to $purpose:$reason")
done
((${#missing[@]})) || exit 0

if ((EUID != 0)); then
	self=$(realpath "$0")
	if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [[ -t 0 && -t 2 ]]; }; then
		echo "${0##*/}: these Debian packages are not installed; sudo is asked to install them" >&2
		printf '    %s\n' "${reasons[@]}" >&2
		exec sudo "$self" "$1" told
	fi
	echo "${0##*/}: these Debian packages are not installed:" >&2
	printf '    %s\n' "${reasons[@]}" >&2
	printf '%s: run this as root: %q %s\n' "${0##*/}" "$self" "$1" >&2
	exit 1
fi

# A package's own script asks this program whether it may start its service; 101
# is "no".
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

if [[ ${2-} != told ]]; then
	echo "${0##*/}: installing Debian packages" >&2
	printf '    %s\n' "${reasons[@]}" >&2
fi
# Lists that are absent or too old show in packages that cannot be found or
# fetched.
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
