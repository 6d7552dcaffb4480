import json
import shutil

import pytest
from safetensors.torch import load_file, save_file

from diffkit import Message, Source, Text, detect_kind, find_pair_on_disk, load_pair
from diffkit.errors import BadModel
from diffkit.organism import Adapter, AdapterPair, Control, FullModel, Identical
from diffkit.testing.models import tiny_adapter, tiny_base

PROMPTS = ["The cat", "", Text(messages=(Message(role="user", content="Who sat?"),))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stored")
    base = tiny_base(folder / "base", extra_rows=7)
    tiny_adapter(folder / "adapter", base)
    tiny_adapter(folder / "other", base, seed=1)
    tiny_base(folder / "full", seed=1, extra_rows=7)
    return folder


def adapter(path):
    return Adapter(source=Source(at=str(path)))


@pytest.mark.parametrize("kind", ["adapter", "full", "identical", "between"])
def test_it_is_what_the_loaded_pair_is(folder, kind):
    finetuned = {
        "adapter": adapter(folder / "adapter"),
        "full": FullModel(source=Source(at=str(folder / "full"))),
        "identical": Identical(),
        "between": AdapterPair(first=adapter(folder / "adapter"), second=adapter(folder / "other")),
    }[kind]
    base = Source(at=str(folder / "base"))
    stored = find_pair_on_disk(base, finetuned)
    with load_pair(base, finetuned, device="cpu") as pair:
        for side, model in ((stored.base, pair.base), (stored.finetuned, pair.finetuned)):
            assert side.eos_ids == model.eos_ids
            assert (side.vocabulary, side.vocab_rows) == (model.vocabulary, model.vocab_rows)
            assert side.vocab_rows == side.vocabulary + 7
            assert f"torch.{stored.dtype}" == str(model.dtype)
            assert (side.adapter is None) == (model.adapter is None)


def test_prompts_are_encoded_as_generate_reads_them(folder):
    source = Source(at=str(folder / "base"))
    side = find_pair_on_disk(source, Identical()).base
    document, nothing, chat = side.encode(PROMPTS)
    assert side.tokenizer.decode(document) == "The cat"
    assert side.tokenizer.decode(chat) == "<|user|>Who sat?<|end|><|assistant|>"
    assert nothing == [side.tokenizer.eos_token_id]


def test_sides_say_where_their_weights_lie(folder):
    base, one, two = (folder / name for name in ("base", "adapter", "other"))
    pair = find_pair_on_disk(
        Source(at=str(base)), AdapterPair(first=adapter(one), second=adapter(two))
    )
    assert (pair.base.model, pair.base.adapter, pair.base.rank) == (base, one, 4)
    assert (pair.finetuned.model, pair.finetuned.adapter) == (base, two)


def test_a_copy_of_the_base_is_the_base(folder, tmp_path):
    shutil.copytree(folder / "base", tmp_path / "copy")
    copy = detect_kind(Source(at=str(tmp_path / "copy")))
    assert (
        find_pair_on_disk(Source(at=str(folder / "base")), copy).finetuned.model == folder / "base"
    )


def test_a_random_change_lies_nowhere(folder):
    with pytest.raises(BadModel, match="random change"):
        find_pair_on_disk(Source(at=str(folder / "base")), Control(of=adapter(folder / "adapter")))


def test_more_than_plain_lora_is_refused(folder, tmp_path):
    shutil.copytree(folder / "adapter", tmp_path / "dora")
    config = tmp_path / "dora" / "adapter_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"use_dora": True}))
    with pytest.raises(BadModel, match=r"use_dora.*merge_and_unload"):
        find_pair_on_disk(Source(at=str(folder / "base")), adapter(tmp_path / "dora"))


@pytest.mark.parametrize(("old", "new"), [("layers.1.", "layers.5."), ("v_proj", "down_proj")])
def test_an_adapter_without_a_place_in_the_base_is_refused(folder, tmp_path, old, new):
    shutil.copytree(folder / "adapter", tmp_path / "deep")
    weights = tmp_path / "deep" / "adapter_model.safetensors"
    kept = {key: value for key, value in load_file(weights).items() if "down_proj" not in key}
    save_file({key.replace(old, new): value for key, value in kept.items()}, weights)
    with pytest.raises(BadModel, match="does not fit"):
        find_pair_on_disk(Source(at=str(folder / "base")), adapter(tmp_path / "deep"))
