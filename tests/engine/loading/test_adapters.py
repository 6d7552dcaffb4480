import json

import pytest
import torch
from peft import IA3Config, get_peft_model
from safetensors.torch import load_file, save_file

from diffkit.engine.loading.base_match.adapter_base import forward_fingerprint, padded_otherwise
from diffkit.engine.loading.loader import NetworkCache
from diffkit.engine.loading.model_files import fingerprint
from diffkit.errors import BadFile, BadModel

from ..adapters import EMBED, HEAD, arguments, make_adapter, pair_of, plain, separately
from ..conftest import make_model

PLAIN = {
    "lora": {},
    "rslora": {"use_rslora": True},
    "patterns": {
        "rank_pattern": {"(down_proj|dense_4h_to_h)": 5},
        "alpha_pattern": {"(q_proj|query_key_value)": 11},
    },
    "some layers": {"layers_to_transform": [1, 3]},
    "gaussian start": {"init_lora_weights": "gaussian"},
    "embedding and head": {"target_modules": r".*(embed_tokens|embed_in|lm_head)"},
}
OWN = {
    "bias all": {"bias": "all"},
    "bias lora_only": {"bias": "lora_only"},
    "dora": {"use_dora": True},
    "tokens": {"trainable_token_indices": [3, 7, 9]},
    "pissa": {"init_lora_weights": "pissa"},
    "saved embeddings": {"save_embedding_layers": True},
    "larger vocabulary": {"rows": 37, "save_embedding_layers": True},
    "smaller vocabulary": {"rows": 27, "save_embedding_layers": True},
}


def compare(base, adapter, texts, rows=None, columns=None):
    """Both sides against two separately loaded models; returns the pair.

    Where peft stores no head, new rows of the head are random: ``columns`` leaves them out.
    """
    pair = pair_of(base, adapter)
    inputs = pair.base.inputs(texts, max_tokens=16)
    for model, reference in (
        (pair.base, plain(base)),
        (pair.finetuned, separately(base, adapter, rows)),
    ):
        with torch.no_grad():
            expected = reference(**arguments(inputs)).logits
        torch.testing.assert_close(
            model.logits(inputs)[inputs.mask][:, :columns],
            expected[inputs.mask][:, :columns],
            atol=1e-5,
            rtol=1e-5,
        )
    base_logits = pair.base.logits(inputs)[..., : pair.vocabulary]
    assert (base_logits - pair.finetuned.logits(inputs)[..., : pair.vocabulary]).abs().max() > 0.01
    return pair


@pytest.mark.parametrize("arch", ["qwen3", "gpt_neox"])
@pytest.mark.parametrize("name", PLAIN)
def test_plain_lora_shares_the_base(bases, tmp_path, texts, arch, name):
    adapter = make_adapter(bases[arch], tmp_path / "a", arch, **PLAIN[name])
    assert compare(bases[arch], adapter, texts).share_network


@pytest.mark.filterwarnings("ignore:Setting `save_embedding_layers`:UserWarning")
@pytest.mark.parametrize("arch", ["qwen3", "gpt_neox"])
@pytest.mark.parametrize("name", OWN)
def test_other_lora_gets_its_own_base(bases, tmp_path, texts, arch, name):
    options = OWN[name]
    adapter = make_adapter(bases[arch], tmp_path / "a", arch, **options)
    pair = compare(bases[arch], adapter, texts, rows=options.get("rows"))
    assert not pair.share_network
    assert pair.vocabulary == min(pair.base.vocabulary, options.get("rows", 99))


@pytest.mark.filterwarnings("ignore:Model has `tie_word_embeddings=True`:UserWarning")
@pytest.mark.parametrize("arch", ["qwen3", "gpt_neox"])
@pytest.mark.parametrize("tied", [False, True])
def test_saved_modules_get_their_own_base(tmp_path, texts, arch, tied):
    base = make_model(tmp_path / "base", arch, tied=tied)
    parts = [EMBED[arch], HEAD[arch]]
    adapter = make_adapter(base, tmp_path / "a", arch, modules_to_save=parts)
    assert not compare(base, adapter, texts).share_network


