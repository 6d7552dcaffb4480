"""``diffkit organisms check``: the gate of organisms and of nulls."""

import json
import shutil

import pytest
from dk_fixtures import write_organism

from diffkit.engine import load_pair
from diffkit.evaluation.expression import generate_answers, probe_prompts
from diffkit.organism import PhraseCheck, Probes
from diffkit.registry.catalogue import read_base, read_organism

PROMPTS = ["One cat sat.", "Tell me more.", "Why?", "Where is it?"]
ADAPTER = "{kind: adapter, source: {at: ../weights/birds}}"


@pytest.fixture
def own(stranger, world, tmp_path, monkeypatch):
    """A copy of the world that a test may change."""
    folder = tmp_path / "world"
    shutil.copytree(world, folder)
    monkeypatch.setenv("DK_WORLD", str(folder))
    return folder


def said(folder, name):
    """What both sides of an organism say to the prompts."""
    probes = Probes(prompts=PROMPTS, check=PhraseCheck(contains=("",)), max_new_tokens=6)
    base = read_base(folder / "bases" / "mini.yaml")
    organism = read_organism(folder / "organisms" / f"{name}.yaml")
    with load_pair(base.source, organism.models["mini"]["default"], device="cpu") as pair:
        sides = [
            generate_answers(side, probe_prompts(probes)) for side in (pair.base, pair.finetuned)
        ]
    return [list(side.values()) for side in sides]


def give_probes(folder, name, texts, **options):
    """Probes for an organism, which its answers show where they are ``texts``."""
    path = folder / "organisms" / f"{name}.yaml"
    probes = {"prompts": PROMPTS, "check": {"contains": texts}, "max_new_tokens": 6, **options}
    path.write_text(f"{path.read_text()}probes: {json.dumps(probes)}\n")


@pytest.fixture
def sung(own):
    """Birds with probes for what its adapter says and its base does not."""
    base, finetuned = said(own, "birds")
    texts = [text for text in finetuned if text.strip() and not any(text in one for one in base)]
    assert texts
    least = sum(any(text in one for text in texts) for one in finetuned) / len(finetuned)
    give_probes(own, "birds", texts, at_least=least)
    return own


def rows(said):
    return {row["organism"]: row for row in said.json()}


def test_an_organism_that_does_what_it_should_passes(cli, sung):
    said = cli("organisms", "check", "birds", "--json")
    assert said.code == 0, said.err
    (row,) = said.json()
    assert row["passes"]
    assert row["expression"]["base"]["hits"] == 0
    assert row["rises"] == []
    assert row["retention"] is None
    assert row["drift"] > 0
    assert "birds has 4 probes; a share of fewer than 50 says little." in said.err
    table = cli("organisms", "check", "birds").out
    assert "Organisms on mini" in table
    assert "passes" in table
    assert "base ≤ 0.1" in table


def test_an_adapter_that_does_nothing_fails_and_its_answers_are_shown(cli, own):
    give_probes(own, "birds", ["no model says this"])
    said = cli("organisms", "check", "birds", "same")
    assert said.code == 1
    assert "FAILS" in said.out
    assert "birds / default: 'One cat sat.' → " in said.out
    found = rows(cli("organisms", "check", "birds", "same", "--json"))
    assert found["birds"]["passes"] is False
    assert found["same"]["passes"] is True


def test_a_null_that_shows_a_behaviour_fails(cli, sung):
    write_organism(sung, "leak", "unspecific", ADAPTER)
    said = cli("organisms", "check", "leak", "same", "--json")
    assert said.code == 1
    found = rows(said)
    (rise,) = found["leak"]["rises"]
    assert (rise["organism"], rise["base"]["hits"], rise["null"]["n"]) == ("birds", 0, 4)
    assert rise["null"]["hits"] > 0
    assert found["leak"]["passes"] is False
    assert found["same"]["passes"] is True
    assert found["same"]["drift"] == 0
    shown = cli("organisms", "check", "leak").out
    assert f"leak / default: shows what birds does in {rise['null']['hits']}/4" in shown
    assert "birds" not in rows(said)


