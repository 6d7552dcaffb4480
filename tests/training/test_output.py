import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from diffkit.engine.loading.full_model import read_network
from diffkit.engine.loading.loader import load_pair
from diffkit.engine.loading.tokenizer import load_tokenizer
from diffkit.errors import RunFailed
from diffkit.organism import Adapter, FullModel, Source
from diffkit.training import read_recipe, train
from diffkit.training.output import convert_dtype
from diffkit.training.start import load_network

LORA = {"kind": "lora", "rank": 2, "alpha": 4}
LOGITS = {"float16": 2e-3, "bfloat16": 2e-2, "float32": 1e-6}
IDS = torch.arange(10, 26)[None]


@pytest.fixture
def make(make_recipe):
    """Trains a tiny finetuning of a tiny base; keywords replace fields."""
    train(read_recipe(make_recipe("base")))

    def make(name, **changes):
        fields = {"start": {"base": "out/base"}, "method": LORA}
        return train(read_recipe(make_recipe(name, **(fields | changes)))).folder

    return make


def formats(folder):
    file = next(folder.glob("*.safetensors"))
    return {tensor.dtype for tensor in load_file(file).values()}


def logits(base, folder, kind, dtype):
    with load_pair(Source(at=str(base)), kind(source=Source(at=str(folder))), dtype=dtype) as pair:
        assert pair.base.network.module.dtype == torch.float32
        with pair.finetuned.network.side(pair.finetuned.adapter) as module, torch.no_grad():
            return module(IDS).logits


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize(("method", "kind"), [(LORA, Adapter), ({"kind": "full"}, FullModel)])
def test_weights_are_stored_as_told_and_trained_as_ever(make, tmp_path, name, method, kind):
    plain = make("plain", method=method)
    stored = make("stored", method=method, save_dtype=name)
    assert formats(plain) == {torch.float32}
    assert formats(stored) == {getattr(torch, name)}
    losses = [json.loads((f / "diffkit.json").read_text())["losses"] for f in (plain, stored)]
    assert losses[0] == losses[1]
    base = tmp_path / "out/base"
    exact = logits(base, plain, kind, "float32")
    read = logits(base, stored, kind, "float32")
    assert torch.allclose(read, exact, atol=LOGITS[name])
    assert torch.equal(read, exact) == (name == "float32")


def test_a_full_model_says_its_format(make):
    folder = make("full", method={"kind": "full"}, save_dtype="float16")
    assert json.loads((folder / "config.json").read_text())["dtype"] == "float16"
    network = AutoModelForCausalLM.from_pretrained(folder)
    assert {p.dtype for p in network.parameters()} == {torch.float16}
    assert network.lm_head.weight is network.model.embed_tokens.weight


def test_shards_keep_a_true_index(make):
    folder = make("full", method={"kind": "full"})
    network = AutoModelForCausalLM.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    network.save_pretrained(folder, max_shard_size="40KB")
    convert_dtype(folder, "float16")
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    assert index["metadata"]["total_size"] == sum(p.nbytes for p in network.parameters()) // 2
    again = AutoModelForCausalLM.from_pretrained(folder)
    assert {p.dtype for p in again.parameters()} == {torch.float16}


@pytest.mark.parametrize("method", [LORA, {"kind": "full"}])
def test_a_base_stored_in_half_is_trained_whole(make, make_recipe, tmp_path, method):
    half = make("half", method={"kind": "full"}, save_dtype="float16")
    recipe = read_recipe(make_recipe("next", start={"base": "out/half"}, method=method))
    network = load_network(recipe, half, load_tokenizer(half))
    assert {p.dtype for p in network.parameters()} == {torch.float32}
    assert formats(train(recipe).folder) == {torch.float32}
    kind = Adapter if method == LORA else FullModel
    assert logits(half, recipe.folder, kind, "float32").dtype == torch.float32


def test_half_of_an_adapter_is_not_lost_on_a_half_base(make, tmp_path):
    half = make("half", method={"kind": "full"}, save_dtype="float16")
    folder = make("made", start={"base": "out/half"}, save_dtype="float16")
    finetuned = Adapter(source=Source(at=str(folder)))
    with load_pair(Source(at=str(half)), finetuned) as pair:
        module = pair.finetuned.network.module
        own = [p for name, p in module.named_parameters() if "lora_" in name]
        assert {p.dtype for p in own} == {torch.float32}
        assert module.lm_head.weight.dtype == torch.float16
    assert (
        read_network(half, device="cpu", dtype=None, attention=None).module.dtype == torch.float16
    )


def test_a_weight_that_does_not_fit_is_named(make):
    folder = make("made")
    file = folder / "adapter_model.safetensors"
    tensors = load_file(file)
    name = sorted(tensors)[0]
    tensors[name][0, 0] = 1e6
    save_file(tensors, file)
    with pytest.raises(RunFailed, match=r"holds 1e\+06.*float16 cannot hold.*bfloat16") as caught:
        convert_dtype(folder, "float16")
    assert name in str(caught.value)
    convert_dtype(folder, "bfloat16")


def test_the_digest_knows_the_format_only_where_it_is_set(make_recipe):
    plain = read_recipe(make_recipe("plain"))
    assert "save_dtype" not in plain.model_dump()
    none = read_recipe(make_recipe("none", save_dtype=None))
    half = read_recipe(make_recipe("half", save_dtype="float16"))
    assert none.digest("start") == plain.digest("start") != half.digest("start")
