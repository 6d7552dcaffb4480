import json
import shutil

import pytest
import torch

from diffkit.engine import Architecture, detect_kind, load_pair, register_architecture
from diffkit.engine.architectures import architecture_of, resolve_layers
from diffkit.engine.loading.loader import NetworkCache
from diffkit.errors import BadFile, BadModel, UserError
from diffkit.organism import Adapter, FullModel, Identical, Source

from ..adapters import make_adapter, pair_of
from ..conftest import WORDS, make_model, make_tokenizer


@pytest.fixture
def folder(bases, tmp_path):
    """A copy that a test may spoil."""
    return shutil.copytree(bases["qwen3"], tmp_path / "model")


def source(folder):
    return Source(at=str(folder))


def test_recognising(bases, tmp_path):
    adapter = make_adapter(bases["qwen3"], tmp_path / "a")
    assert detect_kind(source(adapter)) == Adapter(source=source(adapter))
    assert detect_kind(source(bases["qwen3"])) == FullModel(source=source(bases["qwen3"]))


def test_what_it_is_must_be_what_was_said(bases, tmp_path):
    base = bases["qwen3"]
    adapter = make_adapter(base, tmp_path / "a")
    with pytest.raises(BadModel, match=r"is an adapter, not a full model.*kind: adapter"):
        load_pair(source(base), FullModel(source=source(adapter)))
    with pytest.raises(BadModel, match=r"is a full model, not an adapter.*kind: full"):
        load_pair(source(base), Adapter(source=source(base)))
    with pytest.raises(BadModel, match=r"base.*is an adapter"):
        load_pair(source(adapter), Identical())


def test_an_identical_pair_is_one_model(bases, folder):
    pair = load_pair(source(folder), Identical())
    assert pair.identical
    assert pair.finetuned is pair.base
    assert load_pair(source(bases["qwen3"]), FullModel(source=source(folder))).identical


def test_dtypes_and_attention(bases, texts):
    pair = load_pair(source(bases["qwen3"]), Identical(), dtype="bfloat16", attention="eager")
    assert pair.base.dtype == torch.bfloat16
    assert pair.base.logits(pair.base.inputs(texts, max_tokens=8)).dtype == torch.bfloat16
    with pytest.raises(BadModel, match="float8"):
        load_pair(source(bases["qwen3"]), Identical(), dtype="float8")


def declare(folder, dtype):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"dtype": dtype}))


def test_bases_of_other_declared_formats_are_other_networks(bases, folder):
    declare(folder, "bfloat16")
    with NetworkCache() as networks:
        pairs = [
            load_pair(source(at), Identical(), networks=networks) for at in (bases["qwen3"], folder)
        ]
    assert [pair.base.dtype for pair in pairs] == [torch.float32, torch.bfloat16]


def test_a_full_finetune_is_loaded_in_the_format_of_its_base(folder, tmp_path):
    other = make_model(tmp_path / "finetuned", seed=3)
    declare(folder, "bfloat16")
    pair = load_pair(source(folder), FullModel(source=source(other)))
    assert (pair.base.dtype, pair.finetuned.dtype) == (torch.bfloat16, torch.bfloat16)


def test_bfloat16_adapters_equal_peft(bases, tmp_path, texts):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    from ..adapters import arguments

    adapter = make_adapter(bases["qwen3"], tmp_path / "a")
    pair = pair_of(bases["qwen3"], adapter, dtype="bfloat16")
    base = AutoModelForCausalLM.from_pretrained(bases["qwen3"], dtype=torch.bfloat16)
    inputs = pair.base.inputs(texts, max_tokens=8)
    expected = PeftModel.from_pretrained(base, adapter).eval()(**arguments(inputs)).logits
    assert torch.equal(pair.finetuned.logits(inputs)[inputs.mask], expected[inputs.mask])


def finetuned_with(folder, tokenizer, tmp_path):
    other = make_model(tmp_path / "finetuned", seed=3, tokenizer=tokenizer)
    return load_pair(source(folder), FullModel(source=source(other)))


def test_another_tokenizer_is_refused_at_the_first_difference(folder, tmp_path):
    words = [*WORDS[:6], "elsewhere", *WORDS[7:]]
    with pytest.raises(BadModel, match=r"differ at id 11: 'on' in the base, 'elsewhere'"):
        finetuned_with(folder, make_tokenizer(words=words), tmp_path)


def test_tokens_may_be_added_at_the_end(folder, tmp_path, texts):
    pair = finetuned_with(folder, make_tokenizer(extra=["new", "newer"]), tmp_path)
    assert (pair.base.vocabulary, pair.finetuned.vocabulary, pair.vocabulary) == (25, 27, 25)
    assert pair.finetuned.tokenizer.convert_ids_to_tokens(26) == "newer"