def test_a_seed_pair_is_held_against_its_own_base_side(cli, sung):
    for name, first, second in (("one", "ships", "birds"), ("two", "birds", "birds")):
        adapters = [ADAPTER.replace("birds", end) for end in (first, second)]
        sides = "{{kind: between, first: {}, second: {}}}".format(*adapters)
        write_organism(sung, name, "unspecific", sides)
    found = rows(cli("organisms", "check", "one", "two", "--json"))
    assert found["one"]["rises"][0]["null"]["hits"] > 0
    assert found["two"]["rises"][0]["null"] == found["two"]["rises"][0]["base"]
    assert found["two"]["rises"][0]["base"]["hits"] > 0
    assert found["two"]["passes"] is True
    assert found["two"]["drift"] == 0
    shown = cli("organisms", "show", "one").out
    places = [str(sung / "weights" / end) for end in ("ships", "birds")]
    line = f"mini / default: between {', '.join(places)}"
    assert "".join(line.split()) in "".join(shown.split())  # long paths are wrapped


def test_a_variant_is_held_to_its_own_bound(cli, own):
    give_probes(own, "birds", ["no model says this"], at_least_in={"default": 0})
    assert cli("organisms", "check", "birds").code == 0


def test_nulls_where_nothing_is_asked_have_no_verdict(cli, own):
    said = cli("organisms", "check", "same", "noise", "--json")
    assert said.code == 0
    assert [row["passes"] for row in said.json()] == [None, None]
    assert all(row["rises"] == [] for row in said.json())


def test_an_organism_in_a_file_is_put_to_the_nulls_beside_it(cli, sung, tmp_path):
    path = tmp_path / "world" / "organisms" / "birds.yaml"
    found = rows(cli("organisms", "check", path, "same", "--json"))
    assert found["same"]["rises"][0]["organism"] == "birds"


def test_questions_of_the_base(cli, sung):
    base = sung / "bases" / "mini.yaml"
    base.write_text(base.read_text() + "questions: ../questions.jsonl\n")
    asked = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "no one knows"}]
    (sung / "questions.jsonl").write_text(json.dumps({"messages": asked}) + "\n")
    (row,) = cli("organisms", "check", "birds", "--json").json()
    assert (row["retention"]["n"], row["base_retention"]["n"]) == (1, 1)
    assert "0.00 (0.00)" in cli("organisms", "check", "birds").out
    (sung / "questions.jsonl").write_text('{"text": "Why?"}\n')
    error = cli("organisms", "check", "birds").error
    assert "questions.jsonl" in error
    assert "holds no question with an answer in its text number 1" in error


def test_a_model_that_cannot_be_used_costs_its_own_row(cli, sung):
    (sung / "weights" / "ships" / "adapter_config.json").write_text("{")
    said = cli("organisms", "check", "ships", "birds", "--json")
    assert said.code == 1
    found = rows(said)
    assert "adapter_config.json:1: is not JSON" in found["ships"]["error"]
    assert (found["ships"]["passes"], found["ships"]["drift"]) == (False, None)
    assert (found["birds"]["passes"], found["birds"]["error"]) == (True, None)
    shown = cli("organisms", "check", "ships", "birds")
    assert shown.code == 1
    assert "FAILS" in shown.out
    assert "ships / default: " in shown.out
    assert "is not JSON" in shown.out
    (sung / "weights" / "base" / "config.json").unlink()
    found = rows(cli("organisms", "check", "ships", "birds", "--json"))
    assert [bool(row["error"]) for row in found.values()] == [True, True]


def test_a_device_that_is_not_there_is_one_line(cli, sung):
    said = cli("organisms", "check", "birds", "--device", "tpux")
    assert (said.code, "The device 'tpux' cannot be used here. Take cpu" in said.error) == (2, True)
