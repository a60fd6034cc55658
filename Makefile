# Each target sets up what it needs; under CI=true a missing piece fails.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

GOLANGCI_VERSION := 2.15.0
GOLANGCI := bin/golangci-lint-$(GOLANGCI_VERSION)
VERSITYGW_VERSION := 1.8.0
VERSITYGW := bin/versitygw-$(VERSITYGW_VERSION)/versitygw
FUZZTIME ?= 10s
RECORDS ?= 300000
HISTORIES ?= 1000
JSFORCE := engine/simorg/testdata/jsforce
SFCORE := engine/simorg/testdata/sfcore
CLIENTS := server/testdata/clients
# Without the clouds' drivers, three quarters of what is linked.
LEAN := -tags nocloud
BRIEF := grep -Ev '^ *(===|--- PASS)'
GENERATED := ent graph
export PATH := $(CURDIR)/$(dir $(VERSITYGW)):$(PATH)

# need PROGRAM,DEBIAN PACKAGE,WHAT TO DO ELSEWHERE: installs it as root on Debian; CI fails without it.
define need
if ! { $(1); } >/dev/null 2>&1; then \
  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
    echo "make: installing Debian's $(2)"; \
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(2) >/dev/null; \
  else echo "make: $(3)" >&2; [ -z "$${CI:-}" ]; fi; \
fi
endef

.PHONY: help
help:
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# -- every day

.PHONY: demo
demo: ## a server, a simulated org with data and history, its record page with Time Machine: prints addresses and a login
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory lwc/harness/dist/index.html; \
	else echo "make: without Node 20 or later (npm) the demo has no record page"; fi
	go run $(LEAN) ./server demo

.PHONY: run
run: ## the server alone, with what it keeps in ./data
	go run ./server

.PHONY: test
test: go lwc e2e ## every test, on SQLite and PostgreSQL, Time Machine's in Chromium too

.PHONY: go
go: postgresql clients $(VERSITYGW) ## the tests in Go alone
	go test $(LEAN) -timeout 20m ./...

.PHONY: lwc
lwc: node java ## Time Machine's gates that need no browser, each proved on a planted fault
	lwc/check.sh

.PHONY: e2e
e2e: chromium lwc/node_modules/.package-lock.json ## Time Machine in Chromium, on a real server; RECORDS=1000000 measures it in an org of that size
	go build $(LEAN) -o bin/holdfast ./server
	cd lwc && npm run --silent e2e

.PHONY: scenarios
scenarios: postgresql ## the feature table, played through GraphQL
	go test $(LEAN) -count=1 -run '^TestScenarios$$' -v ./server | $(BRIEF)

# -short leaves out the test that kills processes, which the detector cannot see into;
# the vault's crashes and the random histories are on SQLite.
.PHONY: race
race: postgresql clients $(VERSITYGW) ## the race detector, on PostgreSQL (SQLite in pure Go is 30 times slower under it)
	go test $(LEAN) -race -short -shuffle=on -timeout 20m -skip '^Test(Crash|RandomHistories)$$|/^SQLite$$|//^SQLite$$' ./...

.PHONY: smoke
smoke: ## the main job end to end, in under a minute
	@go run $(LEAN) ./server smoke

.PHONY: conformance
conformance: $(JSFORCE)/node_modules/.package-lock.json $(SFCORE)/node_modules/.package-lock.json ## other people's clients against the simulated org
	HOLDFAST_CONFORMANCE=1 go test -count=1 -run '^TestConformance' -v ./engine/simorg

.PHONY: bench
bench: postgresql $(JSFORCE)/node_modules/.package-lock.json ## figures of a whole backup, the client, Time Machine, the queue and SOQL: name value unit ratio
	@go run $(LEAN) ./server/bench
	@go run $(LEAN) ./server/bench -whole -records 1000000
	@go run $(LEAN) ./server/bench -time-machine -records 1000000
	@go test -run '^$$' -bench . ./engine/salesforce ./engine/job ./engine/soql | awk ' \
		/^(FAIL|---|panic)/ { print; failed = 1 } \
		/^Benchmark/ { for (i = 3; i < NF; i += 2) { print $$1, $$i, $$(i+1); if ($$(i+1) == "MB/s") rate[$$1] = $$i } } \
		END { for (b in rate) if (b ~ /ReadBulk/) { curl = b; sub("ReadBulk", "CurlGzip", curl); \
			printf "%s %s MB/s ratio=%.2f (of curl | gzip -d)\n", b, rate[b], rate[b] / rate[curl] }; exit failed }'

.PHONY: bench-vault
bench-vault: ## figures of the vault: name value unit ratio
	@go run ./engine/vault/bench

