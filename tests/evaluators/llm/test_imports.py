import subprocess
import sys


def test_options_load_without_the_libraries_that_ask():
    code = "import sys, diffkit_evaluators.llm; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"openai", "torch", "tenacity", "dotenv", "httpx"} & set(done.stdout.split())
