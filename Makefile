# `make help` lists the targets; each does the set-up it needs and nothing twice.
PY := .venv/bin/python
STAMP := .venv/.setup
SHELL := /bin/bash
# ICHOR_IMAGE_KEY: a release key's file; FLAVOUR: cloud or server; SOURCE_DATE_EPOCH: another build date than the lock's
IMAGE := $(PY) -m core.cli.image
.DEFAULT_GOAL := help
.PHONY: help setup build check test test-slow bench debug fuzz fixtures docs picture image lock up vm cluster down clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## install what this machine lacks: system packages and .venv
$(STAMP): pyproject.toml .ci/packages .ci/setup
	@.ci/setup
	@touch $@

build: setup build/.protos build/.native ## compile the native units, the programs and the .proto files in place

build/.protos: $(STAMP) $(shell find core/rpc/pb -name '*.proto')
	@mkdir -p build
	@$(PY) -m grpc_tools.protoc -I. --python_out=. --pyi_out=. $(filter %.proto,$^)
	@touch $@

build/.native: $(STAMP) setup.py $(shell find ext -type f ! -name '*.so' ! -name '*.o' ! -name '*.pyc')
	@mkdir -p build
	@$(PY) setup.py -q build_ext --inplace build_programs
	@touch $@

check: build ## ruff, mypy --strict, stubtest, import contract, tree rules
	@.venv/bin/ruff check . && .venv/bin/ruff format --check .
	@.venv/bin/mypy
	@$(PY) -m mypy.stubtest --mypy-config-file pyproject.toml $$(cd ext && ls */*.pyi | sed 's|/|.|;s|\.pyi$$||;s|^|ext.|' | tr '\n' ' ')
	@.venv/bin/lint-imports

test: check ## everything not marked slow
	@$(PY) -m pytest -m "not slow"

test-slow: build ## long runs: QEMU, kill loops, soaks, long fuzzing; writes docs/results.md
	@$(PY) -m pytest -m slow --results=docs/results.md

debug: build ## the native units' suites under ASan and UBSan; live objects, descriptors and the heap end as they began
	@$(PY) -m tests.debug $(SUITES)

bench: image ## measure against the budgets, into docs/; SUITES="boot rpc" for some, BASE=COMMIT beside its tree
	@$(PY) -m benchmarks $(if $(BASE),--base $(BASE)) $(SUITES)

fuzz: build ## every fuzz target for FUZZ_S seconds (default 60), two at a time
	@nice $(PY) -m tests.fuzz $(or $(FUZZ_S),60)

fixtures: build ## build a real Kubernetes from Debian's source and its images into the cache: ten minutes, once
	@$(PY) -m tests.support.fixtures

docs: build ## write what is made from the code and the last measurements: docs/{config,api,compat}.md, docs/bench.svg
	@$(PY) -m core.cli.reference > docs/config.md.new && mv docs/config.md.new docs/config.md
	@$(PY) -m tests.support.apipage > docs/api.md.new && mv docs/api.md.new docs/api.md
	@$(PY) -m tests.support.compatpage > docs/compat.md.new && mv docs/compat.md.new docs/compat.md
	@$(PY) -m benchmarks.picture docs/bench.json docs/bench.svg

picture: build ## draw docs/dashboard.svg: the dashboard before two container nodes, made for it and taken away
	@$(PY) -m tests.support.screenshot docs/dashboard.svg

image: build ## build the signed image, its kernel and initramfs into _out
	@$(IMAGE) build

lock: build ## resolve image.lock anew from what the mirror and the package index offer now
	@$(IMAGE) lock

up: build ## set up, build, boot one container node, configure it and wait until it is healthy
	@$(IMAGE) build --relock
	@.venv/bin/ichorctl cluster create --name ichor --standalone

vm: build ## the same node on QEMU, with a disk and a kernel of its own
	@$(IMAGE) build --relock
	@.venv/bin/ichorctl cluster create --name ichor-vm --provisioner qemu --standalone

cluster: build ## a Kubernetes of three control planes and a worker; its images are the fixtures where no registry answers
	@$(IMAGE) build --relock
	@flags=$$($(PY) -m tests.support.fixtures offer) && \
	.venv/bin/ichorctl cluster create --name ichor-kube --controlplanes 3 --workers 1 $$flags

down: build ## remove the clusters that `up`, `vm` and `cluster` made
	@for name in ichor ichor-vm ichor-kube; do .venv/bin/ichorctl cluster destroy --name $$name --if-exists || exit; done

clean: ## remove what the build made in the tree (caches outside it stay)
	@git clean -fdXq -e '!.venv' -e '!.venv/**'
