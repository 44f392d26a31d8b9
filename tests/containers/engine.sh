#!/usr/bin/env bash
# Runs a command with a Docker engine:
#
#	tests/containers/engine.sh COMMAND...
#
# The engine that answers, or else, where root may, one of its own, which ends
# with the command and of which nothing is left.  That one makes no firewall
# rules and no bridge for all: BUILD_FLAGS says how images are built there, and
# ports are published by its proxy.
set -euo pipefail

die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

(($#)) || die "no command is given"
command -v docker >/dev/null || die "docker is not installed"
! docker version >/dev/null 2>&1 || exec "$@"

((EUID == 0)) || die "no engine answers, and only root can start one"
command -v dockerd >/dev/null || die "no engine answers, and none is installed to start"

# Its sockets need short paths, its images a file system that overlayfs can be
# laid over.
directory=$(mktemp -d /var/tmp/markbook-engine.XXXXXX)
export DOCKER_HOST=unix://$directory/docker.sock OWN_ENGINE=$directory BUILD_FLAGS=--network=host
engine='' command=''

answers() {
	docker version >/dev/null 2>&1
}

# until_true SECONDS COMMAND...
until_true() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@"; do
		((SECONDS < deadline)) || return 1
		read -rt 0.1 <> <(:) || :
	done
}

gone() {
	! kill -0 "$engine" 2>/dev/null
}

# What the command left is taken down by the engine, which knows what belongs to
# it.
end() {
	local status=$? left
	trap '' INT TERM HUP
	[[ -z $command ]] || { kill -TERM "$command" && wait "$command"; } 2>/dev/null || :
	if [[ -n $engine ]] && ! gone; then
		left=$(docker ps --all --quiet) || :
		# shellcheck disable=SC2086 # a list of identifiers
		[[ -z $left ]] || docker rm --force --volumes $left >/dev/null || :
		docker network prune --force >/dev/null || :
		kill -TERM "$engine" || :
		until_true 30 gone || kill -KILL "$engine" || :
	fi
	awk -v d="$directory/" 'index($5, d) == 1 { print $5 }' /proc/self/mountinfo | sort -r |
		while read -r left; do umount --lazy "$left" || :; done
	rm -rf "$directory"
	exit "$status"
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# A session of its own, since Ctrl-C is for the command; it must not outlive
# this script either.
setsid setpriv --pdeathsig TERM dockerd --host "$DOCKER_HOST" --data-root "$directory/data" \
	--exec-root "$directory/exec" --pidfile "$directory/pid" --bridge none --iptables=false \
	--ip6tables=false --ip-forward=false </dev/null >"$directory/log" 2>&1 &
engine=$!
answers_or_gone() {
	answers || gone
}
until_true 60 answers_or_gone || :
answers || {
	tail -n 5 "$directory/log" >&2
	die "the engine does not start"
}

# In the background, since bash would put off a signal until it ends.
"$@" &
command=$!
wait "$command"
