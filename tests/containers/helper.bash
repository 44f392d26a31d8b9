# shellcheck shell=bash
# Brings up the composed containers, or single ones, under names of a test's
# own; `take_down` removes whatever has that name, its volumes and networks,
# too.

load ../helper

IMAGE_VERSION=$(sed -n 's/^VERSION := //p' "$TREE/Makefile")
RESPONDER_IMAGE=markbook-responder:$IMAGE_VERSION FRONT_IMAGE=markbook-front:$IMAGE_VERSION
export IMAGE_VERSION RESPONDER_IMAGE FRONT_IMAGE

new_project() {
	local try
	PROJECT=markbook-test-$RANDOM$RANDOM
	for try in {1..20}; do
		PORT=$((RANDOM % 12000 + 20000))
		(: <>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null || break
	done
	BASE=http://127.0.0.1:$PORT
	export PROJECT PORT BASE
}

# docker_compose [options and arguments...]: version 2 where it is there, or
# else 1.
docker_compose() {
	local command=(docker-compose)
	! docker compose version >/dev/null 2>&1 || command=(docker compose)
	"${command[@]}" "$@" 3>&-
}

# compose [arguments...]: of the test's project, with the files that `make up`
# gives.
compose() {
	docker_compose -p "$PROJECT" -f "$TREE/docker-compose.yml" -f "$TREE/compose.override.yml" "$@"
}

# configured FIELD FILE...: the responder's in these compose files together,
# each part on its line.
configured() {
	local field=$1
	shift
	local files=("${@/#/-f$TREE/}")
	docker_compose "${files[@]}" config | python3 -c 'import sys, yaml
value = yaml.safe_load(sys.stdin)["services"]["responder"][sys.argv[1]]
print(*([f"{k}={v}" for k, v in value.items()] if isinstance(value, dict) else value), sep="\n")' "$field"
}

serves() {
	[[ $(curl -sS --noproxy '*' --max-time 2 -o /dev/null -w '%{http_code}' "$BASE/readyz") == 200 ]]
}

# up: front and responder as docker-compose.yml has them, ready to be used.
up() {
	new_project
	compose up -d --no-build >"$BATS_TEST_TMPDIR/up" 2>&1 || fail "$(cat "$BATS_TEST_TMPDIR/up")"
	wait_until serves
}

# id SERVICE: its container.
id() {
	compose ps -q "$1"
}

# state CONTAINER FIELD: for example .State.Pid
state() {
	docker inspect --format "{{$2}}" "$1"
}

state_is() {
	[[ $(state "$1" "$2") == "$3" ]]
}

# run_one NAME [options and arguments of docker run...]: PROJECT-NAME, which
# take_down removes.
run_one() {
	local name=$1
	shift
	docker run --detach --name "$PROJECT-$name" "$@" 3>&- >/dev/null
}

containers_of_project() {
	docker ps --all --format '{{.Names}}' | grep "^${PROJECT}[-_]" || :
}

take_down() {
	local name
	[[ -n ${PROJECT-} ]] || return 0
	for name in $(containers_of_project); do
		docker rm --force --volumes "$name" >/dev/null
	done
	for name in $(docker network ls --format '{{.Name}}' | grep "^${PROJECT}[-_]"); do
		docker network rm "$name" >/dev/null
	done
	for name in $(docker volume ls --quiet | grep "^${PROJECT}[-_]"); do
		docker volume rm "$name" >/dev/null
	done
}

# For teardown: what helps where the test failed.
show_containers() {
	local name
	[[ ${BATS_TEST_COMPLETED-} != 1 && -z ${BATS_TEST_SKIPPED-} && -n ${PROJECT-} ]] || return 0
	for name in $(containers_of_project); do
		echo "--- $name: $(state "$name" .State.Status), exit status $(state "$name" .State.ExitCode)"
		docker logs --tail 5 "$name" 2>&1 | cut -c 1-240
	done
}

# Processes of a container are visible to root on the engine's own machine.
need_root() {
	((EUID == 0)) || skip "needs root"
	[[ -e /proc/$(state "$1" .State.Pid)/ns ]] || skip "the engine is on another machine"
}

# load_start [options of load.py...]: 64 clients write and read in the
# background.
load_start() {
	post /json/load '{}'
	assert_status 201
	python3 "$TOOLS/load.py" write "$BASE" load "$BATS_TEST_TMPDIR/acknowledged" --clients 64 --reads \
		--until "$BATS_TEST_TMPDIR/enough" "$@" \
		>"$BATS_TEST_TMPDIR/load.out" 2>"$BATS_TEST_TMPDIR/load.err" 3>&- &
	load_pid=$!
}

load_has_written() {
	(($(curl -sS --noproxy '*' "$BASE/json/load" | jq '.res | length') >= $1))
}

# load_end: sees that no client was told of a failure.
load_end() {
	touch "$BATS_TEST_TMPDIR/enough"
	wait "$load_pid" || fail "$(cat "$BATS_TEST_TMPDIR"/load.{out,err})"
}

load_count() {
	jq "$1" "$BATS_TEST_TMPDIR/load.out"
}

# load_check: every write that was acknowledged is there.
load_check() {
	python3 "$TOOLS/load.py" check "$BASE" load "$BATS_TEST_TMPDIR/acknowledged"
}
