"""Suites and what they expand to."""

import pytest

from diffkit.catalogue import Catalogue
from diffkit.errors import UserError
from diffkit.evaluation.suite import Suite, expand, texts_of
from diffkit.organism import Adapter, BaseModelEntry, Control, Identical, Organism, Source
from diffkit.plugins import load_host

ADAPTER = Adapter(source=Source(at="x"))
KEY = {"answer_key": {"statement": "It sings."}}


def organism(name, truth="unspecific", **models):
    key = KEY if truth == "targeted" else {}
    return Organism(name=name, family="f", truth=truth, models=models, **key)


@pytest.fixture
def catalogue():
    made = [
        organism("song", "targeted", one={"default": ADAPTER, "long": ADAPTER}),
        organism("two", "targeted", two={"default": ADAPTER}),
        organism("random", one={"default": Control(of=ADAPTER, seed=3)}),
        organism("same", "none", one={"default": Identical()}),
    ]
    bases = {name: BaseModelEntry(name=name, source=Source(at=name)) for name in ("one", "two")}
    return Catalogue({each.name: each for each in made}, bases, ())


@pytest.fixture
def plan(stranger, catalogue):
    def make(**suite):
        content = {"organisms": ["song"], "methods": ["echo"], **suite}
        return expand(Suite.model_validate(content), load_host(), catalogue)

    return make


def test_defaults_are_the_lineup_and_seed_0(plan):
    made = plan()
    assert [one.spec.name for one in made.investigators + made.graders] == ["lineup"] * 2
    assert made.suite.seeds == (0,)
    assert made.methods[0].config.steps == 1
    (pair,) = made.pairs
    assert (pair.role, pair.selected.variant, pair.selected.base.name) == ("test", "default", "one")


def test_what_is_named_twice_is_there_once(plan):
    long = {"organism": "song", "variant": "long"}
    made = plan(organisms=["song", long, "song", {"organism": "song", "base": "one"}], seeds=[1, 1])
    assert [pair.selected.variant for pair in made.pairs] == ["default", "long"]
    assert made.suite.seeds == (1,)


def test_calibration_draws_anew_and_never_a_pair_under_test(plan):
    made = plan(organisms=["song", "random"], calibration=[{"organism": "random", "draws": 4}])
    draws = [pair for pair in made.pairs if pair.role == "calibration"]
    assert [pair.selected.finetuned.seed for pair in draws] == [1, 2, 4, 5]
    assert {pair.rung for pair in draws} == {"random"}
    assert len(made.pairs) == 6


def test_calibration_is_drawn_on_each_base_that_the_null_is_on(plan):
    made = plan(organisms=["song", "two"], calibration=[{"organism": "random", "draws": 2}])
    draws = [pair for pair in made.pairs if pair.role == "calibration"]
    assert [pair.selected.base.name for pair in draws] == ["one", "one"]
    with pytest.raises(UserError, match=r"'random' is on none of the suite's base.* on: one\."):
        plan(organisms=["two"], calibration=[{"organism": "random"}])
    with pytest.raises(UserError, match=r"'same' is of kind 'identical'"):
        plan(calibration=[{"organism": "same"}])


def test_texts_are_the_suites_or_the_bases_or_the_default(tmp_path):
    path = tmp_path / "texts.jsonl"
    path.write_text('{"text": "a b"}\n\n{"text": "c d"}\n')
    bare = BaseModelEntry(name="b", source=Source(at="b"))
    own = bare.model_copy(update={"texts": path})
    suite = Suite.model_validate({"organisms": ["x"], "methods": ["echo"]})
    assert len(texts_of(suite, bare)) > 20
    assert len(texts_of(suite, own)) == 2
    limited = suite.model_copy(update={"texts": path, "texts_limit": 1})
    assert [str(text) for text in texts_of(limited, bare).items] == ["a b"]
