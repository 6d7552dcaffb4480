"""Suites and what they expand to."""

import pytest
from pydantic import ValidationError

from diffkit.datasets.text_sources import TextSource
from diffkit.errors import SeveralBases, UnknownName, UserError
from diffkit.evaluation import Suite
from diffkit.evaluation.plan import expand_suite, texts_of
from diffkit.organism import Adapter, BaseModelEntry, Control, Identical, Organism, Source
from diffkit.registry.catalogue import Catalogue
from diffkit.registry.plugin_host import load_plugins

ADAPTER, OTHER, ANOTHER = (Adapter(source=Source(at=at)) for at in ("x", "y", "z"))
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
        organism("fixed", one={"seed-1": OTHER, "seed-2": ANOTHER}),
        organism("same", "none", one={"default": Identical()}),
        organism("duet", "targeted", two={"default": ADAPTER}, one={"default": OTHER}),
        organism("noise", two={"default": Control(of=OTHER)}, one={"default": Control(of=OTHER)}),
    ]
    bases = {name: BaseModelEntry(name=name, source=Source(at=name)) for name in ("one", "two")}
    return Catalogue({each.name: each for each in made}, bases, ())


@pytest.fixture
def plan(stranger, catalogue):
    def make(**suite):
        content = {"organisms": ["song"], "methods": ["echo"], **suite}
        return expand_suite(Suite.model_validate(content), load_plugins(), catalogue)

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
    assert {pair.null_type for pair in draws} == {"random"}
    assert len(made.pairs) == 6


def test_calibration_is_drawn_on_each_base_that_the_null_is_on(plan):
    made = plan(organisms=["song", "two"], calibration=[{"organism": "random", "draws": 2}])
    draws = [pair for pair in made.pairs if pair.role == "calibration"]
    assert [pair.selected.base.name for pair in draws] == ["one", "one"]
    with pytest.raises(UserError, match=r"'random' is on none of the suite's base.* on: one\."):
        plan(organisms=["two"], calibration=[{"organism": "random"}])
    for name, truth in (("same", "none"), ("song", "targeted")):
        with pytest.raises(UserError, match=f"'{name}' cannot be a .* truth class is '{truth}'"):
            plan(calibration=[{"organism": name}])


def test_a_star_or_no_default_stands_for_all_variants(plan):
    def variants(*organisms):
        return [pair.selected.variant for pair in plan(organisms=organisms).pairs]

    assert variants("song") == ["default"]
    assert variants({"organism": "song", "variant": "*"}) == ["default", "long"]
    assert variants("fixed") == ["seed-1", "seed-2"]
    assert variants({"organism": "fixed", "variant": "seed-2"}, "fixed") == ["seed-2", "seed-1"]


def test_an_organism_on_several_bases_is_never_on_the_first_unasked(plan):
    def bases(*organisms, **suite):
        made = plan(organisms=list(organisms), **suite)
        return [(pair.selected.organism.name, pair.selected.base.name) for pair in made.pairs]

    with pytest.raises(SeveralBases, match=r"'duet' is on several base models: two, one\."):
        bases("song", "duet")
    assert bases("song", {"organism": "duet", "base": "one"}) == [("song", "one"), ("duet", "one")]
    assert bases("song", "duet", base="one") == [("song", "one"), ("duet", "one")]
    assert bases("duet", {"organism": "duet", "base": "two"}, base="one") == [
        ("duet", "one"),
        ("duet", "two"),
    ]
    assert bases("song", "duet", base="*") == [("song", "one"), ("duet", "two"), ("duet", "one")]
    with pytest.raises(UnknownName, match="base model of 'song' named 'two'"):
        bases("song", base="two")


def test_calibration_nulls_may_be_for_one_base(plan):
    def nulls(*calibration):
        made = plan(organisms=["duet"], base="*", calibration=list(calibration))
        return [p.selected.base.name for p in made.pairs if p.role == "calibration"]

    assert nulls({"organism": "noise", "draws": 1}) == ["two", "one"]
    assert nulls({"organism": "noise", "draws": 1, "base": "*"}) == ["two", "one"]
    assert nulls({"organism": "noise", "draws": 1, "base": "one"}) == ["one"]
    with pytest.raises(UserError, match=r"'noise' is on 'two', where no pair is under test\..*one"):
        plan(calibration=[{"organism": "noise", "base": "two"}])
    with pytest.raises(UnknownName, match="base model of 'random' named 'two'"):
        nulls({"organism": "random", "base": "two"})


