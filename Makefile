# Everything one does with Tipstaff. `make` alone lists the targets.
#
# All of it is incremental: a second `make run` builds nothing. Modules build
# with GOWORK=off, as the Lambdas do; go.work is for editors.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# One set of build flags for handlers, CLI, CDK app and tests, so that they
# share one build cache. Only the race detector needs a C compiler.
export GOWORK := off
export GOFLAGS := -trimpath -buildvcs=false
export CGO_ENABLED := 0

GOLANGCI := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.7.2
GOFUMPT := mvdan.cc/gofumpt@v0.9.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.1.4
ACTIONLINT := github.com/rhysd/actionlint/cmd/actionlint@v1.7.9

MODULES := shared/contract shared functions infra tools
FUNCTIONS := $(sort $(patsubst functions/%/main.go,%,$(wildcard functions/*/main.go)))
HOSTARCH := $(or $(shell go env GOHOSTARCH 2>/dev/null),unknown)
RACE := $(shell command -v cc >/dev/null 2>&1 && echo CGO_ENABLED=1 go test -race || echo go test)

# $(call sources,folders,what not): the files that a binary is built from. A
# change of a test or a document builds nothing.
sources = $(shell find $(1) $(foreach d,$(2),-path $(d) -prune -o) -type f ! -name '*_test.go' ! -path '*/testdata/*' -print)
HANDLER_SOURCES := $(call sources,functions shared,shared/local)
CLI_SOURCES := $(call sources,shared tools,tools/e2e tools/bench)
BENCH_SOURCES := $(call sources,shared tools)

# $(call step,what,command): says what it does and how long it took. The
# command may date its result with `touch -d @$$from`: a source that is edited
# while it is being built is then newer than the result.
define step
@echo "==> $(1)"; from=$$(date +%s); $(2) && echo "    done in $$(( $$(date +%s) - from )) s"
endef

# $(call each,what,command): runs a command in every module, whatever the
# others said, and fails if one failed.
define each
@bad=0; from=$$(date +%s); for m in $(MODULES); do echo "==> $(1) $$m"; (cd $$m && $(2)) || bad=1; done; echo "    done in $$(( $$(date +%s) - from )) s"; exit $$bad
endef

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- run and build -----------------------------------------------------------

# The local stack looks for an engine in this order too: with one of the
# variables set, npm has nothing to install.
ENGINE := $(if $(DYNAMODB_ENDPOINT)$(DYNOXIDE_BIN),,node_modules/.engine)

.PHONY: run
run: bin/tipstaff bin/$(HOSTARCH)/.built $(ENGINE) ## Serve everything on http://localhost:8080 (PORT=9000 for another)
	@exec bin/tipstaff run

.PHONY: build
build: bin/tipstaff handlers ## Build the CLI and the functions

.PHONY: handlers
handlers: bin/arm64/.built bin/$(HOSTARCH)/.built ## Build the functions, for Lambda (arm64) and for this machine

bin/tipstaff: $(CLI_SOURCES) | need-go
	$(call step,building the tipstaff command,(cd tools && go build -ldflags '-s -w' -o ../$@ ./cmd/tipstaff && touch -d @$$from ../$@))

# The tags leave out what no function uses: net/rpc, which aws-lambda-go needs for
# a runtime that is gone, and HTTP/2, which neither the Runtime API nor DynamoDB
# speaks.
HANDLER_TAGS := lambda.norpc,nethttpomithttp2

# One `go build` for all functions: they share nearly all their packages. The
# flags make the bytes independent of folder, user and time.
bin/%/.built: $(HANDLER_SOURCES) | need-go
	$(call step,building $(words $(FUNCTIONS)) functions for $*,(cd functions && GOOS=linux GOARCH=$* go build -tags $(HANDLER_TAGS) -ldflags '-s -w -buildid=' -o ../bin/$*/.new/ $(addprefix ./,$(FUNCTIONS)) && cd ../bin/$* && for f in $(FUNCTIONS); do mkdir -p $$f && mv -f .new/$$f $$f/bootstrap || exit 1; done && touch -d @$$from .built))

# --- tools from npm ----------------------------------------------------------

# A run needs the DynamoDB engine only; the CDK CLI, Node for jsii and the
# OAuth clients of the tests are development dependencies.
node_modules/.engine: package-lock.json | need-node
	$(call step,installing the local DynamoDB engine,npm ci --omit=dev --loglevel=error)
	@touch $@

node_modules/.all: package-lock.json | need-node
	$(call step,installing the engine and the CDK CLI and the OAuth clients of the tests,npm ci --loglevel=error)
	@touch node_modules/.engine $@

.PHONY: need-go need-node
need-go:
	@command -v go >/dev/null || { echo "Go is missing: install Go 1.26 or newer (https://go.dev/dl) and try again."; exit 1; }

need-node:
	@command -v npm >/dev/null || { echo "Node is missing: install Node 20 or newer with npm (https://nodejs.org) and try again."; exit 1; }

# --- test --------------------------------------------------------------------

# Tests that read files of another module run uncached (-count=1): Go would
# not notice the change and report an old pass.

.PHONY: test
test: test-contract test-shared test-functions test-infra test-tools test-e2e ## Run every test of all five modules

.PHONY: test-contract
test-contract: | need-go
	$(call step,testing shared/contract,(cd shared/contract && $(RACE) ./...))

.PHONY: test-shared
test-shared: bin/$(HOSTARCH)/.built node_modules/.all | need-go ## Run the unit and store tests of shared, with the race detector
	$(call step,testing shared,(cd shared && $(RACE) ./...))

.PHONY: test-tools
test-tools: bin/tipstaff bin/$(HOSTARCH)/.built node_modules/.all | need-go ## Run the tests of the command and the registry file, and judge histories of sessions
	$(call step,testing tools,(cd tools && $(RACE) $$(go list ./... | grep -vE '/tools/(e2e|bench)(/|$$)')))

.PHONY: test-functions
test-functions: bin/arm64/.built ## Check what each function links, its size, and the edits of adding a route
	$(call step,testing functions,(cd functions && go test -count=1 ./...))

.PHONY: test-infra
test-infra: node_modules/.all bin/arm64/.built ## Run the tests of the CDK app: roles, snapshots, stages
	$(call step,testing infra,(cd infra && go test -count=1 ./...))

.PHONY: test-e2e
test-e2e: bin/tipstaff bin/$(HOSTARCH)/.built node_modules/.all browser ## Run the black-box suite (TIPSTAFF_URL=… for a deployed stage)
	$(call step,testing the whole from outside,(cd tools && go test -count=1 -timeout 20m $(if $(TIPSTAFF_URL),-skip '^TestLocal' ./e2e,./e2e/...)))

SOAK ?= 10m
HISTORIES ?= 10000
REFRESHES ?= 12000

# A failing input stays in the package's testdata/fuzz and fails its tests from
# then on.
.PHONY: soak
soak: bin/tipstaff bin/$(HOSTARCH)/.built node_modules/.all ## Fuzz each parser, judge 10,000 histories of sessions, kill the stack again and again (SOAK=10m)
	@bad=0; for m in $(MODULES); do cd $(CURDIR)/$$m; for p in $$(go list ./...); do \
	  for f in $$(go test -list '^Fuzz' $$p | grep '^Fuzz'); do \
	    echo "==> $$f of $$p for $(SOAK)"; go test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(SOAK) $$p || bad=1; \
	  done; \
	done; done; cd $(CURDIR)/tools; \
	echo "==> $(HISTORIES) histories of a session and $(REFRESHES) refreshes with lost answers"; \
	go test -v -count=1 -timeout 30m -run 'Histories|Lossy|Thieves' ./histories -histories $(HISTORIES) -refreshes $(REFRESHES) || bad=1; \
	echo "==> kill -9 of the local stack for $(SOAK)"; \
	TIPSTAFF_SOAK=$(SOAK) go test -v -count=1 -timeout 0 -run Kill ./e2e/command || bad=1; exit $$bad

# A line that can be left out of a list is a fact that stands in two places and may
# come to differ. LISTS=metrics names some of the lists of tools/mutants.
.PHONY: mutants
mutants: node_modules/.all | need-go ## Leave out each line of the lists that must agree: a test has to notice (LISTS=registry)
	$(call step,leaving out line after line,(cd tools && go run ./mutants -root .. -list '$(LISTS)'))

.PHONY: bench
bench: bin/bench bin/baseline bin/tipstaff bin/$(HOSTARCH)/.built bin/arm64/.built $(ENGINE) ## Measure CPU, instructions and sizes against their bars
	@bin/bench

bin/bench: $(BENCH_SOURCES) | need-go
	$(call step,building the benchmark,(cd tools && go build -o ../$@ ./bench))

bin/baseline: $(BENCH_SOURCES) | need-go
	@cd tools && go build -o ../$@ ./bench/baseline

# --- check -------------------------------------------------------------------

.PHONY: check
check: formatted lint vet words validate test ## Run everything CI runs

.PHONY: fmt
fmt: | need-go ## Format all Go code
	@go run $(GOFUMPT) -l -w $(MODULES)

.PHONY: formatted
formatted: | need-go
	$(call step,looking at the formatting,files=$$(go run $(GOFUMPT) -l $(MODULES)) && { test -z "$$files" || { echo "Not formatted (run make fmt):"; echo "$$files"; false; }; })

.PHONY: lint
lint: | need-go ## Run the linters, import directions among them
	$(call each,linting,go run $(GOLANGCI) run --allow-parallel-runners --config $(CURDIR)/.golangci.yml ./...)

.PHONY: words
words: ## Count words that make comments hard to read, and the share of comments
	@.ci/words

.PHONY: vet
vet: | need-go ## Run go vet
	$(call each,vetting,go vet ./...)

.PHONY: vuln
vuln: | need-go ## Ask the Go vulnerability database about every dependency (needs the network)
	$(call each,scanning,go run $(GOVULNCHECK) ./...)

.PHONY: actions
actions: | need-go ## Check the CI workflow
	@go run $(ACTIONLINT)

.PHONY: clean
clean: ## Delete what was built; the data in .local and node_modules stay
	rm -rf bin cdk.out infra/cdk.out

-include infra/infra.mk
-include tools/e2e/browser/browser.mk