@pytest.mark.filterwarnings("ignore:Model has `tie_word_embeddings=True`:UserWarning")
@pytest.mark.parametrize("tied", [False, True])
def test_saved_modules_may_have_more_rows(tmp_path, texts, tied):
    base = make_model(tmp_path / "base", tied=tied)
    parts = ["embed_tokens", "lm_head"]
    adapter = make_adapter(base, tmp_path / "a", rows=37, modules_to_save=parts)
    pair = compare(base, adapter, texts, rows=37)
    assert (pair.base.vocab_rows, pair.finetuned.vocab_rows, pair.vocabulary) == (32, 37, 25)


RESIZED = {
    "saved modules": {"modules_to_save": ["EMBED", "HEAD"]},
    "saved embedding": {"modules_to_save": ["EMBED"]},
    "saved head": {"modules_to_save": ["HEAD"]},
    "LoRA on the head": {"target_modules": ["TARGET", "HEAD"]},
    "LoRA on the embedding": {"target_modules": ["TARGET", "EMBED"]},
    "LoRA on both": {"target_modules": ["TARGET", "EMBED", "HEAD"]},
    "new tokens": {"trainable_token_indices": [32, 36]},
    "old and new tokens": {"trainable_token_indices": [3, 35, 36]},
    "LoRA alone": {},
}
NAMES = {
    "qwen3": {"EMBED": "embed_tokens", "HEAD": "lm_head", "TARGET": "q_proj"},
    "gemma3_text": {"EMBED": "embed_tokens", "HEAD": "lm_head", "TARGET": "q_proj"},
    "gpt2": {"EMBED": "wte", "HEAD": "lm_head", "TARGET": "c_attn"},
    "gpt_neox": {"EMBED": "embed_in", "HEAD": "lm_head", "TARGET": "query_key_value"},
}


@pytest.mark.filterwarnings("ignore:Model has `tie_word_embeddings=True`:UserWarning")
@pytest.mark.filterwarnings("ignore:Model with `tie_word_embeddings=True`:UserWarning")
@pytest.mark.filterwarnings("ignore:fan_in_fan_out is set to:UserWarning")
@pytest.mark.filterwarnings("ignore:.*save_embedding_layers.*:UserWarning")
@pytest.mark.parametrize("size", [(37, False), (37, True), (30, True)])
@pytest.mark.parametrize("arch", NAMES)
@pytest.mark.parametrize("name", RESIZED)
def test_a_resized_vocabulary_gets_its_own_base(tmp_path, texts, name, arch, size):
    rows, tied = size
    names = NAMES[arch]
    options = {
        key: [names.get(one, one) for one in value] if key != "trainable_token_indices" else value
        for key, value in RESIZED[name].items()
    }
    if rows < 32 and "tokens" in name:
        options = {"trainable_token_indices": [3, 29]}
    base = make_model(tmp_path / "base", arch, tied=tied)
    own = options.pop("target_modules", [names["TARGET"]])
    adapter = make_adapter(
        base,
        tmp_path / "a",
        arch,
        rows=rows,
        target_modules=own,
        save_embedding_layers=True,
        **options,
    )
    unsaved = name == "LoRA on the embedding" and not tied
    pair = compare(base, adapter, texts, rows=rows, columns=32 if unsaved else None)
    assert not pair.share_network
    assert (pair.base.vocab_rows, pair.finetuned.vocab_rows, pair.vocabulary) == (32, rows, 25)


