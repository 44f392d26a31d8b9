#!/usr/bin/env bats
# What deploy/check refuses: the good task definition with one thing wrong.

bats_require_minimum_version 1.5.0
load helper

setup_file() {
	python "$DEPLOY/task-definition" >"$BATS_FILE_TMPDIR/good.json"
}

# refused POINTER VALUE FAULT: the task definition changed so has that fault.
refused() {
	python "$TESTS/change.py" "$1" "$2" <"$BATS_FILE_TMPDIR/good.json" >"$BATS_TEST_TMPDIR/bad.json"
	run -1 python "$DEPLOY/check" "$BATS_TEST_TMPDIR/bad.json"
	has "$output" "$3"
}
responder=/containerDefinitions/0
front=/containerDefinitions/1

@test "a privileged container" {
	refused $responder/privileged true 'responder: privileged'
}

@test "shared memory, devices, swap" {
	refused $front/linuxParameters/sharedMemorySize 64 'sharedMemorySize is not for Fargate'
	refused $front/linuxParameters/devices '[{"hostPath": "/dev/fuse"}]' 'devices is not for Fargate'
	refused $front/linuxParameters/maxSwap 0 'maxSwap is not for Fargate'
	refused $front/linuxParameters/swappiness 10 'swappiness is not for Fargate'
}

@test "added capabilities, and ones that are not dropped" {
	refused $front/linuxParameters/capabilities '{"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]}' \
		'front: adds capabilities: NET_BIND_SERVICE'
	refused $front/linuxParameters/capabilities/drop '["CHOWN"]' 'does not drop ALL'
}

@test "a stop time beyond 2 to 120 seconds" {
	refused $front/stopTimeout 121 'stopTimeout is 121, not 2 to 120'
	refused $front/stopTimeout 1 'stopTimeout is 1, not 2 to 120'
}

@test "a path of the host, a Docker volume" {
	refused /volumes/0/host '{"sourcePath": "/srv"}' 'volume run has a path of the host'
	refused /volumes/0/dockerVolumeConfiguration '{}' 'has a dockerVolumeConfiguration'
}

@test "a mount of no volume, or at no absolute path" {
	refused $front/mountPoints/0/sourceVolume '"ran"' 'no volume is called ran'
	refused $front/mountPoints/0/containerPath '"run"' 'not an absolute path'
}

@test "a dependency on a container that is not there, on itself, in a circle" {
	refused $front/dependsOn/0/containerName '"respnder"' 'depends on respnder, which is no container'
	refused $front/dependsOn/0/containerName '"front"' 'front: depends on itself'
	refused $responder/dependsOn '[{"containerName": "front", "condition": "START"}]' \
		'responder: depends on itself, by front'
}

@test "a condition that is unknown or that cannot come" {
	refused $front/dependsOn/0/condition '"STARTED"' 'no condition is called STARTED'
	refused $front/dependsOn/0/condition '"COMPLETE"' 'waits for the end of responder'
	refused $responder/healthCheck '' 'waits for responder to be HEALTHY, which has no healthCheck'
}

@test "a health check out of bounds, in a shell, or without a command" {
	refused $front/healthCheck/interval 4 'interval is 4, not 5 to 300'
	refused $front/healthCheck/timeout 61 'timeout is 61, not 2 to 60'
	refused $front/healthCheck/retries 11 'retries is 11, not 1 to 10'
	refused $front/healthCheck/startPeriod 301 'startPeriod is 301, not 0 to 300'
	refused $front/healthCheck/command '["CMD-SHELL", "true"]' 'wants a shell'
	refused $front/healthCheck/command '["CMD"]' 'is not [CMD, program, ...]'
}

@test "a size that no task has, and containers that do not fit into it" {
	refused /memory '"768"' 'no task has 256 CPU units and 768 MiB'
	refused /cpu '"300"' 'no task has 300 CPU units'
	refused /cpu '' 'cpu and memory of the task must be given'
	refused $front/memory 257 "the containers' memory, 513 MiB, is more than the task's 512"
	refused $front/cpu 129 "the containers' cpu, 257 units, is more than the task's 256"
}

