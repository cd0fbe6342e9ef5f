# Everything a contributor runs. Each target sets up what it needs; `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
KUBEBUILDER_ASSETS ?= $(CURDIR)/hack/bin
GO ?= go
# The real control plane: Kubernetes 1.36.3 as Go tools of hack/tools (see DESIGN in docs/architecture.md).
KUBERNETES_VERSION := 1.36.3
CONTROL_PLANE := hack/bin/etcd hack/bin/kube-apiserver hack/bin/kube-controller-manager

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format generate check-generated bench lock control-plane parity clean

help: ## show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  \033[36m%-16s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.installed ## make .venv from the lock file

$(VENV)/.installed: requirements/dev.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing locked dependencies into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup ## a dev cluster, the operator and a VMDistributed rolled over two zones, in under a minute
	@$(BIN)/vmop demo

test: setup ## all tests that need only Python, with coverage
	@$(BIN)/python -m pytest --cov --cov-report=term

lint: setup ## formatting, lint, types, import rules
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: setup ## rewrite the code as ruff wants it
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

generate: setup ## CRDs, RBAC and generated documentation, from the code
	@$(BIN)/python -m hack.generate

check-generated: setup ## fail where generated files are stale
	@$(BIN)/python -m hack.generate --check

bench: setup ## memory and speed of store, watch and queue; start-up time
	@$(BIN)/python -m benchmarks.run

control-plane: ## build the real etcd, kube-apiserver and kube-controller-manager into hack/bin (needs Go)
	@test "$(KUBEBUILDER_ASSETS)" != "$(CURDIR)/hack/bin" || $(MAKE) --no-print-directory $(CONTROL_PLANE)

LDFLAGS := -s -w -X k8s.io/component-base/version.gitVersion=v$(KUBERNETES_VERSION) \
	-X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36

# The recorded cases of the Go operator, in a network namespace of its own; needs root and iproute2.
PARITY ?= ../shared/parity
ONLY ?= ^vmdistributed-minimal$$

parity: setup control-plane ## compare with what the Go operator made of the same manifests: make parity ONLY='^vmcluster-'
	@VM_PODWAITREADYINTERVALCHECK=1s VM_PVC_WAIT_READY_INTERVAL=1s KUBEBUILDER_ASSETS=$(KUBEBUILDER_ASSETS) \
		$(BIN)/python $(PARITY)/rig.py up "$$(mktemp -d)/rig" -- $(BIN)/python $(PARITY)/parity.py check \
		$(PARITY)/cases --crds config/crd --only '$(ONLY)' --show 3 -- $(BIN)/vmop operator

hack/bin/kube-%: hack/tools/go.mod hack/tools/go.sum
	cd hack/tools && $(GO) build -ldflags "$(LDFLAGS)" -o ../bin/kube-$* k8s.io/kubernetes/cmd/kube-$*

hack/bin/etcd: hack/tools/go.mod hack/tools/go.sum
	cd hack/tools && $(GO) build -ldflags "-s -w" -o ../bin/etcd go.etcd.io/etcd/server/v3

lock: setup ## resolve the lock files anew
	@cd $(CURDIR) && $(BIN)/pip-compile --quiet --upgrade --allow-unsafe --strip-extras --generate-hashes \
		--no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
		--output-file=requirements/runtime.txt pyproject.toml
	@$(BIN)/pip-compile --quiet --upgrade --allow-unsafe --strip-extras --generate-hashes \
		--no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
		--constraint=requirements/runtime.txt --output-file=requirements/dev.txt pyproject.toml requirements/dev.in

clean: ## remove what the targets made, except the control plane
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.* .vmop