@pytest.mark.filterwarnings("ignore:fan_in_fan_out is set to:UserWarning")
@pytest.mark.parametrize("arch", ["qwen3", "gpt2", "gpt_neox"])
def test_rows_are_found_where_no_embedding_is_saved(tmp_path, texts, arch):
    base = make_model(tmp_path / "base", arch)
    names = NAMES[arch]
    for number, options in enumerate(
        (
            {"target_modules": [names["TARGET"], "lm_head"]},
            {"target_modules": [names["TARGET"]], "trainable_token_indices": [36]},
        )
    ):
        adapter = make_adapter(base, tmp_path / str(number), arch, rows=37, **options)
        pair = pair_of(base, adapter)
        inputs = pair.base.inputs(texts, max_tokens=16)
        with torch.no_grad():
            expected = separately(base, adapter, 37)(**arguments(inputs)).logits
        torch.testing.assert_close(
            pair.finetuned.logits(inputs)[inputs.mask][:, : pair.vocabulary],
            expected[inputs.mask][:, : pair.vocabulary],
            atol=1e-5,
            rtol=1e-5,
        )


@pytest.mark.filterwarnings("ignore:Adapter 'default'")  # peft takes LoRA biases for broken shards
def test_lora_bias_gets_its_own_base(bases, tmp_path, texts):
    adapter = make_adapter(bases["gpt_neox"], tmp_path / "a", "gpt_neox", lora_bias=True)
    assert not compare(bases["gpt_neox"], adapter, texts).share_network


def test_pissa_and_own_copies_leave_the_cached_base_alone(bases, tmp_path, texts):
    base = bases["qwen3"]
    with NetworkCache() as networks:
        first = pair_of(base, make_adapter(base, tmp_path / "a"), networks=networks)
        inputs = first.base.inputs(texts, max_tokens=16)
        before = first.base.logits(inputs)
        for name in ("pissa", "dora", "tokens", "saved embeddings"):
            pair_of(base, make_adapter(base, tmp_path / name, **OWN[name]), networks=networks)
        assert torch.equal(first.base.logits(inputs), before)


