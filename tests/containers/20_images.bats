#!/usr/bin/env bats
# What is in the images, and that the same input makes the same ones.

load helper

# listing IMAGE: its files, as tar lists them, without those that the engine
# puts into a container.
listing() {
	local container
	container=$(docker create "$1" 2>/dev/null) || fail "no image $1"
	docker export "$container" | tar --list --verbose --numeric-owner |
		awk '$6 !~ /^(\.dockerenv|dev\/.+|etc\/(hosts|hostname|mtab|resolv\.conf))$/'
	docker rm "$container" >/dev/null
}

compressed() {
	docker save "$1" | gzip | wc -c
}

# executables IMAGE: all files in it that can be run but libraries.
executables() {
	listing "$1" | awk '$1 ~ /^-.*x/ && $6 !~ /\.so(\.[0-9]+)*$/ { print $6 }' | sort | paste -sd' '
}

@test "the responder's image holds no program but markbook" {
	[[ $(executables "$RESPONDER_IMAGE") == usr/bin/markbook ]] || fail "$(executables "$RESPONDER_IMAGE")"
}

@test "the front's image holds no program but nginx, and markbook for the health check" {
	[[ $(executables "$FRONT_IMAGE") == 'usr/bin/markbook usr/sbin/nginx' ]] || fail "$(executables "$FRONT_IMAGE")"
}

@test "the images hold nothing but programs, libraries, configuration, page and licences" {
	local image strange
	for image in "$RESPONDER_IMAGE" "$FRONT_IMAGE"; do
		listing "$image" >"$BATS_TEST_TMPDIR/files"
		strange=$(awk '$1 !~ /^d/ { print $6 }' "$BATS_TEST_TMPDIR/files" | grep -Ev \
			'^(usr/s?bin/(markbook|nginx)|lib(64)?/.*\.so(\.[0-9]+)*|etc/(passwd|group)|usr/share/(markbook|common-licenses|doc/[^/]+)/.*)$' || :)
		[[ -z $strange ]] || fail "$image: $strange"
	done
}

@test "no file in them has a set-user-id bit, or is writable by others" {
	local image
	for image in "$RESPONDER_IMAGE" "$FRONT_IMAGE"; do
		listing "$image" >"$BATS_TEST_TMPDIR/files"
		! grep -E '^-(..[sS]|.....[sS]|.......w)' "$BATS_TEST_TMPDIR/files" || fail "$image"
	done
}

@test "each library comes with its licence, and with the texts that it refers to" {
	local image
	for image in "$RESPONDER_IMAGE" "$FRONT_IMAGE"; do
		listing "$image" >"$BATS_TEST_TMPDIR/files"
		for package in markbook libc6 libfcgi0t64 libjson-c5 liblmdb0 libseccomp2 libxxhash-dev; do
			grep -q "usr/share/doc/$package/copyright" "$BATS_TEST_TMPDIR/files" || fail "$image: $package"
		done
		grep -q usr/share/common-licenses/LGPL-2.1 "$BATS_TEST_TMPDIR/files"
	done
	for package in nginx libssl3t64 libpcre2-8-0 zlib1g libzstd1 libcrypt1; do
		grep -q "usr/share/doc/$package/copyright" "$BATS_TEST_TMPDIR/files" || fail "$package"
	done
}

@test "user, signal and labels are set" {
	local image
	for image in "$RESPONDER_IMAGE SIGTERM" "$FRONT_IMAGE SIGQUIT"; do
		state_is "${image% *}" .Config.User 10001:10001
		state_is "${image% *}" .Config.StopSignal "${image#* }"
		state_is "${image% *}" 'index .Config.Labels "org.opencontainers.image.version"' "$IMAGE_VERSION"
		state_is "${image% *}" 'index .Config.Labels "org.opencontainers.image.licenses"' BSD-2-Clause
	done
	docker run --rm "$RESPONDER_IMAGE" version 3>&- | grep -F "$IMAGE_VERSION"
}

@test "both images declare the volume at the same path, with the same owner" {
	local image
	for image in "$RESPONDER_IMAGE" "$FRONT_IMAGE"; do
		state_is "$image" 'json .Config.Volumes' '{"/run/markbook":{}}'
		listing "$image" | grep -E '^drwxr-x--- 10001/10001 .* run/markbook/$'
		# A symbolic link on the way to it and Fargate would not see
		# that they are one.
		listing "$image" | grep -E '^drwxr-xr-x .* run/$'
	done
}

@test "compressed, the responder's image has at most 3 MB and the front's at most 7 MB" {
	local responder front
	responder=$(compressed "$RESPONDER_IMAGE") front=$(compressed "$FRONT_IMAGE")
	echo "# responder $responder bytes, front $front bytes" >&3
	((responder > 500000 && responder <= 3000000 && front > 500000 && front <= 7000000))
}

# build NAME ROLE DIRECTORY [options of docker build...]
build() {
	local name=$1 role=$2 directory=$3 flags
	shift 3
	read -ra flags <<<"${BUILD_FLAGS-}"
	docker build --quiet "${flags[@]}" --build-arg "ROLE=$role" "$@" -t "$name" "$directory" \
		>"$BATS_TEST_TMPDIR/build" 2>&1 || fail "$(tail -n 5 "$BATS_TEST_TMPDIR/build")"
}

# layers IMAGE: those of its files.
layers() {
	state "$1" 'json .RootFS.Layers'
}

@test "the same sources make the same layers, whatever their times and modes" {
	local name=markbook-test-$RANDOM again one
	mkdir "$BATS_TEST_TMPDIR/tree"
	tar -C "$TREE" --exclude=./build --exclude=./.git --exclude=./run -c . |
		tar -C "$BATS_TEST_TMPDIR/tree" -x --touch
	chmod -R go-rwx "$BATS_TEST_TMPDIR/tree"
	# The second one's build stage is the one that the first has just made.
	build "$name" front "$BATS_TEST_TMPDIR/tree" --target front --no-cache
	build "$name-2" responder "$BATS_TEST_TMPDIR/tree" --target responder
	again=$(layers "$name" && layers "$name-2")
	one=$(layers "$FRONT_IMAGE" && layers "$RESPONDER_IMAGE")
	docker rmi "$name" "$name-2" >/dev/null
	[[ $again == "$one" && $one == *sha256:*sha256:* ]] || fail "$again" "$one"
}

@test "the debug role has a shell and tools" {
	local name=markbook-test-$RANDOM
	build "$name" debug "$TREE"
	docker run --rm "$name" bash -c 'markbook version && curl --version && command -v strace apt-get' 3>&-
	docker rmi "$name" >/dev/null
}
