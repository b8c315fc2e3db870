# One flag set for every build and test: go-sqlite3 takes a minute to compile
# for each new one.
export CGO_CFLAGS ?= -O2 -g0 -DSQLITE_DQS=0
export CGO_ENABLED ?= 1

GO ?= go
BUILD = $(GO) build -buildvcs=auto
# Packages with goroutines of their own, tested again under the race detector.
RACE = ./shared/... ./kiosk/agent ./kiosk/bulletin ./kiosk/media ./kiosk/outbox ./kiosk/speech/... ./kiosk/printer ./kiosk/pulse ./kiosk/uplink ./kiosk/vitals ./hub/ledger ./hub/intake ./hub/vitals ./hub/accounts ./hub/chores ./hub/server

.PHONY: help build web run test install check race sim bench rehearse powercut soak fuzz mutants screens cross clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: web ## bin/kiosk, bin/hub and bin/provisioning
	@mkdir -p bin
	$(BUILD) -o bin/ ./kiosk ./hub
	CGO_ENABLED=0 $(BUILD) -o bin/ ./provisioning

web: ## the screens' pages and the clips they are read aloud with, for embedding
	$(GO) run ./shared/look/bundle
	$(GO) run ./kiosk/speech/clips

ARCHIVE ?=
run: build ## a hub and an enrolled kiosk on this machine, with sample data; ARCHIVE=s3 archives to a real S3 server
	@if [ "$(ARCHIVE)" = s3 ]; then cd hub/archive/s3server && CGO_ENABLED=0 $(GO) build -o $(CURDIR)/bin/ .; fi
	@$(GO) build -o bin/demo ./provisioning/demo && exec bin/demo --bin bin --data data --archive "$(ARCHIVE)"

# The longest two go first, so that neither is left to run alone at the end.
test: install build check ## every test; installs what is missing first
	$(GO) test -count=1 -p 2 -timeout 25m ./provisioning/rehearsal ./kiosk/screen ./...
	$(MAKE) sim
	$(MAKE) race

install:
	.ci/install

check: ## formatting, vet and the house rules
	@unformatted=$$(gofmt -l kiosk hub shared provisioning); if [ -n "$$unformatted" ]; then echo "run gofmt -w on:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) test -count=1 ./shared/houserules

race: ## the concurrent packages under the race detector
	$(GO) test -race -short -count=1 -p 2 -timeout 12m $(RACE)

SEED ?= 0
N ?= 0
sim: ## the delivery simulator for a minute per core; SEED=n N=1 repeats one run
	$(GO) test ./shared/courier -count=1 -v -run 'TestSimulate$$' -timeout 10m -sim.time=60s -sim.seed=$(SEED) -sim.n=$(N)

bench: ## benchmarks, as ratios to a limit measured in the same run
	$(GO) test -run xxx -bench . -benchtime 2s ./shared/wire ./kiosk/outbox ./kiosk/screen ./hub/ledger ./provisioning/rehearsal

T ?= 1m
fuzz: ## every fuzz target for T each (default 1m)
	.ci/fuzz $(T)

KIOSKS ?= 20
DAYS ?= 7
rehearse: ## a whole ward in one process: KIOSKS= DAYS= SEED=
	$(GO) test ./provisioning/rehearsal -count=1 -v -run TestWard -timeout 2h -kiosks=$(KIOSKS) -days=$(DAYS) -seed=$(SEED)

CUTS ?= $(if $(filter-out 0,$(N)),$(N),20000)
powercut: ## power cuts of outbox and ledger: N= states each
	$(GO) test ./kiosk/outbox ./hub/ledger -count=1 -v -run PowerCut -timeout 4h -powercut.n=$(CUTS)

H ?= 1
soak: ## real processes killed at random for H hours
	$(GO) test ./provisioning/rehearsal -count=1 -v -run TestKilled -timeout 48h -soak=$(H)h

mutants: ## every planted fault must be caught
	$(GO) test ./shared/courier -count=1 -v -run Mutants -timeout 30m -mutants

screens: build ## pictures of every screen, into .screens/, and every errand on every panel, in every mode and language
	$(GO) test ./kiosk/screen ./hub/console -count=1 -timeout 4h -run 'Test(Screens|EveryErrand)$$' -screens $(CURDIR)/.screens

cross: ## what must also compile: kiosk on ARM needs a cross gcc, provisioning on Windows needs none
	CGO_ENABLED=0 GOOS=windows $(GO) build -o /dev/null ./provisioning

clean: ## remove what the build made; keeps data/
	rm -rf bin kiosk/screen/dist/* kiosk/speech/dist/* hub/console/dist/*
