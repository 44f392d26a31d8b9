#!/usr/bin/env bash
# Makes the image that the Dockerfile starts from without pulling one, as
# Debian's own slim images are made: debootstrap's smallest system, without
# documentation and translations.
#
#	conf/base-image.sh DIRECTORY [IMAGE]      DIRECTORY keeps the archive for the next time
#
# IMAGE is debian:13-slim unless it is given; debian:12 is Debian 12.  Needs
# root, debootstrap and an engine.
set -euo pipefail

if (($# < 1 || $# > 2)); then
	echo "usage: $0 DIRECTORY [IMAGE]" >&2
	exit 2
fi
directory=$1 image=${2:-debian:13-slim}
case $image in
debian:12*) suite=bookworm ;;
*) suite=trixie ;;
esac
archive=$directory/debian-$suite-slim.tar

die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

if [[ ! -e $archive ]]; then
	((EUID == 0)) || die "needs root, or an engine that can pull $image"
	command -v debootstrap >/dev/null ||
		die "debootstrap is not installed: apt-get install debootstrap"
	mkdir -p "$directory"
	root=$(mktemp -d "$directory/root.XXXXXX")
	trap 'rm -rf "$root" "$archive.new"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP

	echo "${0##*/}: making $suite with debootstrap, which takes a minute" >&2
	debootstrap --variant=minbase "$suite" "$root" >"$directory/debootstrap.log" 2>&1 || {
		tail -n 5 "$directory/debootstrap.log" >&2
		die "debootstrap failed: see $directory/debootstrap.log"
	}

	# Packages are installed without waiting for the disk, as in Debian's
	# own images.
	echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/unsafe-io"
	# What is installed later stays slim, too; the licences stay.
	cat >"$root/etc/dpkg/dpkg.cfg.d/slim" <<-'END'
		path-exclude /usr/share/doc/*
		path-include /usr/share/doc/*/copyright
		path-exclude /usr/share/info/*
		path-exclude /usr/share/locale/*
		path-exclude /usr/share/man/*
	END
	# The mirror that debootstrap took by default has the updates, too.
	read -r _ mirror _ <"$root/etc/apt/sources.list"
	cat >"$root/etc/apt/sources.list" <<-END
		deb $mirror $suite main
		deb $mirror $suite-updates main
		deb $mirror-security $suite-security main
	END
	# There is no init system that a package's script could ask to start its
	# service.
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
	chmod 755 "$root/usr/sbin/policy-rc.d"
	find "$root/usr/share/doc" -type f ! -name copyright -delete
	find "$root/usr/share/doc" -mindepth 1 -type d -empty -delete
	rm -rf "$root"/usr/share/{info,locale,man}/* "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* \
		"$root"/var/log/* "$root"/etc/{hostname,resolv.conf}

	tar --create --file "$archive.new" --directory "$root" --sort=name --numeric-owner \
		--mtime=@1577836800 --exclude='./dev/*' --exclude='./proc/*' --exclude='./sys/*' .
	mv "$archive.new" "$archive"
fi

docker import --change 'CMD ["bash"]' "$archive" "$image" >/dev/null
echo "${0##*/}: $image is there" >&2