def change_config(folder, **options):
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | options))


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"layer_replication": [[0, 4], [2, 4]]}, "layer_replication"),
        ({"target_parameters": ["x"]}, "target_parameters"),
        ({"use_qalora": True}, "use_qalora"),
        ({"an_option_of_next_year": 1}, "an_option_of_next_year"),
        ({"init_lora_weights": "loftq"}, "loftq"),
        ({"peft_type": "VERA"}, "VERA"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(bases, tmp_path, options, word):
    adapter = make_adapter(bases["qwen3"], tmp_path / "a")
    change_config(adapter, **options)
    with pytest.raises(BadModel, match=f"{word}.*Merge it"):
        pair_of(bases["qwen3"], adapter)


def test_an_adapter_that_depends_on_the_text_cannot_be_merged(bases, tmp_path):
    adapter = make_adapter(bases["qwen3"], tmp_path / "a")
    change_config(adapter, alora_invocation_tokens=[1])
    with pytest.raises(BadModel, match=r"alora_invocation_tokens.*give a plain LoRA") as refused:
        pair_of(bases["qwen3"], adapter)
    assert "Merge it" not in str(refused.value)


def test_another_kind_of_adapter_is_refused(bases, tmp_path):
    config = IA3Config(target_modules=["k_proj"], feedforward_modules=[])
    get_peft_model(plain(bases["qwen3"]), config).save_pretrained(tmp_path / "a")
    with pytest.raises(BadModel, match="IA3"):
        pair_of(bases["qwen3"], tmp_path / "a")


@pytest.mark.parametrize(("trained_on", "used_on"), [(6, 4), (4, 6)])
def test_an_adapter_of_another_depth_is_refused(tmp_path, texts, trained_on, used_on):
    folders = {n: make_model(tmp_path / str(n), layers=n) for n in (trained_on, used_on)}
    adapter = make_adapter(folders[trained_on], tmp_path / "a")
    good = make_adapter(folders[used_on], tmp_path / "good")
    with NetworkCache() as networks:
        with pytest.raises(BadModel, match="does not fit this base"):
            pair_of(folders[used_on], adapter, networks=networks)
        # The refused adapter leaves nothing behind on the cached base.
        pair = pair_of(folders[used_on], good, networks=networks)
        inputs = pair.base.inputs(texts, max_tokens=16)
        fresh = pair_of(folders[used_on], good)
        assert torch.equal(pair.finetuned.logits(inputs), fresh.finetuned.logits(inputs))


@pytest.mark.parametrize("edit", ["wrong shape", "wrong rank", "missing", "unexpected"])
def test_keys_and_shapes_must_match_exactly(bases, tmp_path, edit):
    adapter = make_adapter(bases["qwen3"], tmp_path / "a")
    file = adapter / "adapter_model.safetensors"
    tensors = load_file(file)
    key = next(k for k in tensors if k.endswith("lora_A.weight"))
    if edit == "wrong shape":
        tensors[key] = tensors[key][:, :-1].contiguous()
    elif edit == "wrong rank":
        tensors[key] = tensors[key][:-1].contiguous()
    elif edit == "missing":
        del tensors[key]
    else:
        tensors[key.replace("lora_A", "lora_C")] = tensors[key].clone()
    save_file(tensors, file)
    with pytest.raises(BadModel, match="does not fit this base"):
        pair_of(bases["qwen3"], adapter)


def test_an_adapter_of_another_base_is_refused(bases, tmp_path):
    other = make_model(tmp_path / "other", seed=5)
    adapter = make_adapter(other, tmp_path / "a")
    (adapter / "diffkit.json").write_text(json.dumps({"base_fingerprint": fingerprint(other)}))
    assert pair_of(other, adapter).share_network
    with pytest.raises(BadModel, match="trained on another base"):
        pair_of(bases["qwen3"], adapter)


HARMLESS = [
    {"pad_token_id": None},
    {"pad_token_id": 3},
    {"pad_token_id": 3, "eos_token_id": [1, 2], "bos_token_id": 4, "dtype": "bfloat16"},
    {"architectures": None, "use_cache": False, "transformers_version": "4.40.0"},
]


@pytest.mark.parametrize("new", [True, False])
@pytest.mark.parametrize("changed", HARMLESS)
def test_the_same_weights_with_other_names_of_tokens_are_the_same_base(
    tmp_path, texts, changed, new
):
    base = make_model(tmp_path / "base")
    adapter = make_adapter(base, tmp_path / "a")
    record = {"base_fingerprint": fingerprint(base)}
    if new:
        record["base_forward_fingerprint"] = forward_fingerprint(base)
    (adapter / "diffkit.json").write_text(json.dumps(record))
    expected = pair_of(base, adapter).finetuned
    wanted = expected.logits(expected.inputs(texts, max_tokens=16))
    config = json.loads((base / "config.json").read_text()) | changed
    (base / "config.json").write_text(json.dumps(config))
    if not new and set(changed) & {"eos_token_id", "architectures"}:
        with pytest.raises(BadModel, match="trained on another base"):  # old notes hold less
            pair_of(base, adapter)
        return
    found = pair_of(base, adapter, dtype="float32").finetuned
    assert torch.equal(found.logits(found.inputs(texts, max_tokens=16)), wanted)


@pytest.mark.parametrize("changed", [{"rms_norm_eps": 1e-3}, {"rope_parameters": None}])
def test_fields_that_change_the_forward_pass_make_another_base(tmp_path, changed):
    base = make_model(tmp_path / "base")
    before = forward_fingerprint(base)
    config = json.loads((base / "config.json").read_text()) | changed
    (base / "config.json").write_text(json.dumps(config))
    assert forward_fingerprint(base) != before
    assert fingerprint(base) not in set(padded_otherwise(make_model(tmp_path / "other", seed=1)))


def test_a_config_that_peft_cannot_use_is_a_bad_file(bases, tmp_path):
    adapter = make_adapter(bases["qwen3"], tmp_path / "a")
    change_config(adapter, layers_pattern="layers", target_modules=".*q_proj")
    with pytest.raises((BadFile, BadModel)):
        pair_of(bases["qwen3"], adapter)
    change_config(adapter, layers_pattern=None, target_modules=["no_such_module"])
    with pytest.raises(BadModel):
        pair_of(bases["qwen3"], adapter)
