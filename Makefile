# Everything is installed into .venv and node_modules of this folder; nothing needs to run beforehand.
PYTHON ?= python3
BIN := .venv/bin
export ANSIBLE_HOME ?= $(CURDIR)/.ansible

.PHONY: help demo local drill test soak lint bench install install-test collection clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 18

demo: install ## deploy three releases on a local Cloudflare, the last one bad, and roll back
	@$(BIN)/python examples/demo.py

local: install ## a local Cloudflare with three releases, to try the playbooks on; stop it with Ctrl-C
	@$(BIN)/python examples/demo.py --stay

drill: install ## break a local environment in every way of drills/, and prove each time that it heals; SCENARIOS=short for some
	@$(BIN)/python examples/drill.py --scenarios $(or $(SCENARIOS),all)

test: install-test ## all tests
	@$(BIN)/pytest -n 2 --dist loadfile

soak: install-test ## the property and model tests at their full size, with the figures of docs/soak.md
	@$(BIN)/pytest -m soak

lint: install-test ## ansible-lint (production), ruff, mypy (strict), yamllint, and what GitHub and GitLab take
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/yamllint .
	@$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(BIN)/check-jsonschema --builtin-schema vendor.github-actions action/action.yml
	@$(BIN)/check-jsonschema --builtin-schema vendor.gitlab-ci ci/gitlab.yml
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/ansible-lint --offline

bench: install-test ## ratios against wrangler, measured in the same run
	@$(BIN)/python -m benchmarks

install: .venv/.installed node_modules/.installed
install-test: install collection .venv/.installed-test tests/contract/wrangler_current/node_modules/.installed tests/browser/node_modules/.installed

# Which Python is said here, because a venv of an older one would fail later and less clearly.
.venv/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..."; exit 1; }
	@echo "installing the Python packages"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[local]'
	@$(BIN)/python -m compileall -q plugins library knowngood local_cloudflare local_postgres
	@touch $@

.venv/.installed-test: .venv/.installed
	@echo "installing the Python packages of tests and linters"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[local,test,lint]'
	@touch $@

# Without Galaxy: PyPI's package ansible has the collection in it. Only that is taken out.
collection: .ansible/collections/.installed ## awx.awx, which awx.yml needs

.ansible/collections/.installed: awx/requirements.yml .venv/.installed
	@echo "installing the Ansible collection awx.awx"
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	  $(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --dest "$$folder" ansible==12.3.0 && \
	  $(BIN)/python -c 'import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); z.extractall(sys.argv[2], [n for n in z.namelist() if n.startswith("ansible_collections/awx/")])' \
	    "$$folder"/ansible-*.whl .ansible/collections
	@touch $@

node_modules/.installed: package-lock.json
	@node -e 'process.exit(process.versions.node.split(".")[0] >= 20 ? 0 : 1)' || { echo "Node 20 or newer is needed"; exit 1; }
	@echo "installing wrangler and workerd"
	@npm ci --no-progress --loglevel=error --ignore-scripts >/dev/null
	@touch $@

tests/contract/wrangler_current/node_modules/.installed: tests/contract/wrangler_current/package-lock.json
	@echo "installing the current wrangler, and the Node that it needs, for the contract tests"
	@npm ci --no-progress --loglevel=error --ignore-scripts --prefix tests/contract/wrangler_current >/dev/null
	@touch $@

tests/browser/node_modules/.installed: tests/browser/package-lock.json
	@echo "installing the Chromium that opens the page of the incident report in the tests"
	@npm ci --no-progress --loglevel=error --ignore-scripts --prefix tests/browser >/dev/null
	@touch $@

clean: ## remove what was installed and what runs wrote
	@rm -rf .venv node_modules tests/contract/wrangler_current/node_modules tests/browser/node_modules .local .runs .ansible .mypy_cache .ruff_cache .pytest_cache
