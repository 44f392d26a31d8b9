#!/usr/bin/env bash
# The README's two commands on fresh minimal systems that have git and make
# only:
#
#	tests/fresh.sh SUITE        bookworm (Debian 12) or trixie (Debian 13)
#
# Two systems are made by debootstrap, each with a clone of the last commit: one
# is used by root, the other by an ordinary user with sudo; one has an
# /etc/hosts, the other has none.  In each, `make run` has to serve the whole
# transcript of the README and to end at Ctrl-C with nothing left; in one of
# them `make test` has to pass.  They have process, mount and network namespaces
# of their own: port 8080, which is taken outside meanwhile, is free in them.
#
# Needs root and some 4 GB under /var/tmp.  Packages are kept in BUILD/fresh
# (build/fresh) for the next time, and what the tests said beside them, in
# SUITE-logs.  The last line is `N passed, N failed`.
set -euo pipefail

usage() {
	echo "usage: $0 bookworm|trixie" >&2
	exit 2
}
(($# == 1)) || usage
# User, /etc/hosts and what is run, of each system: both Debians see both users,
# with hosts and without, and make test sees both, too.
case $1 in
bookworm) systems=("root none run" "teacher hosts run,test") ;;
trixie) systems=("teacher hosts run" "root none run,test") ;;
*) usage ;;
esac
suite=$1
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

((EUID == 0)) || {
	echo "${0##*/}: needs root, for debootstrap and chroot" >&2
	exit 1
}
"$top/conf/deps.sh" fresh

passed=0 failed=0
work=$(mktemp -d /var/tmp/markbook-fresh.XXXXXX)
packages=$(realpath -m "${BUILD:-$top/build}")/fresh/$suite
mkdir -p "$packages/partial"

# What runs in the background, to be ended before its files are removed.
taker='' space='' network=''

# finish PID...: those end, whatever they do.
finish() {
	local pid
	for pid; do
		[[ -n $pid ]] || continue
		kill -KILL "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
	done
}

