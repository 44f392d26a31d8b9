# The paper's calls in Postman's form, sent by newman; the Makefile includes
# this.

##@ Test it

postman := $(BUILD)/postman

# The lock file has the digest of every package, so that any registry's copy
# will do.
$(postman)/.installed: $(addprefix tests/postman/,package.json package-lock.json .npmrc)
	@conf/deps.sh postman
	@echo 'NPM  $(postman)'
	@mkdir -p '$(postman)'
	@cp $^ '$(postman)'
	@npm ci --prefix '$(postman)' --ignore-scripts --no-audit --no-fund --no-update-notifier \
		--loglevel=error >/dev/null
	@touch $@

## test-postman        the paper's calls as a Postman collection, against the running service
.PHONY: test-postman
test-postman: deps-run $(BUILD)/markbook $(postman)/.installed
	@MARKBOOK='$(abspath $(BUILD)/markbook)' NEWMAN='$(postman)/node_modules/newman/bin/newman.js' tests/postman/run.sh
