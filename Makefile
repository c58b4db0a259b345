# The command surface. `make demo` and `make test` work as the very first command: they make the virtual environment themselves.
PYTHON ?= python3
VENV   := .venv
PY     := $(VENV)/bin/python
READY  := $(VENV)/.ready

.PHONY: setup demo up check test proof bench smoke clean requirements tracker app mail

setup: $(READY)

$(READY): requirements/uv.txt requirements/dev.txt pyproject.toml
	@echo "== making $(VENV) (once; downloads about 250 MB) =="
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Skvoz needs Python 3.11 or newer; this is " + sys.version)'
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install --quiet --require-hashes -r requirements/uv.txt
	@$(VENV)/bin/uv pip install --python $(PY) --require-hashes -r requirements/dev.txt
	@$(VENV)/bin/uv pip install --quiet --python $(PY) --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY)   ## a month of a fictional shop through the real endpoints, then the report: out/demo/
	@$(PY) -m infra.cli demo --out out/demo

up: $(READY)     ## the same stack, kept running; options: make up UP="--language en --port 18080 --shop-port 18081"
	@$(PY) -m infra.cli up $(UP)

check: $(READY)  ## ruff, mypy, template
	@$(PY) -m ruff check . && $(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(PY) -m infra.template

test: $(READY)   ## everything but the long proofs, two files at a time; about 17 minutes
	@$(PY) -m pytest -m "not proof" -n 2 --dist loadfile

proof: $(READY)  ## engines, concurrency, faults; needs a JDK; at most 30 minutes
	@$(PY) -m pytest -m "proof"

bench: $(READY)  ## figures of the budgets: out/bench.json
	@$(PY) -m tests.bench --out out/bench.json

smoke: $(READY)  ## a stage's own Athena is shown every statement: make smoke STAGE=test (needs AWS credentials, costs less than a cent)
	@$(PY) -m infra.smoke --stage "$(STAGE)" --stack "$(STACK)"

tracker:         ## the tracker from its TypeScript (Node 18 or newer): functions/collect/tracker/*.js
	@cd functions/collect/tracker && npm ci --ignore-scripts --no-fund --no-audit && npm run --silent check && npm run --silent build

app:             ## the report page's app from its TypeScript (Node 18 or newer): functions/report/app/report.js
	@cd functions/report/app && npm ci --ignore-scripts --no-fund --no-audit && npm run --silent check && npm run --silent build

mail: $(READY)    ## the mail's skeleton from its MJML: functions/report/templates/mail.html.j2
	@$(PY) -m infra.build.mail

requirements: $(READY)  ## pins again from requirements/*.in
	@$(PY) -m infra.build pin

clean:
	rm -rf out build .aws-sam

include infra/build/functions.mk
