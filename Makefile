# Everything lives in .venv; “make demo” and “make test” set it up by themselves.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test soak fuzz serve lint snapshots messages docs gallery format bench bundle lock judges dynamodb clean

demo: $(READY)
	@$(BIN)/cis-mcp demo

# Each file of tests in one process, the longest files first (tests/conftest.py), two processes for each core.
# What is compiled is kept, whatever the environment says: hundreds of tests start processes that would compile it all anew.
test: $(READY)
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --workers auto

# All tests at their full length: twenty kills in a campaign of 5,000, leases that run out by themselves, every
# hostile mail and every example.
soak: $(READY)
	PYTHONDONTWRITEBYTECODE= CIS_SOAK=1 $(BIN)/python -m pytest --workers auto

# Ten minutes each of random mails, calendars and lists, in processes with limits; needs atheris (pip install atheris).
fuzz: $(READY)
	$(BIN)/python -m tests.fuzz.fuzz_mail -max_total_time=600
	$(BIN)/python -m tests.fuzz.fuzz_calendar -max_total_time=600
	$(BIN)/python -m tests.fuzz.fuzz_lists -max_total_time=600
	$(BIN)/python -m tests.fuzz.fuzz_senders -max_total_time=600

serve: $(READY)
	$(BIN)/cis-mcp serve --http 127.0.0.1:8000 --no-auth

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Writes the golden copies of the tools' schemas anew; look at the difference before you commit it.
snapshots: $(READY)
	$(BIN)/python -m tests.tools.golden

# Brings the catalogs of all languages up to date with what the code says (docs/languages.md).
messages: $(READY)
	@$(BIN)/python -m tests.locale.catalogs

# Writes docs/tools.md, llms.txt, the first answers over stdio and the tables of a new database anew from the code.
docs: $(READY)
	$(BIN)/python -m engine.store.sqlite.migrating
	$(BIN)/python -m cis_mcp.manual.write

# Takes the pictures in docs anew; needs Chromium (make judges).
gallery: $(READY)
	$(BIN)/python -m tests.apps.gallery
	$(BIN)/python -m tests.web.gallery

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)
	$(BIN)/python -m bench

# The one-click bundle for Claude Desktop: dist/cis-mcp.mcpb.
bundle: $(READY)
	$(BIN)/python -m bundle.build

# The store's contract, and engines that do what users ask, on an emulator of DynamoDB (make judges): commands, bounds, search, mail in,
# pages, triggers, webhooks, REST and the console; tests/judges/test_dynamodb_*.py have campaigns, faults, forgetting and moving. Of each
# face it has the files that change most. It leaves out what other processes read of a file (tests/cli, digests, the commands of bounds),
# what looks into SQLite's tables (uploads, forgetting), what takes the emulator minutes (lists of thousands, a whole season at once), and
# the faces that see the engine alone (tests/tools, tests/resources, tests/http).
ON_DYNAMODB := $(addprefix tests/commands/test_,events.py instances.py invites.py receipts.py campaigns.py operators.py keys.py timing.py) tests/bounds/test_bounds.py tests/search/test_search.py \
	tests/inbox/test_create.py tests/inbox/test_rsvp.py tests/pages/test_sending.py tests/pages/test_places.py tests/triggers/test_deliveries.py \
	tests/triggers/test_here.py tests/webhooks/test_posting.py tests/rest/test_events.py tests/console/test_events.py tests/console/test_lists.py
dynamodb: $(READY)
	CIS_JUDGES=required CIS_DYNAMODB=store $(BIN)/python -m pytest --workers auto -k dynamodb tests/store
	CIS_JUDGES=required CIS_DYNAMODB=engines $(BIN)/python -m pytest --workers auto -k "not thousand and not large and not a_season_goes" $(ON_DYNAMODB)

# Installs what judges the tests: libical, ical.js, postfix, dovecot, Chromium, axe-core, html-validate, the MCP conformance suite and
# Inspector (needs apt and npm).
judges:
	bash tests/judges/install.sh

# Writes the locks anew from pyproject.toml.
lock: $(READY)
	$(BIN)/python -m pip install -q pip-tools
	$(BIN)/pip-compile -q --upgrade --strip-extras --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options --extra lambda -o requirements.lock pyproject.toml
	echo 'pyarrow>=26' | $(BIN)/pip-compile -q --upgrade --strip-extras --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options -o requirements-parquet.lock -
	$(BIN)/pip-compile -q --strip-extras --allow-unsafe --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options --extra dev -c requirements.lock -o requirements-dev.lock pyproject.toml

# What is installed is compiled here, whatever the environment says: done later, that may warn, which fails a test.
$(READY): pyproject.toml requirements-dev.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=…")'
	@test -d .venv || $(PYTHON) -m venv .venv
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

clean:
	rm -rf .venv .judges .mypy_cache .ruff_cache .pytest_cache
