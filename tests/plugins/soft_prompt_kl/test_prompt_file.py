import hashlib
import json

import pytest
import torch
from diffkit_plugins.soft_prompt_kl.prompt_file import BEST, load_prompt, save_prompt
from safetensors import safe_open
from safetensors.torch import save_file

from diffkit import InputFile, UserError

GOOD = {"soft-prompt-kl": '{"version": 1}'}


@pytest.fixture
def prompt(tiny_pair):
    return torch.randn(4, tiny_pair.base.d_model, generator=torch.Generator().manual_seed(0))


def test_what_was_saved_is_loaded(tiny_pair, quick, context, prompt):
    name = save_prompt(context.artifacts, BEST, prompt, tiny_pair, quick())
    path = context.artifacts.folder / name
    assert name == "best.safetensors"
    for file in (path, str(path), InputFile.of(path)):
        assert torch.equal(load_prompt(file, tiny_pair), prompt)


def test_the_file_says_what_it_is(tiny_pair, quick, context, prompt):
    save_prompt(context.artifacts, BEST, prompt, tiny_pair, quick(divergence="jsd"))
    with safe_open(context.artifacts.folder / "best.safetensors", framework="pt") as opened:
        about = json.loads(opened.metadata()["soft-prompt-kl"])
    table = tiny_pair.base.embed(torch.arange(tiny_pair.vocabulary)[None])[0].detach()
    vocabulary = about.pop("vocabulary")
    assert about == {"version": 1, "length": 4, "width": 32, "divergence": "jsd"}
    shorter = table.norm(dim=1) <= vocabulary["median_norm"]
    assert float(shorter.float().mean()) == pytest.approx(0.5, abs=0.01)
    assert vocabulary["sha256"] == hashlib.sha256(table.numpy().tobytes()).hexdigest()


def test_the_same_prompt_gives_the_same_bytes(tiny_pair, quick, context, prompt):
    paths = [
        context.artifacts.folder / save_prompt(context.artifacts, name, prompt, tiny_pair, quick())
        for name in ("one", "two")
    ]
    assert paths[0].read_bytes() == paths[1].read_bytes()


def bad(tmp_path, tensor, metadata=None, name="prompt"):
    path = tmp_path / "bad.safetensors"
    save_file({name: tensor}, path, GOOD if metadata is None else metadata)
    return path


@pytest.mark.parametrize(
    ("tensor", "complaint"),
    [
        (torch.ones(4, 31), "is 31 wide, and the models are 32"),
        (torch.ones(32), "no rows of finite numbers"),
        (torch.ones(0, 32), "no rows of finite numbers"),
        (torch.full((4, 32), torch.nan), "no rows of finite numbers"),
        (torch.ones(4, 32, dtype=torch.int64), "holds int64, not floating-point numbers"),
        (torch.ones(4, 32, dtype=torch.bool), "holds bool, not floating-point numbers"),
    ],
)
def test_tensors_that_do_not_fit_are_errors(tiny_pair, tmp_path, tensor, complaint):
    with pytest.raises(UserError, match=complaint) as error:
        load_prompt(bad(tmp_path, tensor), tiny_pair)
    assert error.value.hint


@pytest.mark.parametrize(
    ("metadata", "complaint"),
    [
        ({}, "its version: None"),
        ({"soft-prompt-kl": '{"version": 2}'}, "its version: 2"),
        ({"soft-prompt-kl": "[]"}, "its version: None"),
        ({"soft-prompt-kl": "{"}, "is no soft prompt"),
    ],
)
def test_files_that_say_something_else_are_errors(tiny_pair, tmp_path, metadata, complaint):
    with pytest.raises(UserError, match=complaint):
        load_prompt(bad(tmp_path, torch.ones(4, 32), metadata), tiny_pair)


def test_files_without_a_prompt_are_errors(tiny_pair, tmp_path):
    with pytest.raises(UserError, match="is no soft prompt"):
        load_prompt(bad(tmp_path, torch.ones(4, 32), name="weight"), tiny_pair)


def test_files_that_are_no_safetensors_or_not_there_are_errors(tiny_pair, tmp_path):
    (tmp_path / "text.safetensors").write_text("a poem")
    for name in ("text.safetensors", "none.safetensors"):
        with pytest.raises(UserError, match="is no soft prompt"):
            load_prompt(tmp_path / name, tiny_pair)
