"""Tiny pairs, and small plugins installed the way pip would leave them."""

from textwrap import dedent

import pytest
import torch

from diffkit import Source, load_pair
from diffkit.organism import FullModel

METHOD = """
from diffkit import Spec, hookimpl

@hookimpl
def register_methods(register):
    register(Spec({name!r}, "A test", 1, "{module}:Options", "{module}:Method"))
"""


@pytest.fixture(scope="session")
def resized_pair(tiny_folder, tmp_path_factory):
    """A full finetune with tokens that the base lacks, and almost all probability on them."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = tmp_path_factory.mktemp("resized")
    model = AutoModelForCausalLM.from_pretrained(tiny_folder / "base")
    tokenizer = AutoTokenizer.from_pretrained(tiny_folder / "base")
    tokenizer.add_tokens(["<|new|>", "<|newer|>"])
    model.resize_token_embeddings(len(tokenizer) + 6, mean_resizing=False)
    with torch.no_grad():
        model.lm_head.weight[:340] += 0.1 * torch.randn(340, 32, generator=torch.manual_seed(0))
        model.lm_head.weight[340:] *= 50
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    full = FullModel(source=Source(at=str(folder)))
    with load_pair(Source(at=str(tiny_folder / "base")), full) as pair:
        yield pair


@pytest.fixture
def install(tmp_path):
    """Writes a module and the metadata that make it an installed plugin of the same name."""

    def write(plugin, source):
        (tmp_path / f"{plugin}.py").write_text(dedent(source))
        metadata = tmp_path / f"{plugin}-1.0.dist-info"
        metadata.mkdir()
        words = f"Metadata-Version: 2.1\nName: dist-{plugin}\nVersion: 1.0\n"
        (metadata / "METADATA").write_text(words)
        (metadata / "entry_points.txt").write_text(f"[diffkit]\n{plugin} = {plugin}\n")

    return write


@pytest.fixture
def method_plugin(install):
    """Installs a plugin that registers one method."""

    def write(plugin, name):
        install(plugin, METHOD.format(name=name, module=plugin))

    return write
