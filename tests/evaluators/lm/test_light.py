import subprocess
import sys

import pytest
from diffkit_evaluators.lm import ChatConfig, LanguageModel

from diffkit import Talk, UserError


def test_options_load_without_the_libraries_that_ask():
    code = "import sys, diffkit_evaluators.lm; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"openai", "torch", "tenacity", "dotenv", "httpx"} & set(done.stdout.split())


@pytest.mark.parametrize("module", ["openai", "tenacity"])
def test_a_missing_library_names_the_extra(bench, ask, monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=r"pip install 'diffkit\[agents\]'") as raised:
        bench.model().complete(ask)
    assert module in raised.value.what


def test_a_missing_model_names_the_option():
    with pytest.raises(UserError, match="--model grader=") as raised:
        LanguageModel(ChatConfig(), "grader", Talk())
    assert "grader" in raised.value.what
