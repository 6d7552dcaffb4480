"""Organisms and bases from folders."""

import json
from pathlib import Path

import pytest

from diffkit.errors import BadFile, SeveralBases, UnknownName
from diffkit.evaluation.calibration import CalibrationRow, read_tables
from diffkit.registry.catalogue import read_base, read_catalogue, read_organism

NULL = "name: {name}\nfamily: f\ntruth: none\nmodels: {{base: {{default: {{kind: identical}}}}}}\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "organisms").mkdir()
    (tmp_path / "bases").mkdir()
    return tmp_path


def test_paths_are_meant_from_the_yaml_and_hub_ids_are_left(folder):
    path = folder / "organisms" / "a.yaml"
    path.write_text(
        """
name: a
family: f
answer_key: {statement: It sings.}
training_data: [../data.jsonl]
models:
  base:
    near: {kind: adapter, source: {at: ../weights/a}}
    hub: {kind: full, source: {at: org/model, revision: abc}}
    drawn: {kind: control, of: {kind: adapter, source: {at: ./b}}, seed: 2}
    seeds:
      kind: between
      first: {kind: adapter, source: {at: ../weights/a}}
      second: {kind: adapter, source: {at: org/model}}
"""
    )
    variants = read_organism(path).models["base"]
    assert variants["near"].source.at == str(folder / "weights" / "a")
    assert variants["hub"].source.at == "org/model"
    assert variants["drawn"].of.source.at == str(folder / "organisms" / "b")
    assert variants["seeds"].first.source.at == str(folder / "weights" / "a")
    assert variants["seeds"].second.source.at == "org/model"
    (data,) = read_organism(path).training_data
    assert data.resolve() == folder / "data.jsonl"
    base = folder / "bases" / "b.yaml"
    base.write_text(
        "name: b\nsource: {at: weights}\n"
        "texts: texts.jsonl\nquestions: asked.jsonl\ncorpus: ../all.jsonl\n"
    )
    (folder / "bases" / "weights").mkdir()
    assert read_base(base).source.at == str(folder / "bases" / "weights")
    assert read_base(base).texts == folder / "bases" / "texts.jsonl"
    assert read_base(base).questions == folder / "bases" / "asked.jsonl"
    assert read_base(base).corpus == folder / "all.jsonl"


def test_a_broken_file_costs_a_line(folder):
    (folder / "organisms" / "a.yaml").write_text(NULL.format(name="a"))
    (folder / "organisms" / "b.yaml").write_text("name: b\n")
    (folder / "bases" / "c.yaml").write_text("")
    found = read_catalogue([folder])
    assert list(found.organisms) == ["a"]
    assert [Path(line.split(":")[0]).name for line in found.broken] == ["c.yaml", "b.yaml"]


def test_a_name_that_two_claim_is_used_for_neither(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / "organisms").mkdir()
    for place in (folder, other):
        (place / "organisms" / "a.yaml").write_text(NULL.format(name="a"))
    (other / "organisms" / "b.yaml").write_text(NULL.format(name="a"))
    (other / "organisms" / "c.yaml").write_text(NULL.format(name="c"))
    found = read_catalogue([folder, other])
    assert list(found.organisms) == ["c"]
    assert len(found.broken) == 2
    assert all(str(folder) in line and str(other) in line for line in found.broken)


def test_a_selection_names_what_it_does_not_find(folder):
    (folder / "organisms" / "a.yaml").write_text(NULL.format(name="apple"))
    (folder / "bases" / "b.yaml").write_text("name: base\nsource: {at: ./w}\n")
    found = read_catalogue([folder])
    assert found.select("apple").variant == "default"
    assert found.select(str(folder / "organisms" / "a.yaml")).organism.name == "apple"
    for wanted, words in (
        (("aple", None, None), "organism named 'aple'. Did you mean 'apple'"),
        (("apple", "bass", None), "base model of 'apple' named 'bass'. Did you mean 'base'"),
        (("apple", None, "defau"), "on 'base' named 'defau'. Did you mean 'default'"),
    ):
        with pytest.raises(UnknownName) as caught:
            found.select(wanted[0], base=wanted[1], variant=wanted[2])
        assert words in str(caught.value)
    with pytest.raises(BadFile, match=r"none\.yaml: cannot be read"):
        found.organism("none.yaml")


