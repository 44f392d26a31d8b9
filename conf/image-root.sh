#!/usr/bin/env bash
# Lays out what the images hold, in the Dockerfile's build stage:
#
#	conf/image-root.sh DIRECTORY EPOCH      makes DIRECTORY/responder and DIRECTORY/front
#
# All times are made of EPOCH, in seconds, so that the same files give the same
# layer.
set -euo pipefail

if (($# != 2)); then
	echo "usage: $0 DIRECTORY EPOCH" >&2
	exit 2
fi
directory=$1 epoch=$2
id=10001
umask 022

# licence ROOT FILE: that of the package that FILE came in, and the common ones
# that it refers to.
licence() {
	local root=$1 package text
	package=$(dpkg-query --search "$2" | sed 's/:.*//')
	cp --parents "/usr/share/doc/$package/copyright" "$root"
	while read -r text; do
		cp --dereference --parents "$text" "$root"
	done < <(grep -o '/usr/share/common-licenses/[A-Za-z0-9.-]*[A-Za-z0-9]' \
		"/usr/share/doc/$package/copyright" | sort -u)
}

# libraries ROOT PROGRAM: what it needs to be loaded, the loader among it.
libraries() {
	local root=$1 file
	while read -r file; do
		cp --dereference --parents "$file" "$root"
		licence "$root" "$(realpath "$file")"
	done < <(ldd "$2" | grep -o '/[^ ]*')
}

# common ROOT: user, program, and the directories that are written to.
common() {
	local root=$1
	mkdir -p "$root"/{dev,etc,proc,run,sys,usr/bin,usr/share/doc/markbook}
	echo "markbook:x:$id:$id:Markbook:/nonexistent:/nonexistent" >"$root/etc/passwd"
	echo "markbook:x:$id:" >"$root/etc/group"
	install -m 755 build/markbook "$root/usr/bin/markbook"
	install -m 644 LICENSE "$root/usr/share/doc/markbook/copyright"
	libraries "$root" build/markbook
	# Its hash is compiled in.
	licence "$root" /usr/include/xxhash.h
	install -d -m 1777 "$root/tmp"
	# A new volume takes its owner from here.
	install -d -m 750 -o $id -g $id "$root/run/markbook"
}

responder() {
	common "$1"
	install -D -m 644 conf/seed.json "$1/usr/share/markbook/seed.json"
}

# nginx's prefix is where its configuration is; only tmp in it is written to.
front() {
	local root=$1 prefix=$1/usr/share/markbook file
	common "$root"
	install -D -m 755 /usr/sbin/nginx "$root/usr/sbin/nginx"
	licence "$root" /usr/sbin/nginx
	libraries "$root" /usr/sbin/nginx
	install -d "$prefix/conf" "$prefix/web"
	install -m 644 conf/*.conf "$prefix/conf/"
	ln -s /tmp "$prefix/tmp"
	# nginx makes ETag and Last-Modified of a file's time and size, so two
	# versions of a file must not have one time: it is drawn from the
	# content.
	for file in web/*; do
		install -m 644 "$file" "$prefix/web/"
		touch --date="@$((epoch + $(cksum <"$file" | cut -d' ' -f1) % 31536000))" "$prefix/$file"
	done
}

mkdir "$directory"
for role in responder front; do
	mkdir "$directory/$role"
	"$role" "$directory/$role"
	find "$directory/$role" -path '*/markbook/web/*' -o \
		-exec touch --no-dereference --date="@$epoch" {} +
done
