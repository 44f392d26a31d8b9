# Deployment to AWS: what checks and tries the files in deploy/; the Makefile
# includes this.

##@ Run it in containers and on AWS

deploy_tools := $(BUILD)/deploy-tools
actionlint := github.com/rhysd/actionlint/cmd/actionlint@v1.7.7

.PHONY: deploy-tools deploy-check test-deploy task-definition
deploy-tools: $(deploy_tools)/.installed $(deploy_tools)/bin/actionlint

## deploy-tools        install the tools that these need under build/
# The aws command, cfn-lint and moto, in a virtual environment: nothing else is
# touched.
$(deploy_tools)/.installed: tests/deploy/requirements.txt
	@conf/deps.sh deploy
	@echo 'VENV $(deploy_tools)'
	@python3 -m venv '$(deploy_tools)'
	@'$(deploy_tools)/bin/pip' install --quiet --disable-pip-version-check -r $<
	@touch $@

# Its packages on PyPI fetch a program from elsewhere, so it is built; Debian's
# golang-go will do.
$(deploy_tools)/bin/actionlint: | $(deploy_tools)/.installed
	@echo 'GO   $@'
	@GOBIN='$(abspath $(deploy_tools)/bin)' GOTOOLCHAIN=local go install $(actionlint)

## deploy-check        what can be seen in the files of deploy/
# The faults that can be seen without running anything.
deploy-check: deploy-tools
	@TOOLS='$(abspath $(deploy_tools)/bin)' tests/deploy/run.sh tests/deploy/10_*.bats \
		tests/deploy/20_*.bats

## test-deploy         deploy/ against an emulator of AWS
test-deploy: deploy-tools
	@TOOLS='$(abspath $(deploy_tools)/bin)' tests/deploy/run.sh tests/deploy/*.bats

## task-definition     the task as JSON for the aws command (OPTIONS)
# For `aws ecs register-task-definition --cli-input-json
# file://build/task-definition.json`; OPTIONS are those of
# deploy/task-definition.
OPTIONS ?=
task-definition: $(deploy_tools)/.installed
	@PYTHONDONTWRITEBYTECODE=1 '$(deploy_tools)/bin/python' deploy/task-definition $(OPTIONS) \
		>'$(BUILD)/task-definition.json'
	@echo '$(BUILD)/task-definition.json'
