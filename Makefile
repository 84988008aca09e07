# Everything a person does with this project. `make` alone lists it. DATA_DIR and PORT are passed on: PORT=8001 make run
PYTHON ?= python3
BIN := .venv/bin
SOURCES := finetuning_ui runs tests manage.py
DATA ?= ../shared/data
export DATA_DIR PORT

.DEFAULT_GOAL := help
.PHONY: help install run demo doctor test check bench bench-quality fuzz format clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 15

install: .venv/installed  ## the virtual environment with everything in it

.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "Python 3.11 or newer is needed; '$(PYTHON)' is not. Install it (apt install python3) or: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "This Python cannot make virtual environments. On Debian or Ubuntu: apt install python3-venv"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing into .venv: this takes a minute or two."
	$(BIN)/python -m pip install -qq --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

run: install  ## the whole product on this machine, until Ctrl-C; keeps its data in var/ or DATA_DIR
	@exec $(BIN)/python manage.py up

demo: install  ## the main job on a real model: train, watch, compare; ends at once with ARGS=--exit
	@exec $(BIN)/python manage.py demo $(ARGS)

doctor: install  ## what is wrong with this installation, and how to mend it
	@exec $(BIN)/python manage.py doctor

test: install chromium  ## all tests, two at a time; some of them: make test ARGS="tests/app -k token"
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder $(if $(CI),--reruns 1) $(ARGS)

check: install  ## style, types, templates, who imports whom, migrations, settings, known mistakes and vulnerabilities
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/djlint templates --lint --check --quiet
	$(BIN)/lint-imports
	$(BIN)/python -W "ignore:Got an error checking a consistent migration history" manage.py makemigrations --check --dry-run
	$(BIN)/bandit -q -c pyproject.toml -r finetuning_ui runs manage.py
	@$(BIN)/python .ci/audit $(BIN)/pip-audit
	HTTPS=1 $(BIN)/python manage.py check --deploy --fail-level WARNING

bench: install  ## measure speed and memory beside other tools, as ratios within one run; make bench ARGS="--models 17m --rows mixed"
	$(BIN)/python -m tests.bench.speed --data $(DATA) $(ARGS)
	$(BIN)/python -m tests.bench.outside
	$(BIN)/python -m tests.bench.estimate
	$(BIN)/pytest tests/bench -n 0 -s

bench-quality: install  ## task scores before and after fine-tuning, on rows held out; data in DATA=../shared/data
	$(BIN)/python -m tests.bench.quality --data $(DATA) $(ARGS)

fuzz: install  ## schemathesis over the whole OpenAPI document, more than 5,000 cases; FUZZ_EXAMPLES=500 make fuzz for more
	FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-150} FUZZ_PHASES=examples,coverage,fuzzing,stateful $(BIN)/pytest tests/verification/test_schema.py -n 0 -s --timeout 3600

format: install  ## put code and templates into the house style
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/djlint templates --reformat --quiet

clean:  ## remove the virtual environment and caches; data in var/ stay
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find finetuning_ui runs tests -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: chromium
chromium:
	@command -v chromium chromium-browser google-chrome >/dev/null || .ci/chromium
