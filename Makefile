# Opora: `make run` tries it, `make test` proves it; `make` alone lists the rest.
.DEFAULT_GOAL := help
.PHONY: help run build assets test check bench docs clean

# Packages whose tests run under the race detector: those with goroutines of their own.
RACE := $(wildcard internal/jobs internal/testkit workflows/schedule auth/directory web)
TEST_FLAGS ?= -timeout 12m

REVISION := $(shell git describe --always --dirty 2>/dev/null)
ASSETS := $(shell find web/assets tools/assets templates -type f 2>/dev/null)
PACKAGES = $(shell go list ./... | grep -v /node_modules/)
RACE_PACKAGES = $(addprefix opora/,$(RACE))

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 10

run: ## install what lacks, build, and start the demo company on http://127.0.0.1:8080
	tools/ensure.sh run
	$(MAKE) --no-print-directory build
	bin/opora demo

build: assets ## build bin/opora with its assets
	go build -buildvcs=false -trimpath -ldflags "-s -w -X main.revision=$(REVISION)" -o bin/opora ./cmd/opora

assets: web/static/dist/manifest.json ## bundle scripts, styles and icons out of npm's packages

web/static/dist/manifest.json: node_modules/.package-lock.json $(ASSETS)
	go run ./tools/assets

node_modules/.package-lock.json: package.json package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

test: ## install what the tests need and run all of them
	tools/ensure.sh test
	$(MAKE) --no-print-directory assets
	@status=0; \
	echo go test -race $(RACE); go test -p 2 $(TEST_FLAGS) -race $(RACE_PACKAGES) || status=1; \
	echo go test, the rest; go test -p 2 $(TEST_FLAGS) $(filter-out $(RACE_PACKAGES),$(PACKAGES)) || status=1; \
	exit $$status

check: ## formatting, go vet and the linters
	@unformatted=$$(git ls-files -co --exclude-standard '*.go' | xargs gofmt -l); \
	if [ -n "$$unformatted" ]; then echo "gofmt -w these:"; echo "$$unformatted"; exit 1; fi
	go vet $(PACKAGES)
	go tool -modfile=tools.mod golangci-lint run

bench: build ## measure against the limits; one JSON line for each figure
	go run ./tools/bench

docs: ## write the generated pages of docs/
	go run ./tools/docs

clean: ## remove what was built; the data in var/ stays
	rm -rf bin node_modules
	find web/static/dist -type f ! -name placeholder.txt -delete
