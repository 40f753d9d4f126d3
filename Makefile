# make quick   the main job: install, run the sweep "quick", render its comparison
# make test    the tests
# make check   format, lint, types, tests: what CI runs
# make docs    write the generated pages and the schema (MEASURE=1: with timings of this machine)

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed

.PHONY: quick test check format docs clean

quick: $(INSTALLED)
	$(BIN)/cheapconv run quick
	$(BIN)/cheapconv report quick
	@echo
	@echo "The comparison:  reports/quick/index.html (a page), reports/quick/table.md (text)"
	@echo "The tracking:    $(BIN)/mlflow ui --backend-store-uri sqlite:///mlflow.db   then http://127.0.0.1:5000"

test: $(INSTALLED)
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile

check: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	mkdir -p .venv/checkout && ln -sfn "$(CURDIR)" .venv/checkout/cheapconv
	MYPYPATH=.venv/checkout $(BIN)/mypy
	$(MAKE) test

docs: $(INSTALLED)
	$(BIN)/python -m cheapconv.docs.write $(if $(MEASURE),--measure)

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) or sys.version_info >= (3, 14))' \
		|| { echo "Python 3.11 to 3.13 is needed: make PYTHON=python3.12 ..."; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	@touch $(INSTALLED)