# The first process of a PID namespace takes all others with it, and with the
# last one the mounts go.
end() {
	trap '' INT TERM HUP
	finish "$space" "$network" "$taker"
	# Its last processes may still be about to go.
	local try
	for try in {1..100}; do
		rm -rf --one-file-system "$work" 2>/dev/null && break
		read -rt 0.1 <> <(:) || :
	done
	[[ ! -e $work ]] || echo "${0##*/}: after $try tries something of $work is left" >&2
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# --- what is said -------------------------------------------------------------

# count FILE: the TAP in it.
count() {
	local ok bad
	ok=$(grep -c '^ok ' "$1") || :
	bad=$(grep -c '^not ok ' "$1") || :
	passed=$((passed + ok)) failed=$((failed + bad))
}

# count_tests FILE STATUS: make test's own last line; one that ended without it,
# or badly, failed.
count_tests() {
	local p f
	read -r p f < <(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p' "$1" | tail -n 1) ||
		p=0 f=0
	if ((f == 0 && ($2 != 0 || p == 0))); then
		echo "# make test ended with status $2"
		f=1
	fi
	passed=$((passed + p)) failed=$((failed + f))
}

# --- a system -----------------------------------------------------------------

# foreground COMMAND...: in the background, since bash would put off a signal
# until it ends.
foreground() {
	"$@" &
	space=$!
	local status=0
	wait "$space" || status=$?
	space=''
	return "$status"
}

make_base() {
	echo "# making a minimal $suite"
	foreground setsid setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --mount-proc \
		--propagation private debootstrap --variant=minbase --cache-dir="$packages" \
		--include=git,make,ca-certificates "$suite" "$work/base" >"$work/log" 2>&1 || {
		tail -n 5 "$work/log"
		exit 1
	}
	# As in Debian's images for containers: nobody needs this system after a
	# power loss.
	echo force-unsafe-io >"$work/base/etc/dpkg/dpkg.cfg.d/unsafe-io"
	rm -f "$work"/base/var/cache/apt/archives/*.deb
}

# make_system USER HOSTS: a copy of the base, in `root`.
make_system() {
	local user=$1 home
	cp -a --reflink=auto "$work/base" "$root"
	# Of the network that it gets.
	echo 'nameserver 10.0.2.3' >"$root/etc/resolv.conf"
	rm -f "$root/etc/hosts"
	[[ $2 == none ]] || printf '127.0.0.1 localhost\n127.0.1.1 fresh\n::1 localhost\n' >"$root/etc/hosts"
	home=$root/root
	if [[ $user != root ]]; then
		home=$root/home/$user
		chroot "$root" useradd --create-home --shell /bin/bash "$user"
		mkdir -p "$root/etc/sudoers.d"
		echo "$user ALL=(ALL) NOPASSWD: ALL" >"$root/etc/sudoers.d/$user"
	fi
	git -c advice.detachedHead=false clone --quiet "$top" "$home/markbook"
	chroot "$root" chown -R "$user:" "${home#"$root"}/markbook"
	inside "$user" >"$root/inside"
}

# What is run in the system, by its user.
inside() {
	cat <<-'END'
		set -euo pipefail
		cd ~/markbook
		number=0
		# told SENTENCE COMMAND...
		told() {
			local sentence=$1 result=ok
			shift
			number=$((number + 1))
			"$@" || result='not ok'
			echo "$result $number - $sentence"
			[[ $result == ok ]]
		}
		listens() {
			(: <>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
		}
		not_listens() {
			! listens "$1"
		}
		# Installing and building take what they take; the end of make
		# is the end of waiting.
		serves() {
			local deadline=$((SECONDS + 900))
			until grep -q 'Ctrl-C' ~/run.log && listens 8080; do
				kill -0 "$make" 2>/dev/null && ((SECONDS < deadline)) || {
					cat ~/run.log
					return 1
				}
				read -rt 0.1 <> <(:) || :
			done
		}
		says() {
			grep -qE -- "$1" ~/run.log || { cat ~/run.log && return 1; }
		}
		page() {
			[[ $(curl -sS http://127.0.0.1:8080/) == *'</html>'* ]]
		}
		ends() {
			# As Ctrl-C does: to the whole foreground group.
			kill -INT -- "-$make"
			wait "$make" || :
			nothing_left
		}
		nothing_left() {
			local process left=0
			for process in /proc/[0-9]*; do
				case $(tr '\0' ' ' <"$process/cmdline" 2>/dev/null) in
				nginx:* | *'markbook serve'*) echo "# left behind: $process" && left=1 ;;
				esac
			done
			((left == 0)) && not_listens 8080
		}
		if [[ " $* " == *' run '* ]]; then
			told 'port 8080, taken outside, is free inside' not_listens 8080
			: >~/run.log
			# In the background a shell has SIGINT ignored, and
			# Ctrl-C goes to a group of its own.
			perl -e '$SIG{INT} = "DEFAULT"; setpgrp; exec @ARGV' make run >~/run.log 2>&1 </dev/null &
			make=$!
			told 'make run serves' serves
			told 'it says what is installed to build' says '^ *to build: .*gcc'
			told 'it says what is installed to serve' says '^ *to serve: .*nginx'
			told "it says the page's address" says '^ *http://127\.0\.0\.1:8080/$'
			told 'it says the first request' says '^ *curl http://127\.0\.0\.1:8080/json$'
			told 'curl is there, and the page' page
			tests/transcript.sh README.md
			told 'Ctrl-C ends it with nothing left' ends
		fi
	END
}

# in_system ARGUMENT...: enters what make_system made, with namespaces of its
# own, and runs that.
in_system() {
	local user=$1 status=0
	shift
	# setsid: Ctrl-C is for this script, which ends the rest.
	setsid setpriv --pdeathsig KILL unshare --mount --pid --net --uts --ipc --fork --kill-child \
		--propagation private bash -euc '
		root=$1 user=$2 packages=$3
		shift 3
		hostname fresh
		mount -t proc proc "$root/proc"
		mount --rbind /dev "$root/dev"
		mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
		mount --bind "$packages" "$root/var/cache/apt/archives"
		# Until the network is there.
		until grep -qs tap0 /proc/net/route; do
			read -rt 0.05 <> <(:) || :
		done
		exec chroot "$root" setpriv --reuid "$user" --regid "$user" --init-groups /usr/bin/env -i \
			HOME="$(chroot "$root" sh -c "echo ~$user")" USER="$user" LANG=C.UTF-8 \
			PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
	' fresh "$root" "$user" "$packages" "$@" </dev/null &
	space=$!
	until [[ $(readlink "/proc/$space/ns/net") != "$(readlink /proc/self/ns/net)" ]]; do
		kill -0 "$space" || return 1
		read -rt 0.05 <> <(:) || :
	done
	# A way out for apt in user space: no interface, rule or setting of this
	# machine changes.
	setsid setpriv --pdeathsig KILL slirp4netns --configure --mtu=65520 --disable-host-loopback \
		"$space" tap0 >"$work/network" 2>&1 </dev/null &
	network=$!
	wait "$space" || status=$?
	space=''
	finish "$network"
	network=''
	return "$status"
}

# tested FILE COMMAND...: what it says goes to the FILE, too.
tested() {
	local file=$1 status=0 out tee
	shift
	exec {out}> >(exec tee "$file")
	tee=$!
	"$@" >&"$out" 2>&1 || status=$?
	exec {out}>&-
	wait "$tee"
	return "$status"
}

# --- all of it ----------------------------------------------------------------

# Port 8080 is taken here, by this one unless another did it before.
setpriv --pdeathsig KILL perl -MIO::Socket::INET -e '
	my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1:8080", Listen => 5) or exit 0;
	while (my $c = $s->accept) { close $c }' </dev/null &
taker=$!

make_base
number=0
for system in "${systems[@]}"; do
	read -r user hosts what <<<"$system"
	number=$((number + 1))
	root=$work/system
	echo "# $suite, user $user, /etc/hosts: $hosts, make ${what//,/ and make }"
	make_system "$user" "$hosts"
	# The user's way to become root is no part of a minimal system.
	[[ $user == root ]] || in_system root sh -c 'apt-get -q update && apt-get -qy install sudo' >"$work/log" 2>&1 || {
		tail -n 5 "$work/log"
		exit 1
	}
	before=$SECONDS
	tested "$work/tap" in_system "$user" bash /inside run || { failed=$((failed + 1)) && echo "# it broke off"; }
	count "$work/tap"
	echo "# make run and its transcript: $((SECONDS - before)) s"
	if [[ $what == *test* ]]; then
		before=$SECONDS
		status=0
		tested "$work/tests" in_system "$user" bash -c 'cd ~/markbook && make test' || status=$?
		count_tests "$work/tests" "$status"
		# What each test said, for whoever asks which ones were skipped.
		rm -rf "$packages-logs"
		cp -r "$root$(chroot "$root" sh -c "echo ~$user")/markbook/build/test-logs" "$packages-logs" || :
		echo "# make test: $((SECONDS - before)) s"
	fi
	rm -rf --one-file-system "$root"
done

echo "$passed passed, $failed failed"
((failed == 0 && passed > 0))
