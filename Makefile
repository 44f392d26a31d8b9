# make run     build Markbook and serve it, in the foreground
# make test    run all tests
# make help    show the rest
#
# Each target that people call has a line "## TARGET  what it does" beside it,
# below the name of its group ("##@ GROUP").  `make help` prints these lines.
#
# CC, CPPFLAGS, CFLAGS, LDFLAGS and LDLIBS are yours; WERROR=1 makes warnings
# errors, V=1 shows the commands.

VERSION := 1.0.0

PREFIX ?= /usr/local
DESTDIR ?=
CFLAGS ?= -O2 -g
WERROR ?= 0
BUILD ?= build

# Debian keeps nginx out of an ordinary user's PATH.
export PATH := $(PATH):/usr/local/sbin:/usr/sbin:/sbin

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:

# --- how to compile -----------------------------------------------------------

warnings := -Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes \
	-Wmissing-prototypes -Wpointer-arith -Wcast-qual -Wwrite-strings -Wvla -Wformat=2 -Wundef \
	-Wnull-dereference $(if $(filter 1,$(WERROR)),-Werror)

# Asked of the compiler only when something is built.
option = $(shell $(CC) -Werror $(1) -c -x c /dev/null -o /dev/null 2>/dev/null && echo $(1))
# With the linker, too: a compiler may know what its linker has no plugin for.
links = $(shell out=$$(mktemp) && echo 'int main(void) { return 0; }' | \
	$(CC) -Werror $(1) -x c - -o "$$out" 2>/dev/null && echo $(1); rm -f "$$out")
clash_protection = $(eval clash_protection := $$(call option,-fstack-clash-protection))$(clash_protection)

# Fortification needs an optimising compiler, and distributions' own setting of
# it wins.
fortify = $(if $(findstring _FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS)),,\
	$(if $(filter -O1 -O2 -O3 -Os -Ofast,$(CFLAGS)),-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2))

defines := -D_GNU_SOURCE -DMARKBOOK_VERSION='"$(VERSION)"' -Ifcgi
libraries := -lfcgi -ljson-c -llmdb -lseccomp

compile = $(CC) -std=c11 $(defines) $(fortify) $(CPPFLAGS) $(CFLAGS) $(warnings) -fPIE \
	-fstack-protector-strong $(clash_protection)
link = $(CC) $(CFLAGS) $(LDFLAGS) -pie -Wl,-z,relro,-z,now -Wl,-z,noexecstack

# The program is optimised as a whole when it is linked, so that dividing it
# into files costs no calls.  Its objects hold both forms: tests link them as
# they are.
lto = $(eval lto := $$(call links,-flto=auto -ffat-lto-objects))$(lto)
lto_compile = $(lto)
lto_link = $(lto)

# Undefined behaviour traps, since only the address sanitizer's reports can be
# told to go to a file.
sanitizers := -fsanitize=address,undefined -fsanitize-undefined-trap-on-error \
	-fno-omit-frame-pointer
compile_asan = $(CC) -std=c11 $(defines) -U_FORTIFY_SOURCE $(CPPFLAGS) $(CFLAGS) -O1 $(warnings) \
	$(sanitizers)
link_asan = $(CC) $(CFLAGS) $(LDFLAGS) $(sanitizers)

# --- what is built ------------------------------------------------------------

names := $(patsubst fcgi/%.c,%,$(wildcard fcgi/*.c fcgi/*/*.c fcgi/*/*/*.c))
modules := $(filter-out main,$(names))
units := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*/test_*.c))

.PHONY: all
all: $(BUILD)/markbook

show = $(if $(V),,@echo '$(1) $(2)'; )

# rules(directory, compile, link): the program and the unit tests, one tree each
# way of compiling.  lto_COMPILE and lto_LINK are what the program takes
# besides.
define rules
$(1)/markbook: $(names:%=$(1)/obj/%.o) $(1)/.command
	$$(call show,LINK,$$@)$$($(3)) $$(lto_$(3)) -o $$@ $$(filter %.o,$$^) $$(libraries) $$(LDLIBS)

$(1)/obj/%.o: fcgi/%.c $(1)/.command
	@mkdir -p $$(@D)
	$$(call show,CC,$$@)$$($(2)) $$(lto_$(2)) -MMD -MP -c -o $$@ $$<