.PHONY: fuzz
fuzz: ## fuzz everything that parses, each for FUZZTIME
	@grep -rl --include='*_test.go' --exclude-dir=node_modules '^func Fuzz' engine graph server | sort | while read -r file; do \
		for name in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$$file"); do \
			echo "$$name"; go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "./$$(dirname "$$file")"; \
		done; done

.PHONY: soak
soak: postgresql ## hours of chance: a year of RECORDS in the vault, HISTORIES of orgs, many kills, long fuzzing
	HOLDFAST_SOAK=$(RECORDS) go test -count=1 -timeout 0 -run '^TestYear$$' -v ./engine/vault
	HOLDFAST_SOAK=$(HISTORIES) go test $(LEAN) -count=1 -timeout 0 -run '^TestRandomHistories$$' -v ./server | $(BRIEF)
	HOLDFAST_KILLS=all go test $(LEAN) -count=10 -timeout 0 -run 'Kill|^TestCrash$$' ./engine/vault ./engine/job ./server
	$(MAKE) fuzz FUZZTIME=10m

.PHONY: year
year: ## a year of daily backups of an org of RECORDS in 50 SObjects, compared day by day with what the org held
	HOLDFAST_YEAR=$(RECORDS) go test $(LEAN) -count=1 -timeout 0 -run '^TestYearOfBackups$$' -v ./server | $(BRIEF)

.PHONY: generate
generate: ## ent and gqlgen write their Go
	go run ent/entc.go
	go tool gqlgen generate

.PHONY: migrations
migrations: postgresql ## write the migrations that ent/schema needs: NAME=what_changed
	cd ent/database && go run ./diff -name $(or $(NAME),change)

.PHONY: fmt
fmt: $(GOLANGCI) ## format the Go code
	$(GOLANGCI) fmt

.PHONY: lint
lint: $(GOLANGCI) ## lint, and who may import whom
	$(GOLANGCI) run

.PHONY: check
check: generated formatted lint built race conformance smoke test ## what CI runs

.PHONY: clean
clean: ## remove what make built or installed here
	rm -rf bin dist {$(JSFORCE),$(SFCORE),$(CLIENTS),lwc}/node_modules lwc/{coverage,package,harness/dist,harness/shots}

# -- pieces

.PHONY: generated
generated: # the generators change nothing (whatever else is uncommitted)
	@state() { { git diff HEAD -- $(GENERATED); git ls-files -o --exclude-standard $(GENERATED) | xargs -r sha256sum; } | sha256sum; }; \
	before=$$(state); $(MAKE) generate; \
	[ "$$before" = "$$(state)" ] || { echo "make: the generated code was not up to date; commit what make generate wrote" >&2; git status --short -- $(GENERATED); exit 1; }

.PHONY: formatted
formatted: $(GOLANGCI)
	@$(GOLANGCI) fmt --diff || { echo "make: run make fmt" >&2; exit 1; }

.PHONY: built
built: # with the clouds' drivers, which no other target links
	go build ./...

.PHONY: postgresql
postgresql:
	@$(call need,command -v postgres || ls /usr/lib/postgresql/*/bin/postgres,postgresql,PostgreSQL's server (postgres and initdb) is not installed; its tests will be skipped)

.PHONY: node
node:
	@$(call need,command -v npm,nodejs npm,install Node 20 or later)

.PHONY: java
java:
	@$(call need,command -v java,default-jre-headless,Java is not installed; Apex types and PMD will not be checked)

.PHONY: chromium
chromium:
	@$(call need,test -x "$${CHROMIUM:-/usr/bin/chromium}",chromium,Chromium is not installed or CHROMIUM does not name it)

.PHONY: clients
clients: $(CLIENTS)/node_modules/.package-lock.json

%/node_modules/.package-lock.json: %/package-lock.json | node
	cd $* && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# Salesforce's terms let it be built where it is used; it is neither committed nor released.
lwc/harness/dist/index.html: lwc/node_modules/.package-lock.json $(shell find lwc/force-app/main lwc/harness/src lwc/harness/shims -type f) lwc/harness/build.mjs
	cd lwc && npm run --silent harness:build

$(GOLANGCI):
	@echo "make: building golangci-lint $(GOLANGCI_VERSION), once"
	GOBIN=$(CURDIR)/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v$(GOLANGCI_VERSION)
	@mv bin/golangci-lint $@

$(VERSITYGW):
	@echo "make: building versitygw $(VERSITYGW_VERSION), the S3 server of the vault's tests, once"
	GOBIN=$(CURDIR)/$(@D) go install github.com/versity/versitygw/cmd/versitygw@v$(VERSITYGW_VERSION)
