# Images and containers; the Makefile includes this.

##@ Run it in containers and on AWS
## images              build both container images
## base-image          make the base image where none can be pulled

# An engine that has no network of its own to build in needs --network=host
# here.
BUILD_FLAGS ?=

# Version 1 does not read compose.override.yml by itself.
compose = $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose) \
	-p markbook -f docker-compose.yml -f compose.override.yml

.PHONY: images base-image
images:
	docker build $(BUILD_FLAGS) --build-arg ROLE=responder --build-arg VERSION='$(VERSION)' \
		-t 'markbook-responder:$(VERSION)' .
	docker build $(BUILD_FLAGS) --build-arg ROLE=front --build-arg VERSION='$(VERSION)' \
		-t 'markbook-front:$(VERSION)' .

base-image:
	@conf/base-image.sh '$(BUILD)/base-image'

## up                  start both containers at http://127.0.0.1:8080 (PORT)
## down                stop them
# The marks are on a volume that outlives `make down`; `docker volume rm
# markbook_run` ends them.
.PHONY: up down
up: images
	$(compose) up -d --no-build
	@echo 'Markbook is at http://127.0.0.1:$(or $(PORT),8080)/; make down ends it'
down:
	$(compose) down

## test-containers     images and containers, on a real Docker engine
.PHONY: test-containers
test-containers:
	@conf/deps.sh containers
	@BUILD='$(BUILD)' tests/containers/engine.sh tests/containers/run.sh

## test-workflow       the steps of CI's job "test" in a container like GitHub's (TARGETS)
.PHONY: test-workflow
test-workflow: TARGETS = lint test
test-workflow:
	@conf/deps.sh containers
	@BUILD='$(BUILD)' tests/containers/engine.sh tests/workflow/run.sh $(TARGETS)
