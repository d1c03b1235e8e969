# The commands of the house; `make help` lists them.

CARGO ?= cargo
.DEFAULT_GOAL := help
.PHONY: fetch help run cluster test test-tools lint autobahn fuzz deny fmt bench bench-density bench-fence bench-inbox load chaos requirements

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

# The unoptimised build: it is ready in half the time, it is the one that the tests have built already, and a
# demonstration on one machine needs no more. Deployments build with --release.
run: ## build, prepare ./data with demo accounts, serve on http://127.0.0.1:8080
	@mkdir -p data
	@$(CARGO) build --locked --bin livegrant
	@$(CARGO) run --quiet --locked --bin livegrant -- migrate
	@$(CARGO) run --quiet --locked --bin livegrant -- seed --demo
	@echo
	@echo "  Livegrant serves http://127.0.0.1:$${LIVEGRANT__SERVER__PORT:-8080}/ (stop with Ctrl-C)"
	@echo "  Sign in as admin, hr, manager, alice, bob or auditor; the password of all is livegrant-demo"
	@echo
	@exec $(CARGO) run --quiet --locked --bin livegrant -- serve

test: test-tools lint fetch ## everything that CI runs: tools, lints, tests on both databases, the page in a browser
	scripts/postgres.sh $(CARGO) test --workspace --locked --no-fail-fast
	scripts/autobahn.sh
	scripts/mcp-clients.sh
	scripts/browser-test.sh
	scripts/load-smoke.sh

# The test of the licences reads every package of the lock file, those of other platforms too, and without the network.
fetch: ## get every package of the lock file
	@$(CARGO) fetch --quiet --locked

test-tools: ## install what the tests need and this machine lacks
	@scripts/test-tools.sh

lint: ## formatting and clippy, without a warning
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

autobahn: ## Autobahn's WebSocket cases against the engine's transport, all of them
	scripts/autobahn.sh

fuzz: ## look for breaches of the decoder and of what tabs say (SECONDS=60 a target)
	scripts/fuzz.sh $(SECONDS)

bench-fence: ## what the fence and a check cost (release build); appends to FILE if given
	$(CARGO) bench --locked --bench fence --bench check -- $(if $(FILE),--json $(abspath $(FILE)))

bench-inbox: ## what an inbox of 100,000 notices and a broadcast to 100,000 accounts cost, on both databases (release build)
	scripts/postgres.sh $(CARGO) bench --locked --bench inbox
	target/release/livegrant-load broadcast $(PINNED) --tabs 9999 --tabs-per-account 1 --away 100000 --rounds 10

fmt: ## format the code
	$(CARGO) fmt --all

cluster: ## several nodes + PostgreSQL + Redis behind a balancer on this machine (NODES=3 BALANCER=nginx|haproxy)
	@$(CARGO) build --locked --bin livegrant
	@scripts/cluster.sh

# Building cargo-deny takes minutes and its advisories come from the internet, so it is not a part of `make test`;
# tests/tidy holds the licences there.
deny: ## licences, doubled versions, sources and advisories of the dependencies (needs the internet)
	@command -v cargo-deny >/dev/null || $(CARGO) install --locked cargo-deny
	$(CARGO) deny --locked check

# Servers on the first core and their tabs on the second, where there are two: otherwise they push each other about.
PINNED := $(shell [ "$$(nproc)" -gt 1 ] && echo "--core 0 --hand-core 1")
TABS ?= 9999

bench: ## measure the release build with thousands of tabs (TABS=9999) beside a bare writer; some minutes
	$(CARGO) build --release --locked --package livegrant --package livegrant-load
	target/release/livegrant-load all $(PINNED) --tabs $(TABS) --results loadtest/results
	@for benches in benches actors/benches; do \
		if [ -d $$benches ]; then $(CARGO) bench --locked --workspace --benches; break; fi; done

bench-density: ## memory a tab at 10,000 and 19,000 in one process and 30,000 in two
	$(CARGO) build --release --locked --package livegrant --package livegrant-load
	target/release/livegrant-load density $(PINNED) --tabs 9999 --tabs 18999 --tabs-per-account 3 --tabs-per-account 1 --results loadtest/results
	target/release/livegrant-load density $(PINNED) --tabs 30000 --servers 2 --results loadtest/results

requirements: ## which lines of the origin documents a test cites, which are not built yet, which have no test
	@scripts/requirements.py $(if $(LINES),--lines)

SCENARIO ?= smoke
CLUSTER ?=

load: ## run a k6 scenario (SCENARIO=smoke, permission-push, fanout, reconnect-storm, office-day, soak) on a server of its own, CLUSTER=3 nodes, or BASE
	CLUSTER=$(CLUSTER) scripts/load.sh $(SCENARIO)

chaos: test-tools ## break a cluster at random for MINUTES=5 and judge it; SEED=… repeats a schedule, TABS=200 a node
	SEED=$(SEED) MINUTES=$(or $(MINUTES),5) TABS=$(if $(filter command line environment,$(origin TABS)),$(TABS)) $(CARGO) test --locked --test chaos -- \
		--exact --nocapture random::nothing_is_lost_while_things_break