@test "another network, another port on the host, a port that two have" {
	refused /networkMode '"bridge"' 'networkMode is not awsvpc'
	refused $front/portMappings/0/hostPort 80 'hostPort 80 is not containerPort 8080'
	refused $responder/portMappings '[{"containerPort": 8080}]' 'have port 8080'
	refused $front/links '["responder"]' 'links is not for Fargate'
	refused $front/extraHosts '[{"hostname": "a", "ipAddress": "127.0.0.1"}]' 'extraHosts is not'
}

@test "security options, other namespaces, placement" {
	refused $front/dockerSecurityOptions '["no-new-privileges"]' 'dockerSecurityOptions is not for'
	refused /ipcMode '"task"' 'ipcMode is not for Fargate'
	refused /pidMode '"host"' 'pidMode is host, not task'
	refused /placementConstraints '[{"type": "memberOf"}]' 'placementConstraints is not for Fargate'
}

@test "logs that Fargate does not take, or cannot place" {
	refused $front/logConfiguration/logDriver '"json-file"' 'logDriver is json-file'
	refused $front/logConfiguration/options/awslogs-stream-prefix '' 'awslogs lacks awslogs-stream-prefix'
	refused /executionRoleArn '' 'awslogs without an executionRoleArn'
}

@test "root, a user by name, a writable root file system" {
	refused $front/user '"0:0"' 'user is not an unprivileged UID:GID'
	refused $front/user '"nginx"' 'user is not an unprivileged UID:GID'
	refused $front/readonlyRootFilesystem false 'readonlyRootFilesystem is not true'
}

@test "a launch type, names, restarts and tmpfs that cannot be" {
	refused /requiresCompatibilities '["EC2"]' 'requiresCompatibilities lacks FARGATE'
	refused $front/name '"responder"' 'two containers are called responder'
	refused /volumes '[{"name": "run"}, {"name": "run"}]' 'two volumes are called run'
	refused $front/restartPolicy/restartAttemptPeriod 59 'restartAttemptPeriod is 59, not 60 to 1800'
	refused $front/linuxParameters/tmpfs '[{"containerPath": "/tmp"}]' 'tmpfs /tmp has no size'
}

# service SED-PROGRAM FAULT: the template changed so has that fault.
service() {
	sed "$1" "$DEPLOY/markbook.yml" >"$BATS_TEST_TMPDIR/bad.yml"
	run -1 python "$DEPLOY/check" "$BATS_TEST_TMPDIR/bad.yml"
	has "$output" "$2"
}

@test "a service of more than one task, at any time" {
	service 's/AllowedValues: \[0, 1\]/AllowedValues: [0, 1, 2]/' 'service: 2 tasks'
	service 's/MaximumPercent: 100/MaximumPercent: 200/' 'would run two tasks for a while'
	service '/AvailabilityZoneRebalancing/d' 'availabilityZoneRebalancing must be DISABLED'
}

@test "a service that does not roll back, has no network, balances what is not there" {
	service 's/Rollback: true/Rollback: false/' 'no circuit breaker that rolls back'
	service '/SecurityGroups: \[!GetAtt TaskGroup/d' 'service: no securityGroups'
	service 's/ContainerName: front, ContainerPort: 8080/ContainerName: front, ContainerPort: 80/' \
		'balances front, port 80'
}

@test "a fault that shows only with one of the values that a parameter allows" {
	service "s/medium: {Cpu: '1024', Memory: '2048'/medium: {Cpu: '1024', Memory: '1024'/" \
		'no task has 1024 CPU units and 1024 MiB'
}

@test "a file that is no template" {
	printf 'a: [' >"$BATS_TEST_TMPDIR/bad.yml"
	run -1 python "$DEPLOY/check" "$BATS_TEST_TMPDIR/bad.yml"
	has "$output" 'cannot be read'
}
