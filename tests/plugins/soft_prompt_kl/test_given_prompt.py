"""A prompt from a file keeps its provenance, and what does not fit is told."""

import json
from dataclasses import replace

import pytest
import torch
from diffkit_plugins.soft_prompt_kl.method import SoftPromptKL
from diffkit_plugins.soft_prompt_kl.prompt_file import (
    PromptMetadata,
    keep_prompt_file,
    load_prompt,
    provenance_note,
    read_metadata,
    save_prompt,
)
from diffkit_plugins.soft_prompt_kl.soft_prompt import EmbeddingStatistics
from safetensors import safe_open
from safetensors.torch import save_file

from diffkit import Note
from diffkit.checkpoints import Checkpoints
from diffkit.context import Artifacts


@pytest.fixture
def short(tiny_pair):
    """Two soft tokens within the bound."""
    return tiny_pair.base.embed(torch.tensor([[40, 41]]))[0].detach().float() * 0.5


@pytest.fixture
def file(tiny_pair, quick, short, tmp_path):
    """``file(option=value, …)`` is a prompt's, as it was trained with these options."""

    def of(prompt=short, **options):
        return tmp_path / save_prompt(
            Artifacts(tmp_path), "given", prompt, tiny_pair, quick(**options)
        )

    return of


def told(pair, quick, path, **options):
    config = quick(prompt=str(path), **options)
    return provenance_note(pair, config, load_prompt(path, pair))


def test_a_prompt_of_this_pair_raises_no_doubt(tiny_pair, quick, file):
    assert told(tiny_pair, quick, file()) is None
    assert provenance_note(tiny_pair, quick(), torch.ones(1, 32) * 99) is None  # none was given


def test_another_vocabulary_is_told(tiny_pair, quick, file, short, tmp_path):
    path, metadata = file(), {}
    with safe_open(path, framework="pt") as opened:
        metadata = json.loads(opened.metadata()["soft-prompt-kl"])
    metadata["vocabulary"]["sha256"] = "0" * 64
    save_file({"prompt": short}, path, {"soft-prompt-kl": json.dumps(metadata)})
    assert "trained on other embeddings" in told(tiny_pair, quick, path).text
    save_file({"prompt": short}, path, {"soft-prompt-kl": '{"version": 1, "vocabulary": 3}'})
    assert read_metadata(path) == PromptMetadata(None, None)
    assert "does not say on which vocabulary" in told(tiny_pair, quick, path).text


def test_another_divergence_is_told(tiny_pair, quick, file):
    note = told(tiny_pair, quick, file(divergence="jsd"))
    assert "trained for divergence=jsd, and this run measures divergence=kl." in note.text
    assert told(tiny_pair, quick, file(divergence="jsd"), divergence="jsd") is None


def test_tokens_beyond_the_bound_are_told(tiny_pair, quick, file, short):
    limit = EmbeddingStatistics.of(tiny_pair.base, tiny_pair.vocabulary).limit(0.95)
    at, beyond = (short[:1] / short[:1].norm() * limit * scale for scale in (1.0, 1.5))
    assert told(tiny_pair, quick, file(at)) is None
    note = told(tiny_pair, quick, file(torch.cat([at, beyond])))
    assert "1 of the prompt's 2 soft tokens are longer" in note.text
    assert "norm_quantile=0.95" in note.text


def test_the_file_is_kept_byte_for_byte_and_the_note_comes_first(
    tiny_pair, quick, context, file, tmp_path
):
    path, place = file(divergence="jsd"), tmp_path / "run"
    own = replace(context, artifacts=Artifacts(place), checkpoints=Checkpoints(place / "c"))
    findings = SoftPromptKL().run(tiny_pair, quick(prompt=str(path), traces=0), own)
    assert (place / "best.safetensors").read_bytes() == path.read_bytes()
    assert isinstance(findings.items[0], Note)
    assert "divergence=jsd" in findings.items[0].text
    keep_prompt_file(Artifacts(tmp_path / "other"), path)
    assert read_metadata(tmp_path / "other" / "best.safetensors").divergence == "jsd"
