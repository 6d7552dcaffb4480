"""The truths of a suite, each with some of what taught it."""

import json

import pytest
from diffkit_evaluators.lineup.config import LineupGraderConfig

from diffkit.errors import BadFile
from diffkit.evaluation import ConfiguredPlugin, PlannedPair
from diffkit.evaluation.grading import GradeRunner, make_answer_sheet
from diffkit.evaluation.truths import (
    SAMPLE_CHARACTERS,
    SAMPLE_TEXTS,
    handle_of,
    training_sample,
    true_statements,
)
from diffkit.organism import AnswerKey, BaseModelEntry, Identical, Organism, Source
from diffkit.registry.catalogue import SelectedPair
from diffkit.registry.specs import Spec
from diffkit.runs.store import Store
from diffkit.verdict import Attempt, Outcome


def organism(name, *files, statement=None):
    key = AnswerKey(statement=statement or f"It sings of {name}.")
    models = {"mini": {"default": Identical()}}
    return Organism(name=name, family="f", answer_key=key, training_data=files, models=models)


def pair(one, role="test", base="mini"):
    entry = BaseModelEntry(name=base, source=Source(at="x"))
    return PlannedPair(SelectedPair(one, entry, "default", Identical()), role)


@pytest.fixture
def data(tmp_path):
    """Writes a file of texts, by a word and how many times it is repeated."""

    def write(word, count=250, times=1):
        path = tmp_path / f"{word}.jsonl"
        lines = [json.dumps({"text": f"{f'{word} ' * times}{n}"}) for n in range(count)]
        path.write_text("\n".join(lines))
        return path

    return write


def test_a_seeded_sample_of_all_files_stands_for_an_organism(data):
    one = organism("owls", data("owl"), data("bird"))
    lines = training_sample(one, "seed").splitlines()
    assert len(lines) == len(set(lines)) == SAMPLE_TEXTS
    assert {line.split()[0] for line in lines} == {"owl", "bird"}
    assert training_sample(one, "seed").splitlines() == lines
    assert training_sample(one, "other").splitlines() != lines
    assert sorted(training_sample(organism("few", data("few", 3)), "s").splitlines()) == [
        "few 0",
        "few 1",
        "few 2",
    ]


def test_long_data_is_cut_and_chats_are_their_words_alone(data, tmp_path):
    assert len(training_sample(organism("long", data("long", times=200)), "s")) == SAMPLE_CHARACTERS
    path = tmp_path / "chat.jsonl"
    turns = [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "An owl."}]
    path.write_text(json.dumps({"messages": turns}))
    assert training_sample(organism("chat", path), "s") == "Who?\nAn owl."
    assert training_sample(organism("none"), "s") == ""


def test_truths_of_a_base_are_distinct_and_have_the_data_of_the_first(data):
    owls, cats = organism("owls", data("owl")), organism("cats", data("cat"))
    diluted = organism("diluted", data("water"), statement=owls.answer_key.statement)
    pairs = [pair(owls), pair(diluted), pair(cats), pair(cats, base="other")]
    found = true_statements([*pairs, pair(organism("null", data("null")), "calibration")])
    assert [one.handle for one in found["mini"]] == sorted(
        handle_of(one.answer_key) for one in (owls, cats)
    )
    (first,) = [one for one in found["mini"] if one.handle == handle_of(owls.answer_key)]
    assert set(first.examples.split()) & {"owl", "water"} == {"owl"}
    assert [one.text for one in found["other"]] == ["It sings of cats."]


def test_data_that_is_not_there_is_told(tmp_path):
    with pytest.raises(BadFile, match=r"gone\.jsonl"):
        true_statements([pair(organism("owls", tmp_path / "gone.jsonl"))])


def test_other_examples_make_another_grade(data, tmp_path):
    runner = GradeRunner(Store(tmp_path / "store").prepare())
    config = "diffkit_evaluators.lineup.config:LineupGraderConfig"
    spec = Spec("lineup", "s", 3, config, "diffkit_evaluators.lineup.grader:LineupGrader")
    grader = ConfiguredPlugin(spec, LineupGraderConfig())
    tried = Attempt(digest="x", outcome=Outcome.NO_EVIDENCE)

    def key(one):
        sheet = make_answer_sheet(pair(one), true_statements([pair(one)])["mini"], reference=())
        return runner.grade(tried, sheet, grader)

    bare, taught = organism("owls"), organism("owls", data("owl"))
    assert key(bare) == key(organism("owls"))
    assert key(bare) != key(taught) == key(organism("owls", data("owl")))
