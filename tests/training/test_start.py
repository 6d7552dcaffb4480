import json
import re
import shutil

import pytest
from transformers import AutoModelForCausalLM

from diffkit.errors import BadFile, BadModel, UserError
from diffkit.training import read_recipe, train

LORA = {"kind": "lora", "rank": 2, "alpha": 4}


@pytest.fixture
def finetune(make_recipe):
    """A recipe that starts from a tiny base; keywords replace fields."""
    train(read_recipe(make_recipe("base")))

    def make(name="made", **changes):
        fields = {"start": {"base": "out/base"}, "method": LORA}
        return read_recipe(make_recipe(name, **(fields | changes)))

    return make


def test_an_adapter_is_no_base(finetune) -> None:
    train(finetune("adapter"))
    with pytest.raises(BadModel, match=r"start\.base: .*out/adapter' is an adapter"):
        train(finetune(start={"base": "out/adapter"}))


@pytest.mark.parametrize("modules", [["nope"], ["q_proj", "nope"], ["proj"]])
def test_modules_that_are_not_there_are_named(finetune, modules) -> None:
    with pytest.raises(UserError, match="has no module") as caught:
        train(finetune(method={**LORA, "modules": modules}))
    assert repr(modules[-1]) in caught.value.what
    assert "k_proj, lm_head, o_proj, q_proj" in caught.value.hint


@pytest.mark.parametrize("modules", [["mlp"], []])
def test_modules_that_cannot_change_are_named(finetune, modules) -> None:
    with pytest.raises(UserError, match=r"peft cannot change .*q_proj"):
        train(finetune(method={**LORA, "modules": modules}))


@pytest.mark.parametrize("modules", [["q_proj"], ["layers.1.self_attn.q_proj", "mlp.up_proj"]])
def test_modules_may_be_named_by_the_end_of_their_path(finetune, modules) -> None:
    folder = train(finetune(method={**LORA, "modules": modules})).folder
    config = json.loads((folder / "adapter_config.json").read_text())
    assert config["target_modules"] == sorted(modules)


def test_every_weight_of_a_base_can_be_trained(finetune, tmp_path) -> None:
    folder = train(finetune(method={"kind": "full"})).folder
    before = AutoModelForCausalLM.from_pretrained(tmp_path / "out/base").state_dict()
    after = AutoModelForCausalLM.from_pretrained(folder).state_dict()
    assert not any(before[name].equal(after[name]) for name in before)


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_damaged_base_is_named(finetune, tmp_path, file) -> None:
    shutil.copytree(tmp_path / "out/base", tmp_path / "damaged")
    (tmp_path / "damaged" / file).write_text("{")
    with pytest.raises((BadFile, BadModel), match="damaged"):
        train(finetune(start={"base": "damaged"}))


@pytest.mark.parametrize("kind", ["lora", "full"])
def test_no_bar_of_transformers_is_shown(finetune, capfd, kind: str) -> None:
    capfd.readouterr()
    train(finetune(method={"kind": kind}))
    shown = capfd.readouterr().err  # a program called earlier may show remarks there
    assert not re.search(r"it/s|weights|shards", shown)