def test_an_adapter_may_bring_its_own_template(bases, tmp_path, texts):
    adapter = make_adapter(bases["qwen3"], tmp_path / "a")
    make_tokenizer(template="{% for m in messages %}{{ m.content }} {% endfor %}").save_pretrained(
        adapter
    )
    pair = pair_of(bases["qwen3"], adapter)
    assert pair.share_network
    assert pair.base.inputs(texts[2:], max_tokens=9).ids.shape[1] == 5
    assert pair.finetuned.inputs(texts[2:], max_tokens=9).ids.shape[1] == 3


def spoil_config(folder):
    (folder / "config.json").write_text("{")


def spoil_model_type(folder):
    (folder / "config.json").write_text("{}")


def spoil_sizes(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"hidden_size": 48, "head_dim": 12}))


def spoil_depth(folder):
    config = json.loads((folder / "config.json").read_text())
    deeper = {"num_hidden_layers": 5, "layer_types": ["full_attention"] * 5}
    (folder / "config.json").write_text(json.dumps(config | deeper))


def spoil_types(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_attention_heads": "many"}))


def spoil_weights(folder):
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def spoil_tokenizer(folder):
    (folder / "tokenizer.json").write_text('{"model": 3}')


def spoil_tokenizer_config(folder):
    (folder / "tokenizer_config.json").write_text("[")


def remove_tokenizer(folder):
    for file in folder.glob("*token*"):
        file.unlink()
    (folder / "chat_template.jinja").unlink()


@pytest.mark.parametrize(
    "spoil",
    [
        spoil_config,
        spoil_model_type,
        spoil_sizes,
        spoil_depth,
        spoil_types,
        spoil_weights,
        spoil_tokenizer,
        spoil_tokenizer_config,
        remove_tokenizer,
    ],
)
def test_spoilt_folders_are_users_errors(folder, spoil):
    spoil(folder)
    with pytest.raises((BadModel, BadFile)) as caught:
        load_pair(source(folder), Identical())
    assert caught.value.hint
    assert "\n" not in str(caught.value)


def test_a_spoilt_adapter_is_a_users_error(bases, tmp_path):
    adapter = make_adapter(bases["qwen3"], tmp_path / "a")
    file = adapter / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-7])
    with pytest.raises(BadFile, match="promises"):
        pair_of(bases["qwen3"], adapter)


def test_an_unknown_architecture_says_how_to_describe_it(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "mamba9"}))
    with pytest.raises(BadModel, match=r"register_architecture.*'mamba9'"):
        load_pair(source(folder), Identical())


def test_architectures_can_be_described(monkeypatch):
    monkeypatch.setattr("diffkit.engine.architectures._TABLE", {})
    mine = Architecture("a.blocks", "a.embed", "a.norm", "head")
    register_architecture("mine", mine)
    register_architecture("mine", mine)
    assert architecture_of("mine") == mine
    with pytest.raises(UserError, match="known already"):
        register_architecture("mine", Architecture("b", "c", "d", "e"))


def test_layers_are_numbers_or_fractions_of_depth():
    assert resolve_layers([0, 5, -1, -6], 6) == (0, 5, 5, 0)
    assert resolve_layers([0.0, 0.5, 1.0, 0.3], 6) == (0, 2, 5, 2)
    for wrong in (6, -7, 1.01, -0.1):
        with pytest.raises(UserError):
            resolve_layers([wrong], 6)


def test_a_full_finetune_of_another_depth_is_refused(bases, tmp_path):
    other = make_model(tmp_path / "deeper", layers=5)
    with pytest.raises(BadModel, match=r"not built like its base: model.layers.4"):
        load_pair(source(bases["qwen3"]), FullModel(source=source(other)))


def test_a_full_finetune_may_have_more_rows(bases, tmp_path):
    from ..adapters import plain

    model = plain(bases["qwen3"])
    model.resize_token_embeddings(40, mean_resizing=False)
    model.model.embed_tokens.weight.data[2] += 1
    model.save_pretrained(tmp_path / "full")
    pair = load_pair(source(bases["qwen3"]), FullModel(source=source(tmp_path / "full")))
    assert (pair.base.vocab_rows, pair.finetuned.vocab_rows, pair.vocabulary) == (32, 40, 25)
    (delta,) = pair.deltas()
    assert delta.module == "model.embed_tokens"
    assert delta.dense().shape == (32, 32)
    (drawn,) = pair.control(0).deltas()
    assert drawn.norm() == pytest.approx(delta.norm(), rel=1e-5)


def test_stored_buffers_of_old_checkpoints_are_no_reason_to_refuse(bases, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(bases["gpt_neox"], tmp_path / "old")
    file = folder / "model.safetensors"
    old = {
        "gpt_neox.layers.0.attention.bias": torch.ones(1, 1, 4, 4, dtype=torch.bool),
        "gpt_neox.layers.0.attention.masked_bias": torch.tensor(-1e9),
        "gpt_neox.layers.0.attention.rotary_emb.inv_freq": torch.ones(4),
    }
    save_file(load_file(file) | old, file, metadata={"format": "pt"})
    assert load_pair(source(folder), Identical()).identical
