#!/usr/bin/env bash
# The README's two commands on a fresh Debian with git and make only:
#
#	tests/fresh.sh SUITE        bookworm (Debian 12) or trixie (Debian 13)
#
# A minimal system is made by debootstrap in a directory of its own and gets a clone of the last
# commit.  In it `make run` has to answer the paper's first example and end at SIGINT with nothing
# left, then `make test` has to pass.  Needs root and some 2 GB; takes some ten minutes.
set -euo pipefail

if (($# != 1)); then
	echo "usage: $0 bookworm|trixie" >&2
	exit 2
fi
suite=$1
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

((EUID == 0)) || {
	echo "${0##*/}: needs root, for debootstrap and chroot" >&2
	exit 1
}
command -v debootstrap >/dev/null || {
	echo "${0##*/}: debootstrap is not installed: apt-get install debootstrap" >&2
	exit 1
}

root=$(mktemp -d /var/tmp/markbook-fresh.XXXXXX)
trap 'rm -rf --one-file-system "$root"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

echo "# making a fresh $suite" >&2
debootstrap --variant=minbase --include=git,make,ca-certificates "$suite" "$root" >"$root.log" 2>&1 || {
	tail -n 5 "$root.log" >&2
	exit 1
}
rm -f "$root.log"
git clone --quiet "$top" "$root/root/markbook"
cp /etc/resolv.conf "$root/etc/resolv.conf"

cat >"$root/root/commands" <<'END'
set -euo pipefail
cd /root/markbook
echo "# Debian $(cat /etc/debian_version): make run" >&2
# In the background a shell has SIGINT ignored; Ctrl-C goes to a group of its own.
perl -e '$SIG{INT} = "DEFAULT"; setpgrp; exec @ARGV' make run >/root/run.log 2>&1 &
make=$!
answer=
for _ in $(seq 3000); do
	kill -0 $make 2>/dev/null || break
	! command -v curl >/dev/null || answer=$(curl -s http://127.0.0.1:8080/json || :)
	[[ -z $answer ]] || break
	# The kernel's own clock: nothing else is installed yet.
	read -rt 0.2 <> <(:) || :
	# curl is not among what `make run` needs: bash speaks enough HTTP.
	if (: <>/dev/tcp/127.0.0.1/8080) 2>/dev/null; then
		exec 3<>/dev/tcp/127.0.0.1/8080
		printf 'GET /json HTTP/1.0\r\n\r\n' >&3
		answer=$(cat <&3)
		exec 3>&-
		break
	fi
done
tail -n 3 /root/run.log >&2
[[ $answer == *'{"assignments":{"Assignment 1":"100%","Assignment 2":"95%","Assignment 3":"Not Submitted",'* ]] || {
	cat /root/run.log >&2
	exit 1
}
# As Ctrl-C does: to the whole foreground group.
kill -INT -- -$make
wait $make || :
for process in /proc/[0-9]*; do
	case $(tr '\0' ' ' <"$process/cmdline" 2>/dev/null) in
	*nginx:* | *'markbook serve'*) echo "left behind: $process" >&2; exit 1 ;;
	esac
done
echo '# make test' >&2
nginx -v
make test
END

# A namespace of its own for mounts, processes and network: ports and processes of the machine are
# out of its reach, all but the network that apt needs.
unshare --mount --pid --fork --kill-child --propagation private bash -euc '
	root=$1
	mount -t proc proc "$root/proc"
	mount --rbind /dev "$root/dev"
	mount -t tmpfs tmpfs "$root/dev/shm"
	exec chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		LANG=C.UTF-8 bash /root/commands
' fresh "$root"
echo "# $suite: both commands work" >&2
