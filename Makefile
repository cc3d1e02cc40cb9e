# Every command brings its own uv and its own virtual environment, so that a fresh clone needs Python and make alone.
UV_HOME := build/uv
UV      := $(shell command -v uv || echo $(UV_HOME)/bin/uv)
PY      := .venv/bin/python
SYNCED  := .venv/.synced

# scikit-learn's threads spin while they wait for each other, and starve whatever else runs.
export OMP_WAIT_POLICY := PASSIVE

.PHONY: demo test lint format bench bench-batch bench-train bench-webhook chaos-crm chaos-decisions quality compare load overload soak clean

$(UV_HOME)/bin/uv:
	python3 -m venv $(UV_HOME)
	$(UV_HOME)/bin/pip install --quiet uv

$(SYNCED): uv.lock pyproject.toml | $(filter $(UV_HOME)/bin/uv,$(UV))
	$(UV) sync --frozen --all-extras --all-groups --quiet
	@touch $@

demo: $(SYNCED)  ## train on the sample book, start store and service, score sample leads, keep serving
	@exec $(PY) -m scripts.demo

test: $(SYNCED)  ## all tests
	$(PY) -m pytest

lint: $(SYNCED)  ## the static checks
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

format: $(SYNCED)  ## mend what ruff can mend
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

bench: $(SYNCED)  ## the cost of one assessment in process, written to build/bench.json
	$(PY) -m tests.bench.assess

bench-batch: $(SYNCED)  ## rows a second of `training score` beside the prototype's graph, and its memory, written to build/bench-batch.json
	$(PY) -m tests.bench.batch

bench-train: $(SYNCED)  ## time and memory of fits, the sample's and one of 1,000,000 customers, written to build/bench-train.json
	$(PY) -m tests.bench.train

bench-webhook: $(SYNCED)  ## what verifying a webhook costs, and from one to its write-back at 100 events a second, written to build/verify.json and webhook.json
	$(PY) -m tests.bench.verify
	$(PY) -m tests.bench.webhook

chaos-crm: $(SYNCED)  ## 2,000 CRM events while everything is killed at random, three seeds, written to build/chaos-crm.json
	$(PY) -m tests.chaos.crm

chaos-decisions: $(SYNCED)  ## 1,000 decisions while the service is killed ten times, on SQLite and PostgreSQL, written to build/chaos-decisions.json
	$(PY) -m tests.chaos.decisions

quality: $(SYNCED)  ## model quality on the frozen Telco protocol, written to build/quality.json, calibration.json, peers.json and reasons.json
	$(PY) -m tests.quality.telco
	$(PY) -m tests.quality.peers
	$(PY) -m tests.quality.reasons

compare: $(SYNCED)  ## side by side with other stacks, on one core each, written to build/compare.json; PEERS=bentoml,mlserver and WIDE=1 add rows
	UV=$(UV) $(PY) -m loadtest.compare $(addprefix --peers ,$(PEERS)) $(if $(WIDE),--wide)

load: $(SYNCED)  ## a CRM's day in two minutes, held to loadtest/budgets.toml, written to build/load.json and load.html
	$(PY) -m loadtest.load

overload: $(SYNCED)  ## twice and four times what one core can answer, and hostile clients, written to build/overload.json
	$(PY) -m loadtest.overload

soak: $(SYNCED)  ## memory over 1,000,000 requests of every kind, written to build/soak.json and soak.svg
	$(PY) -m loadtest.soak

clean:
	rm -rf build .venv