def test_two_bases_of_one_name_are_refused(plan, tmp_path):
    for place in ("left", "right"):
        (tmp_path / place / "bases").mkdir(parents=True)
        (tmp_path / place / "bases" / "b.yaml").write_text(
            f"name: b\nsource: {{at: org/{place}}}\n"
        )
        (tmp_path / place / "o.yaml").write_text(
            f"name: {place}\nfamily: f\ntruth: none\n"
            "models: {b: {default: {kind: identical}}}\n"
        )
    files = [str(tmp_path / place / "o.yaml") for place in ("left", "right")]
    with pytest.raises(UserError, match=r"Two base models are named 'b'.*org/left.*org/right"):
        plan(organisms=files)
    assert len(plan(organisms=files[:1]).pairs) == 1


def test_paths_of_a_suite_start_at_its_folder_and_lose_their_dots(tmp_path):
    suite = Suite.model_validate(
        {
            "organisms": ["../organisms/a.yaml", {"organism": "b", "base": "../bases/b.yaml"}],
            "base": "c.yaml",
            "methods": ["echo"],
            "calibration": [{"organism": "n.yaml", "base": "one"}],
        }
    ).resolve_paths(tmp_path / "suites" / "suite.yaml")
    first, second = suite.organisms
    assert (first.organism, first.base) == (str(tmp_path / "organisms" / "a.yaml"), None)
    assert (second.organism, second.base) == ("b", str(tmp_path / "bases" / "b.yaml"))
    assert suite.base == str(tmp_path / "suites" / "c.yaml")
    assert suite.calibration[0].organism == str(tmp_path / "suites" / "n.yaml")
    assert suite.calibration[0].base == "one"


def test_a_null_that_is_not_drawn_gives_all_its_variants(plan):
    fixed = {"organism": "fixed"}
    made = plan(calibration=[fixed, fixed, {"organism": "random", "draws": 1}])
    nulls = [(p.null_type, p.selected.variant) for p in made.pairs if p.role == "calibration"]
    assert nulls == [("fixed", "seed-1"), ("fixed", "seed-2"), ("random", "draw-1")]
    one_tested = ["song", {"organism": "fixed", "variant": "seed-1"}]
    made = plan(organisms=one_tested, calibration=[{**fixed, "rung": "benign"}])
    nulls = [(p.null_type, p.selected.variant) for p in made.pairs if p.role == "calibration"]
    assert nulls == [("benign", "seed-2")]
    with pytest.raises(UserError, match=r"'fixed' on 'one' is under test itself"):
        plan(organisms=["song", "fixed"], calibration=[fixed])
    with pytest.raises(UserError, match=r"'fixed' cannot be drawn 19 times: it is fixed\."):
        plan(calibration=[{**fixed, "draws": 19}])


def test_a_random_null_with_several_scales_is_fixed(plan, catalogue):
    scaled = {f"scale-{k}": Control(of=ADAPTER, seed=9, scale=k) for k in (2, 4)}
    organisms = {**catalogue.organisms, "scaled": organism("scaled", one=scaled)}
    made = expand_suite(
        Suite.model_validate(
            {"organisms": ["song"], "methods": ["echo"], "calibration": [{"organism": "scaled"}]}
        ),
        load_plugins(),
        Catalogue(organisms, catalogue.bases, ()),
    )
    assert [pair.selected.finetuned.scale for pair in made.pairs[1:]] == [2, 4]


def test_controls_are_all_unless_a_suite_says_otherwise(plan):
    assert plan().suite.controls == (
        "no-evidence",
        "base-only",
        "evidence-swap",
        "random",
        "ceiling",
    )
    assert plan(controls=[]).suite.controls == ()
    with pytest.raises(ValidationError):
        plan(controls=["method"])


def test_texts_are_the_suites_or_the_bases_or_the_default(tmp_path):
    path = tmp_path / "texts.jsonl"
    path.write_text('{"text": "a b"}\n\n{"text": "c d"}\n')
    bare = BaseModelEntry(name="b", source=Source(at="b"))
    own = bare.model_copy(update={"texts": path})
    suite = Suite.model_validate({"organisms": ["x"], "methods": ["echo"]})
    assert len(texts_of(suite, bare)) > 20
    assert len(texts_of(suite, own)) == 2
    limited = suite.model_copy(update={"texts": (TextSource(source=path),), "texts_limit": 1})
    assert [str(text) for text in texts_of(limited, bare).items] == ["a b"]
