PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

.PHONY: setup
setup: .venv/installed ## Create .venv with cnnprof and everything that its tests need

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(INSTALL) -e '.[dev]'
	$(BIN)/python -m compileall -q cnnprof
	@touch $@

.venv/runnable:
	@test -e .venv/installed || { $(PYTHON) -m venv .venv && $(INSTALL) -e '.[torch]' && $(BIN)/python -m compileall -q cnnprof; }
	@touch $@

.PHONY: demo
demo: .venv/runnable ## Show the main job: a summary, a comparison with measured latency, a bench
	$(BIN)/cnnprof summary vgg16
	$(BIN)/cnnprof compare resnet50 mobilenet_v2 torchvision:shufflenet_v2_x1_0 --bench --quick
	$(BIN)/cnnprof bench lenet5 resnet18 mobilenet_v2 --quick --batch 1,4

.PHONY: setup-browser
setup-browser: ## Install Debian's Chromium and its driver, which the tests of pages need (as root)
	@command -v chromium >/dev/null && command -v chromedriver >/dev/null || \
		{ apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium chromium-driver >/dev/null; }

.PHONY: test
test: setup ## Run all tests, with as many workers as there are cores
	@# What is compiled of the tests is kept for the next run, whatever the shell says.
	PYTHONDONTWRITEBYTECODE= $(BIN)/pytest -n auto --dist worksteal

.PHONY: lint
lint: setup ## Check format, style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

.PHONY: bench
bench: setup ## Compare start-up time, memory and instructions with the tables of fvcore and torchinfo; time sweeps
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/sweep.py

.PHONY: bench-quality
bench-quality: setup ## Hold bench's verdicts, agreement and spread, layers and roofs to their bars (20 minutes, idle machine)
	$(BIN)/python benchmarks/quality.py

.PHONY: predict-quality
predict-quality: setup ## Hold predicted latency against measurements of networks that no calibration has seen (12 minutes, idle machine)
	$(BIN)/python benchmarks/predict_quality.py

.PHONY: random-networks
random-networks: setup ## Hold random networks (COUNT=500) against the modules that are built of them
	RANDOM_NETWORKS=$(or $(COUNT),500) $(BIN)/pytest -q -n auto tests/test_random_networks.py

.PHONY: fuzz
fuzz: setup ## Read a million mutated specs (COUNT=50000, SEED=7): each is a network, or an error that says where
	$(BIN)/python benchmarks/fuzz.py $(or $(COUNT),1000000) $(or $(SEED),0)

.PHONY: docs
docs: setup ## Run the commands in README.md and docs/ again (VARYING=--varying: those that measure, too)
	$(BIN)/python docs/regenerate.py $(VARYING)

.PHONY: crosscheck
crosscheck: setup ## Hold every accuracy of a timm checkpoint against the installed timm, SAMPLE=40 of them layer by layer; and all namesakes
	$(BIN)/python benchmarks/crosscheck_accuracies.py $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(SEED),--seed $(SEED))
	$(BIN)/python benchmarks/crosscheck_namesakes.py

.PHONY: crosscheck-memory
crosscheck-memory: setup ## Hold predicted memory against the allocator, for many networks (SAMPLE=20, ISA=avx2, BATCHES=3,8, DEVICE=cuda, RECORDED=1)
	$(BIN)/python benchmarks/crosscheck_memory.py $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(ISA),--isa $(ISA)) $(if $(BATCHES),--batches $(BATCHES)) $(if $(DEVICE),--device $(DEVICE)) $(if $(RECORDED),--recorded)

.PHONY: crosscheck-onnx
crosscheck-onnx: setup ## Hold ONNX files that torch exports against the networks themselves (SAMPLE=20, ALL=1, JOURNAL=onnx.jsonl to go on)
	$(BIN)/python benchmarks/crosscheck_onnx.py $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(ALL),--all) $(if $(JOURNAL),--journal $(JOURNAL))

.PHONY: allocator-records
allocator-records: setup ## Renew tests/data/allocator_records.csv for the instruction sets that this processor has
	$(BIN)/python benchmarks/allocator_records.py

.PHONY: clean
clean: ## Remove what the other targets made
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
