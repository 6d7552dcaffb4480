"""What enters a key, and what does not."""

import json
import shutil
from pathlib import Path

import pytest
from dk_fixtures import write_organism
from safetensors.torch import load_file, save_file

ORGANISMS = "birds,ships,same,noise"
EVALUATE = f"evaluate --organisms {ORGANISMS} --methods echo --calibrate noise:2".split()


@pytest.fixture
def own(stranger, world, tmp_path, monkeypatch):
    """A copy of the world that a test may change."""
    folder = tmp_path / "world"
    shutil.copytree(world, folder)
    monkeypatch.setenv("DK_WORLD", str(folder))
    return folder


@pytest.fixture
def digests(cli):
    """Evaluates, and gives the digests of runs, attempts and grades in the suite's order."""

    def evaluate(*args, store="store"):
        said = cli(*(args or EVALUATE), "--store", store)
        assert said.code == 0, said.err
        record = json.loads(Path(store, "evaluations", "evaluation.json").read_text())
        judged = [judged for entry in record["entries"] for judged in entry["judged"]]
        return {
            "runs": [entry["run"] for entry in record["entries"]],
            "attempts": [one["attempt"] for one in judged],
            "grades": [one["grade"] for one in judged],
        }

    return evaluate


def test_renaming_everything_leaves_every_digest(own, digests, stranger, monkeypatch):
    before = digests()
    # Birds and their noise are found alike, and one reads nothing: the same is asked once.
    assert [len(set(keys)) for keys in before.values()] == [6, 4, 8]
    renamed = own.rename(own.with_name("elsewhere"))
    monkeypatch.setenv("DK_WORLD", str(renamed))
    (renamed / "weights").rename(renamed / "models")
    names = {"birds": "a1", "ships": "a2", "same": "n1", "noise": "n2"}
    for folder in ("birds", "ships"):
        (renamed / "models" / folder).rename(renamed / "models" / f"adapter-{folder[0]}")
        config = renamed / "models" / f"adapter-{folder[0]}" / "adapter_config.json"
        content = json.loads(config.read_text())
        config.write_text(json.dumps({**content, "base_model_name_or_path": "some/where"}))
    (renamed / "texts.jsonl").rename(renamed / "words.jsonl")
    base = renamed / "bases" / "mini.yaml"
    base.write_text("name: other\nsource: {at: ../models/base}\ntexts: ../words.jsonl\n")
    base.rename(renamed / "bases" / "x.yaml")
    for old, new in names.items():
        path = renamed / "organisms" / f"{old}.yaml"
        text = path.read_text().replace(f"name: {old}", f"name: {new}").replace("mini:", "other:")
        text = text.replace("../weights/birds", "../models/adapter-b")
        path.write_text(text.replace("../weights/ships", "../models/adapter-s"))
        path.rename(renamed / "organisms" / f"{new}.yaml")
    args = [*["evaluate", "--organisms", "a1,a2,n1,n2", "--methods", "echo", "--calibrate", "n2:2"]]
    assert digests(*args, store="another") == before
    # and on the first store nothing at all is made
    stranger.path.unlink()
    assert digests(*args) == before
    assert stranger.lines() == []


def test_a_changed_probe_reruns_nothing(own, digests, stranger):
    before = digests("evaluate", "--organisms", "birds", "--methods", "echo")
    path = own / "organisms" / "birds.yaml"
    probes = "probes: {prompts: [Sing!], check: {contains: [la]}}\n"
    path.write_text(path.read_text() + probes)
    stranger.path.unlink()
    assert digests("evaluate", "--organisms", "birds", "--methods", "echo") == before
    assert stranger.lines() == []


def test_a_changed_truth_reruns_nothing_but_grades(own, digests, stranger):
    args = "evaluate --organisms birds,same --methods echo --investigators blunt --graders strict"
    args += " --controls none"
    before = digests(*args.split())
    path = own / "organisms" / "birds.yaml"
    path.write_text(path.read_text().replace("It sings of birds.", "It hums."))
    stranger.path.unlink()
    after = digests(*args.split())
    assert after["runs"] == before["runs"]
    assert after["attempts"] == before["attempts"]
    assert not set(after["grades"]) & set(before["grades"])
    assert [line["what"] for line in stranger.lines()] == ["grade", "grade"]


