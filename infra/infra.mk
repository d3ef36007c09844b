# Targets of the CDK app, included by the Makefile at the root.
#
# A review synthesis leaves the code of the functions out, so that it needs no
# binaries and shows only what changes in AWS. A deployment has the code in it.

# The CLI and the app run on the node of package.json, ask nobody for news and
# send nothing to anybody.
export CDK_DISABLE_VERSION_CHECK := true
export CDK_DISABLE_CLI_TELEMETRY := true
CDK := $(CURDIR)/node_modules/node/bin/node $(CURDIR)/node_modules/aws-cdk/bin/cdk

SNAPSHOTS := infra/testdata/snapshots
INFRA_SOURCES := $(call sources,infra shared/contract) go.work
COMMIT = $(or $(shell git describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null),unknown)

bin/infra: $(INFRA_SOURCES) | need-go
	$(call step,building the CDK app (the first time takes a minute or two),(cd infra && go build -o ../$@ .))

# $(call synthesize,folder,flags): into an empty folder, because the CLI trips
# over a report that an earlier synthesis left.
synthesize = rm -rf $(1) && $(CDK) synth --ci --quiet --output $(1) $(2) >/dev/null

bin/review/manifest.json: bin/infra cdk.json node_modules/.all
	@CDK_VALIDATION=false && export CDK_VALIDATION && $(call synthesize,bin/review,-c review=true)

.PHONY: synth
synth: bin/infra node_modules/.all bin/arm64/.built ## Synthesize both stages for deployment, into cdk.out
	$(call step,synthesizing both stages,(export CDK_VALIDATION=false; $(call synthesize,cdk.out,-c commit=$(COMMIT))))

.PHONY: validate
validate: bin/infra node_modules/.all ## Check the templates against the rules that come with CDK
	$(call step,validating the templates,($(call synthesize,bin/validated,-c review=true)))

.PHONY: snapshot
snapshot: bin/review/manifest.json ## Rewrite the committed templates: what a reviewer reads and make run runs
	@mkdir -p $(SNAPSHOTS) && rm -f $(SNAPSHOTS)/*.template.json && cp bin/review/*.template.json $(SNAPSHOTS)/
	@git --no-pager diff --stat -- $(SNAPSHOTS)

# BASE=main compares with the templates of that commit instead of those in the
# working tree, which is what a pull request changes.
.PHONY: diff
diff: bin/review/manifest.json ## Show what changes in AWS against the committed templates (BASE=main: those of a commit)
ifdef BASE
	@rm -rf bin/base && mkdir -p bin/base && git archive --output bin/base/all.tar $(BASE) $(SNAPSHOTS) && tar -xf bin/base/all.tar -C bin/base
endif
	@CLI="$(CDK)" infra/diff.sh bin/review $(if $(BASE),bin/base/)$(SNAPSHOTS)

# FLAGS go to `cdk deploy`, such as --require-approval never in a pipeline whose
# changes were reviewed.
STAGE ?= staging

.PHONY: deploy
deploy: synth ## Deploy STAGE=staging (or prod) with the AWS credentials of the environment
	$(CDK) deploy --app cdk.out tipstaff-$(STAGE)-data tipstaff-$(STAGE)-service $(FLAGS)
