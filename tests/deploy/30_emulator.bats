#!/usr/bin/env bats
# deploy/deploy and the templates against moto's server on loopback, by the aws
# command.
#
# What moto does not do, so that it is not tested here: it runs no tasks, builds
# no alarm, metric filter or scaling target, checks no rules of a template,
# passes over conditions when it changes a stack, and of a service keeps
# cluster, task definition and count, of a security group not what may leave.
# It takes images without layers, which stand for the pushed ones.

bats_require_minimum_version 1.5.0
load helper

setup_file() {
	nobody
	MOTO_ECS_SERVICE_RUNNING=1 moto_server -H 127.0.0.1 -p 0 >"$BATS_FILE_TMPDIR/moto.log" 2>&1 3>&- &
	echo $! >"$BATS_FILE_TMPDIR/moto.pid"
	wait_until grep -q 'Running on' "$BATS_FILE_TMPDIR/moto.log"
	AWS_ENDPOINT_URL=$(grep -om 1 'http://127.0.0.1:[0-9]*' "$BATS_FILE_TMPDIR/moto.log")
	export AWS_ENDPOINT_URL AWS_REGION=us-east-2 AWS_DEFAULT_REGION=us-east-2
	# moto takes any.
	export AWS_ACCESS_KEY_ID=nobody AWS_SECRET_ACCESS_KEY=nothing
	VERSION=$(sed -n 's/^VERSION := //p' "$TREE/Makefile")
	export VERSION
	(
		set -e
		aws cloudformation deploy --stack-name markbook-registry \
			--template-file "$DEPLOY/registry.yml"
		put_image responder
		put_image front
		"$DEPLOY/deploy" --skip-images AllowedCidr=203.0.113.7/32
	) >"$BATS_FILE_TMPDIR/out" 2>"$BATS_FILE_TMPDIR/err" || {
		cat "$BATS_FILE_TMPDIR/out" "$BATS_FILE_TMPDIR/err" >&2
		return 1
	}
}

teardown_file() {
	kill "$(<"$BATS_FILE_TMPDIR/moto.pid")"
}

put_image() {
	local config
	config=sha256:$(printf %s "$1" | sha256sum | cut -d ' ' -f 1)
	aws ecr put-image --repository-name "markbook-$1" --image-tag "$VERSION" --image-manifest \
		'{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
		"config": {"mediaType": "application/vnd.oci.image.config.v1+json", "size": 2,
		"digest": "'"$config"'"}, "layers": []}'
}

# task_of STACK: its service's task definition, as JSON.
task_of() {
	local service task
	service=$(aws ecs list-services --cluster "$1" --query 'serviceArns[0]' --output text)
	task=$(aws ecs describe-services --cluster "$1" --services "$service" \
		--query 'services[0].taskDefinition' --output text)
	aws ecs describe-task-definition --task-definition "$task" --query taskDefinition
}

@test "the deployment gives a cluster and a service with one running task" {
	is $'ACTIVE\tmarkbook' "$(aws ecs describe-clusters --clusters markbook --output text \
		--query 'clusters[0].[status, clusterName]')"
	local service
	service=$(aws ecs list-services --cluster markbook --query 'serviceArns[0]' --output text)
	is $'ACTIVE\t1\t1' "$(aws ecs describe-services --cluster markbook --services "$service" \
		--output text --query 'services[0].[status, desiredCount, runningCount]')"
}

@test "the service runs the two containers, by digest, as the template has them" {
	local task digest
	task=$(task_of markbook)
	is 'responder front' "$(jq -r '[.containerDefinitions[].name] | join(" ")' <<<"$task")"
	digest=$(aws ecr describe-images --repository-name markbook-front --output text \
		--image-ids "imageTag=$VERSION" --query 'imageDetails[0].imageDigest')
	is "123456789012.dkr.ecr.us-east-2.amazonaws.com/markbook-front@$digest" \
		"$(jq -r '.containerDefinitions[1].image' <<<"$task")"
	# moto keeps the sizes of containers, but not the task's.
	local generated
	generated=$(python "$DEPLOY/task-definition")
	local name
	for name in user command healthCheck dependsOn mountPoints stopTimeout readonlyRootFilesystem \
		linuxParameters restartPolicy memory cpu essential; do
		is "$(jq -Sc ".containerDefinitions[].$name" <<<"$generated")" \
			"$(jq -Sc ".containerDefinitions[].$name" <<<"$task")"
	done
	is '[{"name":"run"}]' "$(jq -c '[.volumes[] | {name}]' <<<"$task")"
	is '8080' "$(jq -c '.containerDefinitions[1].portMappings[].containerPort' <<<"$task")"
}

@test "only the given network may connect" {
	local group
	group=$(aws cloudformation describe-stack-resources --stack-name markbook --output text \
		--query "StackResources[?LogicalResourceId=='TaskGroup'].PhysicalResourceId")
	group=$(aws ec2 describe-security-groups --group-ids "$group" --query 'SecurityGroups[0]')
	is '[[8080,8080,"203.0.113.7/32"]]' \
		"$(jq -c '[.IpPermissions[] | [.FromPort, .ToPort, .IpRanges[].CidrIp]]' <<<"$group")"
}

@test "logs are kept for as long as it was said" {
	is '/aws/ecs/containerinsights/markbook/performance 1 /ecs/markbook/front 30 /ecs/markbook/responder 30' \
		"$(aws logs describe-log-groups --query 'logGroups[].[logGroupName, retentionInDays]' \
			--output json | jq -r 'sort | flatten | join(" ")')"
}

