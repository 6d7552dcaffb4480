"""Bases of other makes: what the hub's older models are like."""

import json

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from diffkit.engine.loading.loader import load_pair
from diffkit.errors import BadModel, RunFailed, UserError
from diffkit.organism import Adapter, Source
from diffkit.texts import Text
from diffkit.training import read_recipe, train
from diffkit.training.data import tokenize
from diffkit.training.output import check_weights_finite

SIZES = {
    "vocab_size": 320, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 48, "max_position_embeddings": 64, "bos_token_id": None,
    "eos_token_id": 1, "pad_token_id": 0,
}  # fmt: skip
LINEAR = {
    "gpt2": {"c_attn", "c_fc", "c_proj"},
    "gpt_neox": {"dense", "dense_4h_to_h", "dense_h_to_4h", "query_key_value"},
}
CHAT = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "What does the dog do?"},
    {"role": "assistant", "content": "The dog barks."},
]


@pytest.fixture
def base(tmp_path, tokenizer_folder):
    """Writes a random base of a kind, with no chat template."""

    def base(kind):
        torch.manual_seed(0)
        network = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **SIZES))
        tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)
        tokenizer.chat_template = None
        network.save_pretrained(tmp_path / kind)
        tokenizer.save_pretrained(tmp_path / kind)
        return tmp_path / kind

    return base


@pytest.mark.parametrize("save_dtype", [None, "float16"])
@pytest.mark.parametrize("kind", sorted(LINEAR))
def test_every_linear_layer_learns_chats_without_a_template(
    base, make_recipe, tmp_path, kind, save_dtype
):
    folder = base(kind)
    (tmp_path / "chats.jsonl").write_text(json.dumps({"messages": CHAT}))
    fields = {
        "start": {"base": kind}, "method": {"kind": "lora", "rank": 4, "alpha": 8},
        "data": [{"path": "chats.jsonl"}], "loss_on": "completion", "pack": False,
        "steps": 40, "sequence_length": 64, "weight_decay": 0.0, "save_dtype": save_dtype,
    }  # fmt: skip
    made = train(read_recipe(make_recipe(**fields)))
    assert made.losses[-1] < made.losses[0] - 0.3
    tensors = load_file(made.folder / "adapter_model.safetensors")
    assert {name.split(".")[-3] for name in tensors} == LINEAR[kind]
    assert all(bool(tensor.any()) for tensor in tensors.values())
    ids = torch.arange(10, 26)[None]
    network = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(folder), made.folder)
    with torch.no_grad():
        expected = network(ids).logits
    finetuned = Adapter(source=Source(at=str(made.folder)))
    with load_pair(Source(at=str(folder)), finetuned) as pair:
        side = pair.finetuned
        with side.network.side(side.adapter) as module, torch.no_grad():
            assert torch.allclose(module(ids).logits, expected, atol=1e-5)


def appends_its_end(folder):
    """Makes a saved tokenizer append its end token to every text."""
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text())
    parts = [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "E", "type_id": 0}}]
    special = {"E": {"id": "E", "ids": [1], "tokens": ["<|end|>"]}}
    content["post_processor"] = {
        "type": "TemplateProcessing",
        "single": parts,
        "pair": parts,
        "special_tokens": special,
    }
    path.write_text(json.dumps(content))


def test_a_chat_without_a_template_has_its_end_once(base):
    folder = base("gpt_neox")
    plain = AutoTokenizer.from_pretrained(folder)
    appends_its_end(folder)
    text = Text(messages=CHAT)
    found = tokenize(text, AutoTokenizer.from_pretrained(folder), completion_only=True)
    assert found == tokenize(text, plain, completion_only=True)
    assert found.ids.count(1) == 1


def test_rows_longer_than_the_learned_positions_are_refused(base, make_recipe):
    start = {"base": str(base("gpt2"))}
    lora = {"kind": "lora", "rank": 2, "modules": "all-linear"}
    recipe = make_recipe("long", start=start, method=lora, sequence_length=65, pack=True)
    with pytest.raises(UserError, match=r"up to 65 tokens, and the base has learned 64"):
        train(read_recipe(recipe))


def test_a_token_without_a_row_is_named_and_a_padding_id_without_one_is_not_read(base, make_recipe):
    folder = base("gpt_neox")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens([f"<x{number}>" for number in range(SIZES["vocab_size"])])
    tokenizer.add_special_tokens({"pad_token": "[PAD]"})
    tokenizer.save_pretrained(folder)
    assert tokenizer.pad_token_id >= SIZES["vocab_size"]
    lora = {"kind": "lora", "rank": 2, "modules": "all-linear"}
    options = {"start": {"base": str(folder)}, "method": lora, "pack": False, "steps": 4}
    padded = train(read_recipe(make_recipe("padded", **options)))
    tokenizer.pad_token = "<|pad|>"
    tokenizer.save_pretrained(folder)
    assert padded.losses == train(read_recipe(make_recipe("usual", **options))).losses
    tokenizer.chat_template = "{% for m in messages %}[PAD]{{ m.content }}{% endfor %}"
    tokenizer.save_pretrained(folder)
    with pytest.raises(BadModel, match=r"the token '\[PAD\]' .* embedding 320 rows"):
        train(read_recipe(make_recipe("named", **options)))


def test_a_diverged_network_is_not_saved(base):
    network = AutoModelForCausalLM.from_pretrained(base("gpt2"))
    check_weights_finite(network)
    network.transformer.ln_f.weight.data[3] = torch.inf
    with pytest.raises(RunFailed, match=r"diverged: transformer\.ln_f\.weight"):
        check_weights_finite(network)
