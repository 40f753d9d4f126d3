# make quick   the main job: install, run the sweep "quick", render its comparison
# make test    the tests
# make check   format, lint, types, tests
# make learns  every method is trained and beats chance: two minutes, beside `make check` in CI
# make chaos   faults against the runner, for MINUTES (5) or COUNT trials, by SEED (0): kills, disks, servers, crowds, damage
# make integration  a real MLflow server on a real PostgreSQL, killed and crowded: minutes; installs PostgreSQL if it may
# make bench   steps, their parts and a mini sweep against the loop that everybody writes, and what 10,000 cells cost
#              beside their training, kept as JSON; make bench-compare compares
# make docs    write the generated pages and the schema (MEASURE=1: with timings of this machine)
# make sbom    what is installed and under which licences: build/sbom.json (CycloneDX), build/licences.md
# make audit   known weaknesses of what is installed (asks pypi.org)
# make lock    resolve requirements.lock anew from pyproject.toml

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed
TOOLS := .venv/tools/bin
INTEGRATION := .venv/integration

.PHONY: quick test check learns types chaos integration postgresql bench bench-compare format docs sbom audit lock clean

quick: $(INSTALLED)
	$(BIN)/cheapconv run quick
	$(BIN)/cheapconv report quick
	@echo
	@echo "The comparison:  reports/quick/index.html (a page), reports/quick/table.md (text)"
	@echo "The tracking:    $(BIN)/mlflow ui --host 127.0.0.1 --backend-store-uri sqlite:///mlflow.db   then the link above"

test: $(INSTALLED)
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile

check: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(MAKE) --jobs 2 types test

learns: $(INSTALLED)
	$(BIN)/python -m pytest -m slow tests/contract/test_every_method_learns.py

types: $(INSTALLED)
	mkdir -p .venv/checkout && ln -sfn "$(CURDIR)" .venv/checkout/cheapconv
	MYPYPATH=.venv/checkout $(BIN)/mypy

chaos: $(INSTALLED)
	$(BIN)/python -m tests.chaos.campaign --seed $(or $(SEED),0) $(if $(COUNT),--count $(COUNT),--minutes $(or $(MINUTES),5))

# Its servers listen on 127.0.0.1 alone, on free ports, keep what they have in a temporary folder, and end with the tests.
integration: $(INSTALLED) $(INTEGRATION)/installed postgresql
	$(INTEGRATION)/bin/python -m pytest -m integration tests/integration

postgresql:
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || { \
		test "$$(id -u)" = 0 || { echo "PostgreSQL is needed: sudo apt-get install postgresql"; exit 2; }; \
		apt-get update --quiet && DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet postgresql; }

bench: $(INSTALLED)
	$(BIN)/python -m pytest benchmarks/test_sweep.py benchmarks/test_steps.py benchmarks/test_parts.py benchmarks/test_overheads.py \
		benchmarks/test_training_step.py --benchmark-only --benchmark-autosave

bench-compare: $(INSTALLED)
	$(BIN)/pytest-benchmark compare --group-by=fullname

docs: $(INSTALLED)
	$(BIN)/python -m cheapconv.docs.write $(if $(MEASURE),--measure)

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

sbom: $(INSTALLED) $(TOOLS)/installed
	mkdir -p build
	$(TOOLS)/cyclonedx-py environment $(BIN)/python --pyproject pyproject.toml --output-reproducible -o build/sbom.json
	$(TOOLS)/pip-licenses --python $(BIN)/python --with-urls --format markdown --output-file build/licences.md

audit: $(TOOLS)/installed
	$(TOOLS)/pip-audit --requirement requirements.lock --require-hashes --disable-pip

lock: $(TOOLS)/installed
	$(TOOLS)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
		--no-annotate --custom-compile-command "make lock" --output-file requirements.lock

clean:
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache

$(INSTALLED): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) or sys.version_info >= (3, 14))' \
		|| { echo "Python 3.11 to 3.13 is needed: make PYTHON=python3.12 ..."; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(INSTALLED)

# What only a server needs stays out of the environment that everything is measured in; the rest is seen from there.
$(INTEGRATION)/installed: $(INSTALLED)
	$(PYTHON) -m venv $(INTEGRATION)
	$(INTEGRATION)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
		psycopg2-binary==2.9.13 compose-spec==0.2.1
	$(BIN)/python -c 'import sysconfig; print("import site; site.addsitedir(%r)" % sysconfig.get_path("purelib"))' \
		> "$$($(INTEGRATION)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/checkout.pth"
	@touch $(INTEGRATION)/installed

$(TOOLS)/installed: Makefile
	$(PYTHON) -m venv .venv/tools
	$(TOOLS)/python -m pip install --quiet --disable-pip-version-check \
		cyclonedx-bom==7.5.0 pip-licenses==5.5.5 pip-audit==2.10.1 uv==0.13.9
	@touch $(TOOLS)/installed
