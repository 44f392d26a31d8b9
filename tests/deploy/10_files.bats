#!/usr/bin/env bats
# The templates, what is generated from them, the workflows, and the guide's
# table.

load helper

setup_file() {
	python "$DEPLOY/task-definition" >"$BATS_FILE_TMPDIR/task.json"
}

@test "cfn-lint finds nothing in the templates" {
	cfn-lint "$DEPLOY"/*.yml
}

@test "the template keeps Fargate's rules with every value that it allows" {
	python "$DEPLOY/check"
}

@test "the generated task definition keeps them, too" {
	python "$DEPLOY/check" "$BATS_FILE_TMPDIR/task.json"
}

@test "template, task definition, compose and ecs-params agree" {
	cd "$TREE"
	python "$TESTS/agree.py" "$BATS_FILE_TMPDIR/task.json" docker-compose.yml \
		docker-compose.ecs.yml ecs-params.yml
}

# differs SED-PROGRAM FILE TEXT: the comparison tells of it where the file is
# changed so.
differs() {
	local copy=$BATS_TEST_TMPDIR/changed
	sed "$1" "$TREE/$2" >"$copy"
	! cmp -s "$copy" "$TREE/$2" || { echo "nothing changed: $1"; return 1; }
	local files=("$TREE"/{docker-compose.yml,docker-compose.ecs.yml,ecs-params.yml})
	run -1 python "$TESTS/agree.py" "$BATS_FILE_TMPDIR/task.json" "${files[@]/#"$TREE/$2"/"$copy"}"
	has "$output" "$3"
}

@test "the comparison sees each of the things that it compares" {
	bats_require_minimum_version 1.5.0
	differs 's/markbook-front:1/markbook-front:2/' docker-compose.yml 'front: image'
	differs 's/PORT:-8080}:8080/PORT:-8080}:8081/' docker-compose.yml 'front: ports'
	differs 's/user: "10001/user: "10002/' docker-compose.yml 'responder: user'
	differs 's|run:/run/markbook|run:/run/other|' docker-compose.yml 'front: volumes'
	differs 's/retries: 3/retries: 4/' docker-compose.yml 'responder: health check'
	differs 's/"health", "--http"/"health", "--url"/' docker-compose.yml 'front: health check'
	differs 's/size=16m/size=17m/' docker-compose.yml 'responder: tmpfs'
	differs 's/grace_period: 30s/grace_period: 31s/' docker-compose.yml 'front: stop'
	differs 's/DURABILITY: none/DURABILITY: commit/' docker-compose.ecs.yml 'responder: environment'
	differs 's/store-size=16M/store-size=17M/' docker-compose.yml 'responder: command'
	differs 's/read_only: true/read_only: false/' docker-compose.yml 'front: read-only root'
	differs 's/mem_limit: "512"/mem_limit: "1024"/' ecs-params.yml 'task: memory'
	differs 's/mem_limit: 256m/mem_limit: 255m/' ecs-params.yml 'front: memory'
	differs 's/condition: HEALTHY/condition: START/' ecs-params.yml 'front: order'
}

@test "parameters reach the task definition, and wrong ones are refused" {
	bats_require_minimum_version 1.5.0
	local json version
	version=$(sed -n 's/^VERSION := //p' "$TREE/Makefile")
	json=$(python "$DEPLOY/task-definition" --registry r.example/x --region eu-west-1 \
		--task-role arn:aws:iam::1:role/t Size=medium Architecture=ARM64)
	is "1024 2048 ARM64 r.example/x/markbook-front:$version eu-west-1 arn:aws:iam::1:role/t" "$(jq -r '[
		.cpu, .memory, .runtimePlatform.cpuArchitecture, .containerDefinitions[1].image,
		.containerDefinitions[0].logConfiguration.options["awslogs-region"], .taskRoleArn
		] | join(" ")' <<<"$json")"
	run -2 python "$DEPLOY/task-definition" Size=huge
	has "$output" 'Size is huge'
	run -2 python "$DEPLOY/task-definition" Sise=small
	has "$output" 'no parameter is called Sise'
	run -2 python "$DEPLOY/task-definition" FrontImage=nginx:1
	has "$output" 'FrontImage is nginx:1'
}

@test "actionlint finds nothing in the workflows" {
	actionlint "$TREE"/.github/workflows/*.yml
}

@test "actionlint would find an unknown job, context and runner" {
	bats_require_minimum_version 1.5.0
	sed -e 's/needs: ci/needs: cj/' -e 's/vars.AWS_REGION/vers.AWS_REGION/' \
		-e 's/runs-on: ubuntu-24.04/runs-on: ubuntu-9/' \
		"$TREE/.github/workflows/release.yml" >"$BATS_TEST_TMPDIR/release.yml"
	run -1 actionlint -no-color "$BATS_TEST_TMPDIR/release.yml"
	has "$output" '"cj"'
	has "$output" '"vers"'
	has "$output" '"ubuntu-9"'
}

@test "workflows name actions by commit, take few rights, and store no keys" {
	local file
	for file in "$TREE"/.github/workflows/*.yml; do
		run grep -nE 'uses: [^.]' "$file"
		while read -r line; do
			[[ $line =~ @[0-9a-f]{40}\ \#\ v[0-9]+\.[0-9]+\.[0-9]+$ ]] || { echo "$line"; return 1; }
		done <<<"$output"
		is 'contents: read' "$(sed -n '/^permissions:/,/^$/{s/^  //p}' "$file")"
		run grep -niE 'secrets\.|access-key|secret-access|write-all|pull_request_target' "$file"
		is '' "$output"
		grep -q '^concurrency:' "$file"
	done
}

@test "what the guide's table cites stands on the lines it names" {
	local count=0 file first last name text
	# [markbook.yml:12-15](markbook.yml#L12-L15) `Name`
	while read -r file first last name; do
		count=$((count + 1))
		text=$(sed -n "${first}p" "$DEPLOY/$file")
		[[ $text =~ ^\ *(- )?([A-Za-z]+: )?$name: || $text == *"Name: $name"* ]] || {
			echo "$file:$first is not $name but: $text"
			return 1
		}
		# Its lines are those that are indented below it.
		is "$last" "$(awk -v first="$first" 'function indent() { match($0, /[^ ]/); return RSTART }
			NR == first { at = indent(); last = NR; next }
			NR < first || /^ *(#|$)/ { next }
			indent() <= at { exit }
			{ last = NR }
			END { print last }' "$DEPLOY/$file")" || { echo "$file:$first is $name"; return 1; }
	done < <(grep -oE '\[[a-z]+\.yml:[0-9]+-[0-9]+\]\([^)]*\) `[A-Za-z]+`' "$DEPLOY/README.md" |
		sed -E 's/^\[([a-z]+\.yml):([0-9]+)-([0-9]+)\]\(\1#L\2-L\3\) `(.*)`$/\1 \2 \3 \4/')
	((count >= 12)) || { echo "the table cites $count things"; return 1; }
	# Each figure has its row.
	local figure
	for figure in {2..15}; do
		grep -q "^| $figure |" "$DEPLOY/README.md" || { echo "no row for figure $figure"; return 1; }
	done
}
