#!/usr/bin/env bats
# The files for docker compose and ecs-cli, and the check that they pass.

load helper

CHECK=$BATS_TEST_DIRNAME/check.py

# edited FILE PATH VALUE: a copy with that value at that dotted path, both as
# YAML.
edited() {
	copy=$BATS_TEST_TMPDIR/edited.yml
	python3 - "$@" >"$copy" <<'PY'
import sys, yaml
document = at = yaml.safe_load(open(sys.argv[1]))
*path, last = sys.argv[2].split("/")
for key in path:
    at = at[key]
at[last] = yaml.safe_load(sys.argv[3])
print(yaml.safe_dump(document))
PY
}

# refuses MODE FILE...: with one line, which names `key` or what it is part of.
refuses() {
	local dotted=${key//\//.} where
	run "$CHECK" "$@"
	((status == 1)) || fail "taken: $key $value"
	where=${output%%: *}
	where=${where#file.}
	if ((${#lines[@]} != 1)) || [[ $dotted != "$where"* && $where != "$dotted"* ]]; then
		fail "$key: $value:" "$output"
	fi
}

@test "the compose files for ECS have only what ecs-cli takes" {
	"$CHECK" compose "$TREE"/docker-compose{,.ecs}.yml
}

@test "ecs-params.yml has only keys that ecs-cli knows, with values that Fargate takes" {
	"$CHECK" params "$TREE/ecs-params.yml" "$TREE/docker-compose.yml"
}

@test "the check refuses in a compose file what ecs-cli or Fargate refuses" {
	local key value n=0
	while read -r key value; do
		edited "$TREE/docker-compose.yml" "$key" "$value"
		refuses compose "$copy"
		n=$((n + 1))
	done <<'END'
version "3.8"
x-logging {driver: awslogs}
networks {default: {}}
secrets {key: {file: key}}
configs {key: {file: key}}
volumes/run {driver: local}
services/front/init true
services/front/profiles [a]
services/front/depends_on {responder: {condition: service_healthy}}
services/front/depends_on [responser]
services/front/healthcheck/start_period 5s
services/front/healthcheck/test [CMD-SHELL, curl http://127.0.0.1:8080/]
services/front/healthcheck/interval 1s
services/front/healthcheck/timeout 61s
services/front/healthcheck/retries 11
services/front/build/target front
services/front/mem_limit 64m
services/front/cpus 0.5
services/front/secrets [key]
services/front/configs [key]
services/front/x-note a
services/front/ports [{target: 8080, published: 8080}]
services/front/ports ["80:8080"]
services/front/ports ["8080"]
services/front/volumes [{type: volume, source: run, target: /run/markbook}]
services/front/volumes ["./web:/web"]
services/front/volumes ["ran:/run/markbook"]
services/front/tmpfs [/tmp]
services/front/privileged true
services/front/security_opt [no-new-privileges]
services/front/shm_size 64m
services/front/cap_add [NET_ADMIN]
services/front/stop_grace_period 121s
services/front/stop_grace_period 1s
services/front/logging {driver: json-file}
services/front/read_only "yes"
END
	((n == 36))
}

@test "the check refuses in ecs-params.yml what ecs-cli would pass over in silence" {
	local key value n=0
	while read -r key value; do
		edited "$TREE/ecs-params.yml" "$key" "$value"
		refuses params "$copy" "$TREE/docker-compose.yml"
		n=$((n + 1))
	done <<'END'
version 2
task_defintion {}
task_definition/network_mode awsvpc
task_definition/ecs_network_mode bridge
task_definition/task_size {cpu_limit: "256", mem_limit: "4096"}
task_definition/services/frnt {essential: true}
task_definition/services/front/mem_limit 256
task_definition/services/front/mem_limit 512m
task_definition/services/front/memory 256m
task_definition/services/front/depends_on [{container_name: responder, condition: HEALTY}]
task_definition/services/front/depends_on [{container_name: respond, condition: HEALTHY}]
task_definition/services/front/essential "yes"
run_params/network_configuration/awsvpc_configuration/subnets []
run_params/network_configuration/awsvpc_configuration/assign_public_ip "yes"
run_params/network_configuration/awsvpc_configuration/security_group [sg-1]
END
	((n == 15))
}

@test "the check refuses a name that stands twice" {
	{
		cat "$TREE/docker-compose.yml"
		echo 'services: {}'
	} >"$BATS_TEST_TMPDIR/twice.yml"
	run "$CHECK" compose "$BATS_TEST_TMPDIR/twice.yml"
	((status == 1)) && [[ $output == *"'services' stands twice"* ]]
}

@test "the compose file names the images of this version" {
	run grep -oE '(image: .*:|VERSION: ").*[0-9]' "$TREE/docker-compose.yml"
	((${#lines[@]} == 4))
	local line
	for line in "${lines[@]}"; do
		[[ $line == *[:\"]"$IMAGE_VERSION" ]] || fail "$line"
	done
}

@test "marks are on the disk before the answer, except where the volume ends with the task" {
	[[ $(configured environment docker-compose.yml) == MARKBOOK_DURABILITY=commit ]]
	[[ $(configured environment docker-compose.yml compose.override.yml) == MARKBOOK_DURABILITY=commit ]]
	[[ $(configured environment docker-compose.yml docker-compose.ecs.yml) == MARKBOOK_DURABILITY=none ]]
	# A flag would win over the variable.
	run configured command docker-compose.yml compose.override.yml
	[[ $status == 0 && $output != *--durability* ]]
}

@test "docker compose takes the files" {
	new_project
	compose config >"$BATS_TEST_TMPDIR/config"
	grep -q no-new-privileges "$BATS_TEST_TMPDIR/config"
}