$(1)/unit/%.o: tests/unit/%.c $(1)/.command
	@mkdir -p $$(@D)
	$$(call show,CC,$$@)$$($(2)) -MMD -MP -c -o $$@ $$<

$(units:%=$(1)/unit/%): $(1)/unit/%: $(1)/unit/%.o $(modules:%=$(1)/obj/%.o) $(1)/.command
	$$(call show,LINK,$$@)$$($(3)) -o $$@ $$(filter %.o,$$^) -lcmocka $$(libraries) $$(LDLIBS)

# Another compiler, other flags or another version: all of the tree is out of
# date.
$(1)/.command: force
	@mkdir -p $$(@D)
	@printf '%s\n' '$$(subst ','\'',$$($(2)) $$($(3)) $$(lto_$(2)))' | cmp -s - $$@ || \
		printf '%s\n' '$$(subst ','\'',$$($(2)) $$($(3)) $$(lto_$(2)))' >$$@

-include $(names:%=$(1)/obj/%.d) $(units:%=$(1)/unit/%.d)
endef
$(eval $(call rules,$(BUILD),compile,link))
$(eval $(call rules,$(BUILD)/asan,compile_asan,link_asan))
.SECONDARY:

# The shim records a run of the program; the checker tries the crashes that the
# run might have met.
powerloss := $(patsubst tests/powerloss/%.c,%,$(wildcard tests/powerloss/*.c))
powerloss_programs := $(BUILD)/powerloss/check $(BUILD)/powerloss/shim.so

$(BUILD)/powerloss/%.o: tests/powerloss/%.c $(BUILD)/.command
	@mkdir -p $(@D)
	$(call show,CC,$@)$(compile) -MMD -MP -c -o $@ $<

$(BUILD)/powerloss/check: $(powerloss:%=$(BUILD)/powerloss/%.o) $(modules:%=$(BUILD)/obj/%.o)
	$(call show,LINK,$@)$(link) -o $@ $^ $(libraries) $(LDLIBS)

# No fortification: its own inline functions would clash with what a library for
# LD_PRELOAD defines.
compile_preload = $(CC) -std=c11 -D_GNU_SOURCE $(CPPFLAGS) -U_FORTIFY_SOURCE $(CFLAGS) \
	$(warnings) -fPIC -shared

$(BUILD)/powerloss/shim.so: $(wildcard tests/powerloss/shim/*.[ch]) tests/powerloss/record.h \
		$(BUILD)/.command
	@mkdir -p $(@D)
	$(call show,LINK,$@)$(compile_preload) -o $@ $(filter %.c,$^)

-include $(powerloss:%=$(BUILD)/powerloss/%.d)

.PHONY: force
force:

# --- what is done with it -----------------------------------------------------

##@ Use it
## help                this list
.PHONY: help
help:
	@awk '/^##@ / { group = substr($$0, 5); if (text[group] == "") order[++n] = group } \
		/^## / { name = $$2; sub(/^## [^ ]+ +/, ""); \
			text[group] = text[group] sprintf("  make %-22s%s\n", name, $$0) } \
		END { for (i = 1; i <= n; i++) { print (i > 1 ? "\n" : "") order[i]; printf "%s", text[order[i]] } }' \
		$(MAKEFILE_LIST)

##@ Use it
## all                 build build/markbook; what make does without a target
## deps                install the Debian packages that all targets need
.PHONY: deps deps-run
deps:
	@conf/deps.sh test
deps-run:
	@conf/deps.sh run

## run                 build it and serve http://127.0.0.1:8080 until Ctrl-C (PORT, STATE_DIR)
# The compiler itself may be among what is missing: nothing is built before that
# is settled.
.PHONY: run
run: deps-run
	@$(MAKE) --no-print-directory all
	@MARKBOOK='$(abspath $(BUILD)/markbook)' exec conf/run.sh

.PHONY: plain sanitized
plain: $(BUILD)/markbook $(BUILD)/inject.so $(units:%=$(BUILD)/unit/%) $(powerloss_programs)
sanitized: $(BUILD)/asan/markbook $(units:%=$(BUILD)/asan/unit/%)

##@ Test it
## test                all tests
## test-unit           the C parts
## test-bats           the program and nginx, from outside
## test-asan           both under the sanitizers; make test has a part of it
.PHONY: test test-unit test-bats test-asan

test: suites = unit unit-asan layers inject checker fuzz bats docs browser input-asan powerloss
test: replays = fuzzers
test-unit: suites = unit
test-bats: suites = bats
test-asan: suites = unit-asan bats-asan
test test-unit test-bats test-asan: deps
	@$(MAKE) --no-print-directory WERROR=1 plain sanitized $(replays)
	@BUILD='$(BUILD)' tests/run.sh $(suites)

## powerloss           what power loss leaves of a store; SECONDS=n for longer than in make test
# Crash states of a recorded run.
.PHONY: powerloss
powerloss: deps
	@$(MAKE) --no-print-directory WERROR=1 $(BUILD)/markbook $(powerloss_programs)
	@BUILD='$(BUILD)' tests/powerloss/run.sh $(SECONDS)

## inject              each call that can fail, made to fail in turn
# Each call that can fail, made to fail in turn; some of them are, in make test.
$(BUILD)/inject.so: $(wildcard tests/inject/preload/*.[ch]) $(BUILD)/.command
	$(call show,LINK,$@)$(compile_preload) -o $@ $(filter %.c,$^)

.PHONY: inject
inject: deps
	@$(MAKE) --no-print-directory WERROR=1 plain
	@tests/inject/run.py --program '$(BUILD)/markbook' --preload '$(abspath $(BUILD))/inject.so'

## lint                formatting, warnings of compilers and analysers, scripts, nginx.conf
.PHONY: lint
lint: deps
	@tests/lint.sh

##@ Change it
## format              put the C sources into shape
sources = $(shell git ls-files "*.c" "*.h")
.PHONY: format
format:
	clang-format -i $(sources)

##@ Measure it
## bench               Markbook beside others, some 9 minutes; bench-quick takes one
## bench-scaling       Markbook as one thing grows; bench-scaling-quick takes a minute
## bench-limits        what it has to keep to; bench-limits-quick takes a minute
benches := bench bench-quick bench-scaling bench-scaling-quick bench-limits bench-limits-quick
.PHONY: $(benches)
$(benches): deps
	@$(MAKE) --no-print-directory all
	@bench/run.sh $(filter scaling limits,$(subst -, ,$@)) $(if $(filter %-quick,$@),--quick)

## check-instructions  whether a request takes more instructions than recorded
## record-instructions record what it takes now
# Seconds, and the same whatever else the machine does: a part of what CI runs.
.PHONY: check-instructions record-instructions
check-instructions record-instructions: deps
	@$(MAKE) --no-print-directory WERROR=1 all
	@PYTHONDONTWRITEBYTECODE=1 python3 bench/instructions.py $(@:%-instructions=%) $(BUILD)/markbook

##@ Test it
## torture             load while everything is killed; nothing may be lost (SECONDS, SEED)
## soak                load for MINUTES; memory, descriptors and the store may not grow
# Clients, while everything is killed; then what they saw is checked.
.PHONY: torture soak
torture: SECONDS = 300
torture: deps
	@$(MAKE) --no-print-directory WERROR=1 all
	@MARKBOOK='$(abspath $(BUILD)/markbook)' python3 -B tests/torture/torture.py --seconds '$(SECONDS)' \
		--json '$(BUILD)/torture.json' $(if $(SEED),--seed '$(SEED)')

# Clients at full speed, while nothing may grow.
soak: MINUTES = 30
soak: deps
	@$(MAKE) --no-print-directory WERROR=1 all
	@MARKBOOK='$(abspath $(BUILD)/markbook)' python3 -B tests/torture/soak.py --minutes '$(MINUTES)' \
		--json '$(BUILD)/soak.json' $(if $(SEED),--seed '$(SEED)')

## test-fresh          the README's commands on a fresh Debian 12 and 13
.PHONY: test-fresh
test-fresh:
	@tests/fresh.sh bookworm
	@tests/fresh.sh trixie

##@ Change it
## clean               remove what was built
## docs                the tables of docs/configuration.md, from --help
.PHONY: docs
docs: $(BUILD)/markbook
	python3 -B tests/docs/options.py --write $(BUILD)/markbook

## picture             the page's picture in the README, by a headless Chromium
.PHONY: picture
picture: $(BUILD)/markbook
	MARKBOOK='$(abspath $(BUILD)/markbook)' docs/images/page.sh

## compile_commands.json  what editors and analysers want to know of each C file
# Taken from what make would run.  FUZZ_CC is only named, not called.
compile_commands.json: force
	@$(MAKE) --no-print-directory -nB V=1 plain fuzzers | \
		sed -e ':join' -e '/\\$$/{ N; s/\\\n[[:space:]]*/ /; b join' -e '}' -e 's/["\\]/\\&/g' | \
		awk -v directory='$(CURDIR)' '/ -o / { for (i = NF; $$i ~ /\.c$$/; i--) if (!seen[$$i]++) { \
			printf "%s{\"directory\": \"%s\", \"file\": \"%s\", ", (n++ ? ",\n" : "[\n"), directory, $$i; \
			printf "\"command\": \"%s\"}", $$0 \
		} } END { print "\n]" }' >$@

.PHONY: clean
clean:
	rm -rf '$(BUILD)' compile_commands.json

# The images are built from a part of the tree that has none of these.
include $(wildcard conf/containers.mk deploy/deploy.mk tests/fuzz/fuzz.mk \
	tests/postman/postman.mk)

# --- installation -------------------------------------------------------------

##@ Use it
## install             into DESTDIR and PREFIX
## uninstall           remove it again

to := $(DESTDIR)$(PREFIX)
share := share/markbook
units_dir := lib/systemd/system
web = $(filter-out %.md,$(wildcard web/*))
nginx_conf = $(wildcard conf/*.conf)
# Meant to be edited where they are installed: a changed one is kept.
edited := limits.conf listen.conf

# Written into the units, which need absolute paths.
place = sed 's|@PREFIX@|$(PREFIX)|g' '$(1)' >'$(to)/$(2)' && chmod 644 '$(to)/$(2)'

.PHONY: install
install: $(BUILD)/markbook
	install -d '$(to)/bin' '$(to)/share/man/man8' '$(to)/$(share)/conf' '$(to)/$(share)/web' \
		'$(to)/$(units_dir)' '$(to)/lib/sysusers.d'
	install -m 755 $(BUILD)/markbook '$(to)/bin/markbook'
	install -m 644 conf/markbook.8 '$(to)/share/man/man8/markbook.8'
	install -m 644 $(filter-out $(edited:%=conf/%),$(nginx_conf)) '$(to)/$(share)/conf'
	@for file in $(edited); do \
		there='$(to)/$(share)/conf/'$$file; \
		if [ -e "$$there" ] && ! cmp -s "conf/$$file" "$$there"; then \
			install -m 644 "conf/$$file" "$$there.new"; \
			echo "kept $$there; the delivered one is beside it as $$file.new"; \
		else \
			install -m 644 "conf/$$file" "$$there"; \
		fi; \
	done
	install -m 644 conf/systemd/log.conf '$(to)/$(share)/conf/log.conf'
	install -m 644 conf/seed.json '$(to)/$(share)/seed.json'
	install -m 644 $(web) '$(to)/$(share)/web'
	install -m 644 conf/systemd/markbook.sysusers '$(to)/lib/sysusers.d/markbook.conf'
	$(call place,conf/systemd/markbook.socket,$(units_dir)/markbook.socket)
	$(call place,conf/systemd/markbook.service,$(units_dir)/markbook.service)
	$(call place,conf/systemd/markbook-front.service,$(units_dir)/markbook-front.service)

.PHONY: uninstall
uninstall:
	rm -f '$(to)/bin/markbook' '$(to)/share/man/man8/markbook.8' '$(to)/$(share)/seed.json' \
		$(patsubst conf/%,'$(to)/$(share)/conf/%',$(nginx_conf)) \
		$(edited:%='$(to)/$(share)/conf/%.new') \
		$(patsubst web/%,'$(to)/$(share)/web/%',$(web)) \
		'$(to)/lib/sysusers.d/markbook.conf' '$(to)/$(units_dir)/markbook.socket' \
		'$(to)/$(units_dir)/markbook.service' '$(to)/$(units_dir)/markbook-front.service'
	-rmdir '$(to)/$(share)/conf' '$(to)/$(share)/web' '$(to)/$(share)'
