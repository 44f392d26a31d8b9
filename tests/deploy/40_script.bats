#!/usr/bin/env bats
# What deploy/deploy says before it has done anything.

bats_require_minimum_version 1.5.0
load helper

setup() {
	nobody
}

# deploy ARGUMENT...: where there are none but these commands, neither aws nor
# docker ...
deploy() {
	local name
	mkdir -p "$BATS_TEST_TMPDIR/commands" "$BATS_TEST_TMPDIR/stand-ins"
	for name in bash env cat sed dirname make; do
		ln -sf "$(command -v "$name")" "$BATS_TEST_TMPDIR/commands/$name"
	done
	PATH=$BATS_TEST_TMPDIR/stand-ins:$BATS_TEST_TMPDIR/commands "$DEPLOY/deploy" "$@"
}

# stand_in NAME TEXT: ... and a command of that name.
stand_in() {
	mkdir -p "$BATS_TEST_TMPDIR/stand-ins"
	printf '#!/bin/bash\n%s\n' "$2" >"$BATS_TEST_TMPDIR/stand-ins/$1"
	chmod +x "$BATS_TEST_TMPDIR/stand-ins/$1"
}

@test "shellcheck finds nothing in the scripts" {
	shellcheck "$DEPLOY/deploy" "$TESTS"/*.sh "$TESTS"/*.bash "$TESTS"/*.bats
}

@test "a dry run shows each step in order, needs nothing, and does nothing" {
	run -0 --separate-stderr deploy --dry-run --region eu-west-1 \
		AllowedCidr=203.0.113.7/32 Spot=yes
	is '' "$output"
	local host=ACCOUNT.dkr.ecr.eu-west-1.amazonaws.com steps step rest=$stderr
	steps=(
		'+ aws cloudformation deploy --stack-name markbook-registry '
		'+ make -C '
		"docker login --username AWS --password-stdin $host"
		"+ docker push $host/markbook-responder:"
		"+ docker push $host/markbook-front:"
		'+ aws cloudformation deploy --stack-name markbook '
		' AllowedCidr=203.0.113.7/32 Spot=yes Architecture='
		'+ aws ecs wait services-stable '
		'+ aws ec2 describe-network-interfaces '
	)
	for step in "${steps[@]}"; do
		has "$rest" "$step"
		rest=${rest#*"$step"}
	done
}

@test "a dry run of --skip-images builds and pushes nothing, one of --delete only deletes" {
	run -0 --separate-stderr "$DEPLOY/deploy" --dry-run --skip-images
	[[ $stderr != *docker* && $stderr != *make* ]]
	run -0 --separate-stderr "$DEPLOY/deploy" --dry-run --delete --images
	is 4 "${#stderr_lines[@]}"
	has "${stderr_lines[0]}" 'delete-stack --stack-name markbook'
	has "${stderr_lines[2]}" 'delete-stack --stack-name markbook-registry'
}

@test "a wrong option is one line and status 2" {
	local line
	for line in --foo value --stack '--stack -x' '--stack markbook-registry' --images \
		'--delete Size=small' FrontImage=nginx; do
		# shellcheck disable=SC2086 # words of a command line
		run -2 "$DEPLOY/deploy" $line
		is 1 "${#lines[@]}"
		has "$output" 'deploy: '
	done
	run -0 "$DEPLOY/deploy" --help
	has "$output" 'usage: deploy/deploy'
}

@test "a missing command is named" {
	run -1 deploy --region us-east-2
	has "$output" "the command 'aws' is missing"
	stand_in aws 'exit 1'
	run -1 deploy --region us-east-2
	has "$output" "the command 'docker' is missing"
	stand_in docker 'exit 1'
	run -1 deploy --region us-east-2
	has "$output" 'the Docker engine does not answer'
}

@test "no region and no credentials are named, and nothing was changed" {
	run -1 "$DEPLOY/deploy" --skip-images
	has "$output" 'no region'
	run -1 "$DEPLOY/deploy" --skip-images --region us-east-2
	has "$output" 'AWS does not accept the credentials'
	has "$output" 'stopped before anything was changed'
}

@test "images for another processor than the one that is asked for are not pushed" {
	stand_in make 'exit 0'
	stand_in docker 'echo "docker $*" >>"$0.log"; [[ $1 != image ]] || echo arm64'
	stand_in aws 'case $* in *get-caller-identity*) echo 1;; *describe-stacks*) exit 1;; esac'
	run -1 deploy --region us-east-2 AllowedCidr=0.0.0.0/0 Architecture=X86_64
	has "$output" 'Architecture=X86_64, but the images built here are for ARM64'
	[[ $(<"$BATS_TEST_TMPDIR/stand-ins/docker.log") != *push* ]]
}

@test "a stack that another attempt left is told, with the way to remove it" {
	stand_in aws 'case $* in *get-caller-identity*) echo 1;;
		*describe-stacks*registry*) echo CREATE_COMPLETE;; *describe-stacks*) echo ROLLBACK_COMPLETE;;
		*) echo "aws $*" >>"$0.log";; esac'
	run -1 deploy --skip-images --region us-east-2
	has "$output" 'left of an attempt that failed (ROLLBACK_COMPLETE)'
	has "$output" 'deploy/deploy --stack markbook --region us-east-2 --delete removes it'
	[[ ! -e $BATS_TEST_TMPDIR/stand-ins/aws.log ]]
}

@test "who may connect has to be said the first time" {
	stand_in aws 'case $* in *get-caller-identity*) echo 1;; *describe-stacks*) exit 1;; esac'
	run -1 deploy --skip-images --region us-east-2
	has "$output" 'who may connect?'
}
