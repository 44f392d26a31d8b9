#!/usr/bin/env bats
# A reset of the machine under `make up`: the composed service starts on copies
# of its disk, each taken at one instant under load.

load helper

setup() {
	((EUID == 0)) || skip "needs root"
	make_disk
	new_project
	cat >"$BATS_TEST_TMPDIR/disk.yml" <<-END
		version: "3"
		volumes:
		  run:
		    driver_opts: {type: none, o: bind, device: $MACHINE/run}
	END
}

teardown() {
	local directory
	show_containers
	[[ -z ${load_pid-} ]] || kill "$load_pid" 2>/dev/null || :
	take_down
	for directory in "$BATS_TEST_TMPDIR"/{machine,disks,memory}; do
		! mountpoint -q "$directory" || umount --lazy "$directory"
	done
}

# make_disk: DISK, mounted on MACHINE, is a file on a file system that copies a
# file at one instant.
make_disk() {
	local memory=$BATS_TEST_TMPDIR/memory
	MACHINE=$BATS_TEST_TMPDIR/machine DISKS=$BATS_TEST_TMPDIR/disks
	DISK=$DISKS/disk
	mkdir "$memory" "$DISKS" "$MACHINE"
	mount -t tmpfs -o size=1G none "$memory" || skip "mounting is not allowed here"
	truncate -s 800M "$memory/xfs"
	mkfs.xfs -q "$memory/xfs"
	mount -o loop "$memory/xfs" "$DISKS" || skip "no loop device, or no xfs"
	truncate -s 64M "$DISK"
	mkfs.ext4 -q "$DISK"
	mount -o loop "$DISK" "$MACHINE"
	mkdir "$MACHINE/run"
}

# on_disk [arguments...]: compose, with the volume on DISK.
on_disk() {
	compose -f "$BATS_TEST_TMPDIR/disk.yml" "$@"
}

power_on() {
	docker start "$responder" "$front" >/dev/null
}

power_off() {
	docker kill "$front" "$responder" >/dev/null
	wait_until umount "$MACHINE"
}

serves_or_refuses() {
	serves || (($(state "$responder" .RestartCount) > 0))
}

# fate COPY: whether the service has what was answered before that copy, or why
# it does not start.
fate() {
	mount -o loop "$DISKS/$1" "$MACHINE"
	power_on
	wait_until serves_or_refuses
	if serves; then
		python3 "$BATS_TEST_DIRNAME/reset.py" judge "$BASE" "$DISKS/$1.json" "$TREE/conf/seed.json"
	else
		echo "refused: $(docker logs --tail 1 "$responder" 2>&1)"
	fi
	power_off
}

# reset_under_load COPIES: their fates, one a line.
reset_under_load() {
	local copy responder front
	on_disk up --no-start --no-build >"$BATS_TEST_TMPDIR/up" 2>&1 || fail "$(<"$BATS_TEST_TMPDIR/up")"
	responder=$(on_disk ps -aq responder) front=$(on_disk ps -aq front)
	# The engine made the volume long before.
	sync -f "$MACHINE"
	python3 "$BATS_TEST_DIRNAME/reset.py" load "$BASE" "$DISK" "$MACHINE" "$1" "$DISKS" \
		>"$BATS_TEST_TMPDIR/load" 2>&1 3>&- &
	load_pid=$!
	power_on
	need_root "$responder"
	wait "$load_pid" || fail "$(<"$BATS_TEST_TMPDIR/load")"
	load_pid=
	power_off
	for ((copy = 1; copy <= $1; copy++)); do
		fate "$copy"
	done
}

# show FILE: how many fates of each kind there are.
show() {
	echo "# $(sed 's/[ ,:].*//' "$1" | sort | uniq -c | paste -sd, | tr -s ' ')" >&3
}

@test "a reset of the machine under load loses nothing that was answered" {
	reset_under_load 24 >"$BATS_TEST_TMPDIR/fates"
	show "$BATS_TEST_TMPDIR/fates"
	[[ $(grep -c '^whole, with' "$BATS_TEST_TMPDIR/fates") == 24 ]] || fail "$(<"$BATS_TEST_TMPDIR/fates")"
	[[ $(tail -n 1 "$BATS_TEST_TMPDIR/fates") == 'whole, with '[1-9][0-9][0-9]* ]]
}

@test "where writes are not on the disk before the answer, the same resets lose some, and damage is told as such" {
	cat >>"$BATS_TEST_TMPDIR/disk.yml" <<-END
		services:
		  responder:
		    environment: {MARKBOOK_DURABILITY: none}
	END
	reset_under_load 12 >"$BATS_TEST_TMPDIR/fates"
	show "$BATS_TEST_TMPDIR/fates"
	# What is refused has nothing of what was answered, either.
	grep -qE '^(lost|refused)' "$BATS_TEST_TMPDIR/fates" || fail "$(<"$BATS_TEST_TMPDIR/fates")"
	run grep -vE '^(whole|lost|refused: .* data\.mdb is damaged )' "$BATS_TEST_TMPDIR/fates"
	[[ -z $output ]] || fail "$output"
}
