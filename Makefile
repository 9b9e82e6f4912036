# Koinon: bare `make` prints the targets. Python 3.11 or newer is all that is needed.
PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3)
BIN := .venv/bin
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test faults check serve setup setup-test setup-bench setup-spark lint translations requirements clean

help: ## Print the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: setup ## Run a town's first month from nothing, then serve the site (ARGS="--no-serve --json --fresh --months 2")
	@exec $(BIN)/koinon demo $(ARGS)

test: setup-test ## Run every check and test (ARGS are given to pytest)
	@exec $(BIN)/python tools/test.py $(ARGS)

faults: setup-test ## Kill what touches a payment two hundred times and explain what was told (ARGS="--kills 50 --seed 7")
	@exec $(BIN)/python -m tests.faults $(ARGS)

lint: setup-test ## Run the formatter's, linter's and type checker's checks only
	@exec $(BIN)/python tools/test.py --lint-only

serve: setup ## Serve the site on the database under var/
	@exec $(BIN)/koinon serve $(ARGS)

check: setup ## Run every invariant of the books
	@exec $(BIN)/koinon check $(ARGS)

setup: ## Create the environment under .venv/ from the pinned requirements
	@$(PYTHON) tools/bootstrap.py run

setup-test: ## The same, with what the tests need
	@$(PYTHON) tools/bootstrap.py test

setup-bench: setup ## Add what `koinon bench payments --peer hordak` measures beside Koinon
	@exec $(BIN)/python -m pip --disable-pip-version-check install --quiet --require-hashes -r requirements/bench.txt

setup-spark: ## Add Apache Spark, and a Java of its own where the machine has none
	@$(PYTHON) tools/bootstrap.py spark

translations: setup-test ## Collect the strings of templates and code into the catalogues
	@exec $(BIN)/python tools/translations.py collect

requirements: ## Pin the requirements again, with hashes (needs uv)
	uv pip compile -q --python-version 3.11 --universal --generate-hashes --no-header --no-emit-index-url pyproject.toml -o requirements/run.txt
	uv pip compile -q --python-version 3.11 --universal --generate-hashes --no-header --no-emit-index-url --extra test -c requirements/run.txt pyproject.toml -o requirements/test.txt
	uv pip compile -q --python-version 3.11 --universal --generate-hashes --no-header --no-emit-index-url --extra bench -c requirements/run.txt pyproject.toml -o requirements/bench.txt
	uv pip compile -q --python-version 3.11 --universal --generate-hashes --no-header --no-emit-index-url --extra spark -c requirements/run.txt pyproject.toml -o requirements/spark.txt
	echo setuptools | uv pip compile -q --python-version 3.11 --universal --generate-hashes --no-header --no-emit-index-url - -o requirements/spark-build.txt

clean: ## Remove the environment and the demo's data
	rm -rf .venv var
