"""Which files of a model folder are part of a key: those that change findings, and no others."""

import json
import shutil
from datetime import datetime

import pytest
from safetensors.torch import load_file, save_file

from diffkit import Source, load_model, load_pair
from diffkit.organism import FullModel, Identical
from diffkit.runs.spec import ModelSpec, PairSpec
from diffkit.testing.models import tiny_base


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return tiny_base(tmp_path_factory.mktemp("identity") / "base")


@pytest.fixture
def folder(original, tmp_path):
    place = tmp_path / "copy"
    shutil.copytree(original, place)
    return place


def key(folder):
    return PairSpec(Source(at=str(folder)), Identical()).identity(), study_key(folder)


def study_key(folder):
    return ModelSpec(Source(at=str(folder))).identity()


def edit(path, **fields):
    old = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(old | fields))


def other_end(folder):
    config = json.loads((folder / "config.json").read_text())
    edit(folder / "generation_config.json", eos_token_id=[config.get("eos_token_id") or 0, 7])


def other_template(folder):
    path = folder / "chat_template.jinja"
    path.write_text(path.read_text() + "{# #}x")


def named_default(folder):
    (folder / "chat_template.jinja").unlink()
    (folder / "additional_chat_templates").mkdir()
    (folder / "additional_chat_templates" / "default.jinja").write_text("{{ messages }}")


def shard(folder):
    tensors = load_file(folder / "model.safetensors")
    names = sorted(tensors)
    (folder / "model.safetensors").unlink()
    files = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for file, mine in files.items():
        save_file({name: tensors[name] for name in mine}, folder / file, metadata={"format": "pt"})
    weight_map = {name: file for file, mine in files.items() for name in mine}
    edit(folder / "model.safetensors.index.json", weight_map=weight_map, metadata={"total_size": 1})


def other_weight(folder):
    tensors = load_file(folder / "model.safetensors")
    first = min(tensors)
    save_file(
        tensors | {first: tensors[first] + 1},
        folder / "model.safetensors",
        metadata={"format": "pt"},
    )


CHANGES = {
    "end tokens": other_end,
    "the chat template": other_template,
    "a named chat template": named_default,
    "a weight": other_weight,
    "config.json": lambda f: edit(f / "config.json", rms_norm_eps=0.5),
    "a quantisation": lambda f: edit(f / "config.json", quantization_config={"bits": 4}),
    "tokenizer.json": lambda f: edit(f / "tokenizer.json", version="2"),
    "tokenizer_config.json": lambda f: edit(f / "tokenizer_config.json", add_bos_token=True),
    "added_tokens.json": lambda f: edit(f / "added_tokens.json", a=500),
    "special_tokens_map.json": lambda f: edit(f / "special_tokens_map.json", bos_token="b"),
    "tokenizer.model": lambda f: (f / "tokenizer.model").write_text("x"),
    "tekken.json": lambda f: edit(f / "tekken.json", a=1),
    "merges.txt": lambda f: (f / "merges.txt").write_text("a b"),
}
NO_CHANGES = {
    "sampling": lambda f: edit(f / "generation_config.json", temperature=0.2, top_p=0.1, top_k=3),
    "a page": lambda f: (f / "README.md").write_text("x"),
    "arguments": lambda f: edit(f / "training_args.json", a=1),
    "another template": lambda f: edit(f / "chat_template.json", chat_template="x"),
    "shards": shard,
    "a version": lambda f: edit(f / "config.json", transformers_version="1", torch_dtype=None),
    "another format": lambda f: (f / "pytorch_model.bin").write_text("x"),
    "a tokenizer's path": lambda f: edit(f / "tokenizer_config.json", name_or_path="/x"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_findings_is_in_the_key(folder, change):
    before = key(folder)
    CHANGES[change](folder)
    assert all(one != two for one, two in zip(key(folder), before, strict=True))


@pytest.mark.parametrize("change", NO_CHANGES)
def test_what_does_not_change_findings_is_not(folder, change):
    before = key(folder)
    NO_CHANGES[change](folder)
    assert key(folder) == before


def test_the_templates_day_is_part_of_the_key_where_it_is_read(folder, monkeypatch):
    template = folder / "chat_template.jinja"
    keys = []
    for words in ("{{ messages }}", "{{ strftime_now('%d') }}"):
        template.write_text(words)
        before = study_key(folder)
        with monkeypatch.context() as patched:
            day = "diffkit.engine.loading.tokenizer_files.TEMPLATE_DAY"
            patched.setattr(day, datetime(1999, 1, 1))
            keys.append(study_key(folder) == before)
    assert keys == [True, False]


def test_a_side_with_the_same_weights_and_other_end_tokens_ends_by_its_own(original, folder):
    other_end(folder)
    base, full = Source(at=str(original)), FullModel(source=Source(at=str(folder)))
    same = FullModel(source=Source(at=str(original)))
    assert PairSpec(base, full).identity() != PairSpec(base, same).identity()
    with load_pair(base, full) as pair:
        assert not pair.identical
        assert pair.finetuned.eos_ids == load_model(full.source).eos_ids
        assert pair.finetuned.eos_ids == pair.base.eos_ids | {7}
    with load_pair(base, same) as pair:
        assert pair.identical
