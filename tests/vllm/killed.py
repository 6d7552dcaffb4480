"""Starts an engine, says which processes that made, and is killed."""

import os
import signal
import sys
from pathlib import Path

import psutil

if __name__ == "__main__":
    from diffkit_evaluators.generators.config import VLLMConfig
    from diffkit_evaluators.generators.engine_pool import EngineKey
    from diffkit_evaluators.generators.vllm_engine import Engine

    folder = Path(sys.argv[1])
    engine = Engine(EngineKey(folder, "float32", True, VLLMConfig(enforce_eager=True)), folder)
    children = psutil.Process().children(recursive=True)
    Path(sys.argv[2]).write_text(" ".join(str(child.pid) for child in children))
    os.kill(os.getpid(), signal.SIGKILL)
