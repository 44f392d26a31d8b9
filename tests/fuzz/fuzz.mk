# Fuzzing by libFuzzer, under the sanitizers; the Makefile includes this.

# Each target this long.
SECONDS ?= 60
FUZZ_CC ?= clang

fuzzers := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))

fuzz_sanitizers := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
compile_fuzz = $(FUZZ_CC) -std=c11 $(defines) -U_FORTIFY_SOURCE $(CPPFLAGS) -O1 -g $(warnings) \
	-fsanitize=fuzzer-no-link $(fuzz_sanitizers)
link_fuzz = $(FUZZ_CC) $(LDFLAGS) -fsanitize=fuzzer $(fuzz_sanitizers)

$(eval $(call rules,$(BUILD)/fuzz,compile_fuzz,link_fuzz))

# Parts of one target: it links them as well.
fastcgi_parts := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fastcgi_*.c))

$(fuzzers:%=$(BUILD)/fuzz/obj/%.o) $(fastcgi_parts:%=$(BUILD)/fuzz/obj/%.o): \
		$(BUILD)/fuzz/obj/%.o: tests/fuzz/%.c $(BUILD)/fuzz/.command
	@mkdir -p $(@D)
	$(call show,CC,$@)$(compile_fuzz) -MMD -MP -c -o $@ $<

$(BUILD)/fuzz/fuzz_fastcgi: $(fastcgi_parts:%=$(BUILD)/fuzz/obj/%.o)

# Jansson before json-c: some of their names are the same, and those that json.c
# uses are not.
$(BUILD)/fuzz/fuzz_%: $(BUILD)/fuzz/obj/fuzz_%.o $(modules:%=$(BUILD)/fuzz/obj/%.o)
	$(call show,LINK,$@)$(link_fuzz) -o $@ $^ -ljansson $(libraries) -lpthread $(LDLIBS)

-include $(fuzzers:%=$(BUILD)/fuzz/obj/%.d) $(fastcgi_parts:%=$(BUILD)/fuzz/obj/%.d)

##@ Test it
## fuzzers             build the fuzz targets
## fuzz                look for inputs that break it, SECONDS for each target
.PHONY: fuzzers fuzz
fuzzers: $(fuzzers:%=$(BUILD)/fuzz/%)

fuzz: deps
	@$(MAKE) --no-print-directory WERROR=1 fuzzers
	@BUILD='$(BUILD)' tests/fuzz/run.sh '$(SECONDS)'
