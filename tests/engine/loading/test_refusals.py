"""What is refused, and that the cure that is named helps."""

import json
import shutil

import pytest
import torch
from peft import IA3Config, LoHaConfig, PeftModel, PrefixTuningConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from diffkit import Source, detect_kind, load_pair
from diffkit.engine.loading.adapters import plan_adapter
from diffkit.engine.loading.tokenizer import load_tokenizer
from diffkit.errors import BadFile, BadModel
from diffkit.organism import FullModel
from diffkit.testing.models import tiny_adapter, tiny_base


@pytest.fixture
def base(tmp_path):
    return tiny_base(tmp_path / "base")


@pytest.fixture
def adapter(tmp_path, base):
    return tiny_adapter(tmp_path / "adapter", base)


def network(base):
    return AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)


def refusal(base, folder):
    with pytest.raises(BadModel) as raised:
        load_pair(Source(at=str(base)), detect_kind(Source(at=str(folder)))).close()
    return str(raised.value)


def rewrite(adapter, change):
    file = adapter / "adapter_model.safetensors"
    save_file(change(load_file(file)), file, metadata={"format": "pt"})


@pytest.mark.parametrize(
    "config",
    [
        IA3Config(task_type="CAUSAL_LM", target_modules=["v_proj"], feedforward_modules=[]),
        LoHaConfig(task_type="CAUSAL_LM", target_modules=["v_proj"], r=2),
    ],
    ids=["IA3", "LOHA"],
)
def test_another_adapter_can_be_merged_as_is_said(tmp_path, base, config):
    adapted = get_peft_model(network(base), config)
    adapted.save_pretrained(tmp_path / "other")
    assert "Merge it with merge_and_unload()" in refusal(base, tmp_path / "other")
    adapted.merge_and_unload().save_pretrained(tmp_path / "merged")
    full = FullModel(source=Source(at=str(tmp_path / "merged")))
    load_pair(Source(at=str(base)), full).close()


def test_states_before_a_text_cannot_be_merged_and_it_is_not_said(tmp_path, base):
    config = PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=2)
    adapted = get_peft_model(network(base), config)
    adapted.save_pretrained(tmp_path / "prefix")
    assert not hasattr(adapted, "merge_and_unload")
    said = refusal(base, tmp_path / "prefix")
    assert "cannot be merged" in said
    assert "merge_and_unload" not in said


@pytest.mark.parametrize("name", ["alora_invocation_tokens", "arrow_config"])
def test_what_depends_on_the_text_is_not_to_be_merged(base, adapter, name):
    config = adapter / "adapter_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {name: [1]}))
    assert "cannot be merged" in refusal(base, adapter)


def test_learning_rates_are_no_part_of_an_adapter(base, adapter):
    config = adapter / "adapter_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"lorap_emb_lr": 1e-6}))
    assert plan_adapter(adapter, base).shared


@pytest.mark.parametrize("change", [lambda _: {}, lambda old: {k: torch.zeros(0) for k in old}])
def test_an_adapter_that_was_saved_without_its_weights_is_known(base, adapter, change):
    rewrite(adapter, change)
    said = refusal(base, adapter)
    assert "without its weights" in said
    assert "ZeRO-3" in said
    assert "Give the base" not in said


def test_keys_with_an_adapters_name_can_be_renamed_as_is_said(base, adapter):
    right = plan_adapter(adapter, base).shapes
    rewrite(
        adapter, lambda old: {k.replace(".weight", ".default.weight"): v for k, v in old.items()}
    )
    said = refusal(base, adapter)
    assert "k.replace('.default', '')" in said
    rewrite(adapter, lambda old: {k.replace(".default", ""): v for k, v in old.items()})
    assert plan_adapter(adapter, base).shapes == right


def test_keys_that_are_not_pefts_are_not_blamed_on_the_base(base, adapter):
    rewrite(adapter, lambda old: {k.removeprefix("base_model.model."): v for k, v in old.items()})
    said = refusal(base, adapter)
    assert "keys that are not peft's" in said
    assert "base that" not in said


def test_the_folder_around_checkpoints_names_the_last_of_them(tmp_path, base, adapter):
    for step in (9, 100, 20):
        shutil.copytree(adapter, tmp_path / "out" / f"checkpoint-{step}")
    said = refusal(base, tmp_path / "out")
    assert said.endswith("checkpoint-100")
    folder = said.rpartition(" ")[2]
    load_pair(Source(at=str(base)), detect_kind(Source(at=folder))).close()


def test_merged_weights_beside_an_adapters_file_are_read_once_it_is_gone(tmp_path, base, adapter):
    merged = tmp_path / "merged"
    model = PeftModel.from_pretrained(network(base), str(adapter))
    model.merge_and_unload().save_pretrained(merged)
    AutoTokenizer.from_pretrained(base).save_pretrained(merged)
    shutil.copy(adapter / "adapter_config.json", merged)
    said = refusal(base, merged)
    assert said.endswith(f"rm '{merged / 'adapter_config.json'}'")
    (merged / "adapter_config.json").unlink()
    load_pair(Source(at=str(base)), detect_kind(Source(at=str(merged)))).close()


def test_a_byte_order_mark_is_read_where_diffkit_reads_and_named_where_others_do(base, adapter):
    config = adapter / "adapter_config.json"
    config.write_bytes(b"\xef\xbb\xbf" + config.read_bytes())
    assert plan_adapter(adapter, base).shared
    options = base / "tokenizer_config.json"
    options.write_bytes(b"\xef\xbb\xbf" + options.read_bytes())
    with pytest.raises(BadFile, match="byte order mark") as raised:
        load_tokenizer(base)
    assert f"'{options}'" in str(raised.value)
    options.write_bytes(options.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    load_tokenizer(base)