def test_what_decides_a_run_is_in_its_key(own, cli, stranger):
    def computes(*args):
        before = len(stranger.lines("end"))
        said = cli("run", "echo", "--organism", "birds", *args)
        assert said.code == 0, said.err
        return len(stranger.lines("end")) > before

    assert computes()
    assert not computes()
    assert not computes("--set", "batch_size=2")
    assert not computes("--set", "pause=0.001")
    assert not computes("--set", "steps=1")  # the default, said aloud
    assert computes("--set", "word=ohce")
    assert computes("--seed", "1")
    assert computes("--dtype", "float32")
    assert computes("--fresh")
    assert not computes()
    config = own / "weights" / "base" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "dtype": "bfloat16"}))
    assert computes()
    (own / "texts.jsonl").write_text('{"text": "One cat."}\n{"text": "Three dogs."}\n')
    assert computes()
    tokenizer = own / "weights" / "base" / "chat_template.jinja"
    tokenizer.write_text(tokenizer.read_text() + " ")
    assert computes()


def test_one_changed_weight_reruns(own, cli, stranger):
    assert cli("run", "echo", "--organism", "birds").code == 0
    path = own / "weights" / "birds" / "adapter_model.safetensors"
    tensors = load_file(path)
    name = sorted(tensors)[0]
    tensors[name].view(-1)[0] += 1
    save_file(tensors, path)
    assert cli("run", "echo", "--organism", "birds").code == 0
    assert len(stranger.lines("end")) == 2


def test_a_control_is_known_by_its_source_and_seed(own, cli, stranger):
    adapter = "{kind: adapter, source: {at: ../weights/ships}}"
    for name, of, seed in (("two", adapter, 0), ("three", adapter, 1)):
        control = f"{{kind: control, of: {of}, seed: {seed}}}"
        write_organism(own, name, "unspecific", control)
    shown = {name: cli("run", "echo", "--organism", name).err for name in ("noise", "two", "three")}
    assert len(set(shown.values())) == 3
    assert len(stranger.lines("end")) == 3


def test_a_controls_scale_is_in_its_key_and_one_is_the_default(own, cli, stranger):
    of = "of: {kind: adapter, source: {at: ../weights/birds}}"
    for name, scale in (("same-scale", "1"), ("louder", "2.5")):
        control = f"{{kind: control, {of}, scale: {scale}}}"
        write_organism(own, name, "unspecific", control)
    for name in ("noise", "same-scale", "louder"):
        assert cli("run", "echo", "--organism", name).code == 0
    assert len(stranger.lines("end")) == 2
    assert len(set(stranger.runs("end"))) == 2


def test_a_seed_pair_is_known_by_both_adapters_in_order(own, cli, stranger):
    shutil.copytree(own / "weights" / "birds", own / "weights" / "again")
    adapter = "{{kind: adapter, source: {{at: ../weights/{}}}}}".format
    names = ("birds", "ships"), ("again", "ships"), ("ships", "birds"), ("birds", "again")
    for first, second in names:
        sides = f"{{kind: between, first: {adapter(first)}, second: {adapter(second)}}}"
        write_organism(own, f"{first}-{second}", "unspecific", sides)
        said = cli("run", "echo", "--organism", f"{first}-{second}")
        assert said.code == 0, said.err
    assert len(stranger.lines("end")) == 3  # a copy of an adapter is that adapter


def test_other_source_of_the_same_version_is_said(cli, stranger):
    cli("run", "echo", "--organism", "birds")
    (path,) = Path("diffkit-runs/runs").glob("*/manifest.json")
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "source": "0" * 64}))
    said = cli("run", "echo", "--organism", "birds")
    assert said.code == 0
    assert "made by other source of 'echo' with the same version" in said.err
    assert "--fresh" in said.err
    said = cli("evaluate", "--organisms", "birds", "--methods", "echo")
    assert "Runs of 'echo' in the store come from other source; --fresh" in said.err
    assert len(stranger.lines("end")) == 1
    cli("run", "echo", "--organism", "birds", "--fresh")
    assert "other source" not in cli("run", "echo", "--organism", "birds").err