def test_a_truth_has_an_answer_if_and_only_if_something_was_targeted(folder):
    path = folder / "organisms" / "a.yaml"
    path.write_text(NULL.format(name="a") + "answer_key: {statement: It sings.}\n")
    with pytest.raises(BadFile, match=r"an answer_key if, and only if"):
        read_organism(path)


@pytest.mark.parametrize("place", ["organisms/a.yaml", "a.yaml"])
def test_an_organism_in_a_file_finds_the_base_beside_it(folder, place):
    (folder / place).write_text(NULL.format(name="a"))
    (folder / "bases" / "base.yaml").write_text("name: base\nsource: {at: org/model}\n")
    selected = read_catalogue([]).select(str(folder / place))
    assert selected.base.source.at == "org/model"
    with pytest.raises(UnknownName, match="base"):
        read_catalogue([]).base("base")


def test_an_organism_on_several_bases_needs_one_or_a_star(folder):
    (folder / "organisms" / "a.yaml").write_text(
        "name: a\nfamily: f\ntruth: none\nmodels:\n"
        "  two: {default: {kind: identical}}\n  one: {default: {kind: identical}}\n"
    )
    for name in ("one", "two"):
        (folder / "bases" / f"{name}.yaml").write_text(
            f"name: {name}\nsource: {{at: org/{name}}}\n"
        )
    found = read_catalogue([folder])

    def bases(base=None):
        return [one.source.at for one in found.bases_of("a", base=base)]

    with pytest.raises(SeveralBases, match=r"'a' is on several base models: two, one\."):
        bases()
    assert bases("one") == ["org/one"]
    assert bases(str(folder / "bases" / "one.yaml")) == ["org/one"]
    assert bases("*") == ["org/two", "org/one"]
    with pytest.raises(UnknownName, match=r"base model of 'a' named 'three'"):
        bases("three")
    assert found.organism_files == {"a": folder / "organisms" / "a.yaml"}
    assert found.base_files["one"] == folder / "bases" / "one.yaml"


def test_single_files_are_places_too_and_a_base_beside_is_found(folder):
    (folder / "organisms" / "a.yaml").write_text(NULL.format(name="a"))
    (folder / "bases" / "base.yaml").write_text("name: base\nsource: {at: org/model}\n")
    alone = read_catalogue([folder / "organisms" / "a.yaml"])
    assert (list(alone.organisms), list(alone.bases)) == (["a"], [])
    assert alone.select("a").base.source.at == "org/model"
    both = read_catalogue([folder, folder / "organisms" / "a.yaml", folder / "bases" / "base.yaml"])
    assert (list(both.organisms), list(both.bases), both.broken) == (["a"], ["base"], ())


def test_calibration_tables_are_read_when_they_are_needed_and_a_broken_one_is_left_out(
    folder, tmp_path_factory, caplog
):
    row = {"run": "a", "method": "kl", "rung": "random", "change_score": 0.5}
    other = tmp_path_factory.mktemp("other")
    for place, claims in ((folder, {"one": "x"}), (other, {"two": ""})):
        (place / "calibration").mkdir()
        lines = json.dumps({**row, "claims": claims}) + "\n\n"
        (place / "calibration" / "b.jsonl").write_text(lines)
    (folder / "calibration" / "a.jsonl").write_text('{"run": "b"}\n')
    found = read_catalogue([folder, other])
    assert caplog.messages == []
    assert read_tables(found.tables) == {
        "a": CalibrationRow.model_validate({**row, "claims": {"one": "x", "two": ""}})
    }
    assert "a.jsonl:1: method: this field is required" in caplog.messages[0]
    assert "diffkit calibrate SUITE --out FILE" in caplog.messages[0]
