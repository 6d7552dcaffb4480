import subprocess
import sys

import pytest
from diffkit_evaluators.generators import SPECS

from diffkit import GeneratorBackend
from diffkit.errors import MissingExtra
from diffkit.registry.plugin_host import load_plugins
from diffkit.testing.options import assert_options_conform


def test_all_three_are_registered():
    assert [entry.spec.name for entry in load_plugins().generators] == [
        "remote",
        "transformers",
        "vllm",
    ]


@pytest.mark.parametrize("name", ["transformers", "remote"])
def test_backends_are_made_without_arguments(name):
    assert isinstance(load_plugins().generators[name].load(), GeneratorBackend)


def test_without_vllm_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "vllm", None)
    for module in [name for name in sys.modules if "generators.vllm" in name]:
        monkeypatch.delitem(sys.modules, module)
    with pytest.raises(MissingExtra, match=r"diffkit\[vllm\]"):
        load_plugins().generators["vllm"].load()


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_options_have_words_and_bounds(spec):
    assert_options_conform(spec)


def test_registration_and_options_import_nothing_heavy():
    code = (
        "import sys; from diffkit_evaluators.generators import SPECS;"
        "[spec.load_config() for spec in SPECS]; print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "transformers", "vllm", "openai"} & set(done.stdout.split())