@test "the task role may do nothing, the execution role pull two images and write two logs" {
	local role
	role=$(aws iam list-roles --output text \
		--query "Roles[?contains(RoleName, 'TaskRole')].RoleName")
	is '' "$(aws iam list-role-policies --role-name "$role" --query 'PolicyNames[]' --output text)"
	role=$(aws iam list-roles --output text \
		--query "Roles[?contains(RoleName, 'ExecutionRole')].RoleName")
	# moto answers as Python writes a dict.
	is $'*\tecr:GetAuthorizationToken' "$(aws iam get-role-policy --role-name "$role" \
		--policy-name start-the-task --query PolicyDocument --output text |
		python -c 'import ast, sys
for s in ast.literal_eval(sys.stdin.read())["Statement"]:
    if s["Resource"] == "*": print(s["Resource"], s["Action"], sep="\t")')"
}

@test "the deploy script said what it did, and that the emulator runs no task" {
	has "$(<"$BATS_FILE_TMPDIR/err")" '+ aws cloudformation deploy --stack-name markbook '
	has "$(<"$BATS_FILE_TMPDIR/err")" '+ aws ecs wait services-stable --cluster markbook '
	has "$(<"$BATS_FILE_TMPDIR/out")" "Markbook $VERSION is deployed; no task is running"
}

@test "with a certificate there is a load balancer, whose address it prints" {
	local certificate balancer
	certificate=$(aws acm request-certificate --domain-name marks.example \
		--query CertificateArn --output text)
	run -0 --separate-stderr "$DEPLOY/deploy" --skip-images --stack marks-tls \
		AllowedCidr=0.0.0.0/0 "CertificateArn=$certificate"
	balancer=$(aws elbv2 describe-load-balancers --query 'LoadBalancers[0]')
	has "$output" "Markbook $VERSION is at https://$(jq -r .DNSName <<<"$balancer")/"
	is '80 redirect 443 forward' "$(aws elbv2 describe-listeners \
		--load-balancer-arn "$(jq -r .LoadBalancerArn <<<"$balancer")" \
		--query 'Listeners[].[Port, DefaultActions[0].Type]' | jq -r 'sort | flatten | join(" ")')"
}

@test "it takes a network that is there, and --delete removes the stack alone" {
	local vpc subnet
	vpc=$(aws ec2 create-vpc --cidr-block 10.9.0.0/24 --query Vpc.VpcId --output text)
	subnet=$(aws ec2 create-subnet --vpc-id "$vpc" --cidr-block 10.9.0.0/25 \
		--query Subnet.SubnetId --output text)
	"$DEPLOY/deploy" --skip-images --stack given AllowedCidr=10.0.0.0/8 "VpcId=$vpc" \
		"Subnets=$subnet"
	is 2 "$(task_of given | jq '.containerDefinitions | length')"
	is 0 "$(aws cloudformation describe-stack-resources --stack-name given --output text \
		--query "length(StackResources[?ResourceType=='AWS::EC2::VPC'])")"
	run -0 --separate-stderr "$DEPLOY/deploy" --stack given --delete
	has "$output" 'The stack given is gone.'
	has "$output" 'The images stay in ECR'
	run ! aws cloudformation describe-stacks --stack-name given
	aws ecr describe-repositories --repository-names markbook-front
	run -0 --separate-stderr "$DEPLOY/deploy" --stack given --delete
	has "$output" 'There is no stack given.'
}

@test "where it fails it says at what, what is left, and how to remove that" {
	run -1 --separate-stderr "$DEPLOY/deploy" --skip-images --stack broken \
		AllowedCidr=0.0.0.0/0 CertificateArn=arn:aws:acm:us-east-2:123456789012:certificate/none
	has "$stderr" 'Supplied certificate was not found'
	has "$stderr" 'deploy: stopped while the stack broken was being deployed'
	has "$stderr" 'deploy: there is the stack markbook-registry (CREATE_COMPLETE)'
	has "$stderr" 'deploy: there is the stack broken ('
	has "$stderr" 'to remove all of it: deploy/deploy --stack broken --region us-east-2 --delete'
}

@test "without an image of this version nothing of the service is touched" {
	aws ecr batch-delete-image --repository-name markbook-front --image-ids "imageTag=$VERSION"
	run -1 --separate-stderr "$DEPLOY/deploy" --skip-images Size=large
	has "$stderr" "ECR has no image markbook-front:$VERSION"
	put_image front
	is 0 "$(aws cloudformation describe-stacks --stack-name markbook --output text \
		--query "length(Stacks[0].Parameters[?ParameterValue=='large'])")"
}

@test "the generated task definition is registered and run as it is" {
	python "$DEPLOY/task-definition" --name plain >"$BATS_TEST_TMPDIR/task.json"
	aws ecs register-task-definition --cli-input-json "file://$BATS_TEST_TMPDIR/task.json"
	is 'plain awsvpc FARGATE 256 512' "$(aws ecs describe-task-definition --task-definition plain \
		--query taskDefinition |
		jq -r '[.family, .networkMode, .requiresCompatibilities[0], .cpu, .memory] | join(" ")')"
}

@test "the role for GitHub is deployed, for one repository's environment" {
	aws cloudformation deploy --stack-name github --template-file "$DEPLOY/github.yml" \
		--capabilities CAPABILITY_IAM --parameter-overrides Repository=someone/markbook \
		ProviderArn=arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com
	local role
	role=$(aws iam list-roles --output text \
		--query "Roles[?contains(RoleName, 'DeployRole')].RoleName")
	has "$(aws iam get-role --role-name "$role" --query Role.AssumeRolePolicyDocument)" \
		'repo:someone/markbook:environment:production'
}
