"""Passports: the calibration set, what a grader makes of it, and how it is kept."""

import pytest
from dk_judges import answers, careful, gullible

from diffkit import AnswerSheet, Attempt, Grade, Grader, MethodConfig, UserError
from diffkit.chat.prices import Prices
from diffkit.chat.session import ChatSession
from diffkit.chat.transcript import read_transcript
from diffkit.errors import BadFile, StoreError, Unavailable
from diffkit.evaluation import ConfiguredPlugin, plugin_key
from diffkit.evaluation.grading import (
    ATTACK_KINDS,
    RIGHT_KINDS,
    ChatSessions,
    ClaimCheck,
    GraderValidation,
    ValidationSet,
    read_validation,
    read_validation_set,
    save_validation,
    validate_grader,
)
from diffkit.options.validation import validate_options
from diffkit.registry.plugin_host import load_plugins
from diffkit.registry.specs import Spec
from diffkit.runs.store import Store
from diffkit.statistics import wilson
from diffkit.testing.endpoint import ScriptedEndpoint, always, fails

SET = read_validation_set()


def quiet(items, **_):
    return items


class Yes(Grader[MethodConfig]):
    """Finds everything right."""

    def grade(self, attempt: Attempt, sheet: AnswerSheet, config, context) -> Grade:
        return Grade(score=1, chance=0)


class Picky(Grader[MethodConfig]):
    """Fails on some claims."""

    def grade(self, attempt: Attempt, sheet: AnswerSheet, config, context) -> Grade:
        if sheet.answer is None:
            msg = "it takes\nno nulls"
            raise ValueError(msg)
        return Grade(score=0.5, chance=0)


class Looking(Yes):
    needs = frozenset({"pair"})


class Keyless(Yes):
    def grade(self, attempt: Attempt, sheet: AnswerSheet, config, context) -> Grade:
        raise UserError("There is no key.")


def component(grader):
    spec = Spec(grader.__name__, "", 1, "x:y", "x:y")
    object.__setattr__(spec, "load", grader)
    return ConfiguredPlugin(spec, MethodConfig())


def named(name, **options):
    spec = load_plugins().graders[name]
    return ConfiguredPlugin(spec, validate_options(spec, options))


def validate(one, chat=lambda _key, _number: ChatSession(), workers=1, given=SET):
    return validate_grader(one, given, chat, progress=quiet, workers=workers)


def test_the_set_has_claims_of_every_kind_about_many_truths():
    count = {kind: [i for i in SET.items if i.kind == kind] for kind in SET_KINDS}
    assert all(count.values())
    assert len({item.truth for item in count["good"]}) >= 8
    assert len({truth.family for truth in SET.truths}) >= 5
    assert len(count["padded"] + count["injecting"]) >= 15
    assert len(SET.null_claims) >= 19


SET_KINDS = (*RIGHT_KINDS, *ATTACK_KINDS, "near-miss", "wrong", "nothing-wrong", "false-alarm")


@pytest.mark.parametrize("item", SET.items, ids=lambda item: f"{item.kind}-{item.truth}")
def test_every_item_is_what_its_kind_says(item):
    null = item.truth is None
    assert null == (item.kind in {"nothing-right", "false-alarm"})
    says_nothing = item.change in {"none", "unspecific"}
    assert says_nothing == item.kind.startswith("nothing")
    sheet = SET.answer_sheet(item)
    assert (sheet.answer is None, sheet.key is None) == (null, null)
    assert null or sheet.answer in {one.handle for one in sheet.statements}
    assert len(sheet.statements) == len(SET.truths)
    assert item.attempt.verdict.claim == item.claim


def test_no_injecting_claim_holds_the_truth():
    """Its words are not those of the truth, or a grader that accepts it might be right."""
    from diffkit.evaluation.attempts.arms import word_counts

    truths = {truth.name: truth for truth in SET.truths}
    for item in SET.items:
        if item.kind == "injecting":
            truth = truths[item.truth].statement
            assert len(word_counts([truth]).keys() & word_counts([item.claim]).keys()) <= 1


def test_who_accepts_everything_is_right_about_the_good_and_falls_for_every_attack():
    found = validate(component(Yes))
    good = [item for item in SET.items if item.kind in RIGHT_KINDS]
    attacks = [item for item in SET.items if item.kind in ATTACK_KINDS]
    assert (found.right.hits, found.right.n) == (len(good), len(SET.items))
    assert (found.attacks.hits, found.attacks.n) == (len(attacks), len(attacks))
    interval = wilson(len(attacks), len(attacks))
    assert (found.attacks.low, found.attacks.high) == (interval.low, interval.high)
    assert found.kinds["good"].value == 1
    assert found.kinds["near-miss"].value == 0
    assert (
        f"accepted {len(attacks)} of {len(attacks)} [0.80, 1.00] attacks (set 1)" in found.summary
    )


def test_a_grader_that_fails_is_not_right_and_not_talked_round():
    found = validate(component(Picky), workers=4)
    nulls = [item for item in SET.items if item.truth is None]
    assert found.failed == len(nulls)
    assert found.kinds["nothing-right"].hits == found.kinds["false-alarm"].hits == 0
    assert found.kinds["good"].value == 1
    assert f"failed on {len(nulls)}" in found.summary
    assert [item.number for item in found.items] == list(range(1, len(SET.items) + 1))
    assert {item.words for item in found.items if item.score is None} == {"ValueError: it takes"}


def test_what_the_user_must_mend_ends_the_check():
    with pytest.raises(UserError, match="'Looking' looks at pair too"):
        validate(component(Looking))
    with pytest.raises(UserError, match="no key"):
        validate(component(Keyless), workers=4)
    with pytest.raises(UserError, match="needs a language model"):
        validate(named("rubric"))


@pytest.mark.parametrize("name", ["lineup", "reverse-lineup"])
def test_graders_without_a_language_model_are_never_talked_round_and_blind_to_nothing(name):
    found = validate(named(name))
    assert found.attacks.hits == 0
    assert found.kinds["near-miss"].value == found.kinds["wrong"].value == 1
    assert found.kinds["nothing-right"].value == found.kinds["false-alarm"].value == 1
    assert found.kinds["good"].hits > 0
    assert validate(named(name), workers=4).items == found.items


def judge_with(name, judge, store, given=SET):
    with ScriptedEndpoint(answers(judge)) as endpoint:
        model = {"name": "scripted", "base_url": endpoint.url}
        one = named(name, model=model, retries=0, repeats=1, chance_truths=0)
        return validate(
            one, ChatSessions(store, Prices()).open, workers=4, given=given
        ), endpoint.calls


def test_an_injector_shows_in_the_attack_rate_of_a_gullible_judge_alone(tmp_path):
    stores = [Store(tmp_path / name).prepare() for name in ("careful", "gullible")]
    firm, calls = judge_with("rubric", careful, stores[0])
    swayed, _ = judge_with("rubric", gullible, stores[1])
    assert firm.attacks.hits == 0
    assert swayed.attacks.hits > 0
    assert swayed.kinds["injecting"].value < 1
    assert firm.kinds["good"].value > 0.5
    assert firm.usage["grader"].calls == calls
    asked = len([one for one in SET.items if one.truth and not one.kind.startswith("nothing")])
    assert calls == asked


FEW = SET.model_copy(update={"items": (SET.items[0], SET.items[-1], SET.items[-4])})
"""A good claim, a false alarm, and one that wrongly says that nothing was done."""


def test_what_was_said_is_kept(tmp_path):
    store = Store(tmp_path / "store").prepare()
    found, _ = judge_with("rubric", careful, store, FEW)
    told = list(read_transcript(store.root / "passports" / f"{found.key}.1.jsonl"))
    assert [event.kind for event in told] == ["request", "response"]
    assert not (store.root / "passports" / f"{found.key}.2.jsonl").exists()


def test_a_dead_endpoint_gives_no_result():
    with ScriptedEndpoint(always(fails(401))) as endpoint:
        model = {"name": "scripted", "base_url": endpoint.url}
        with pytest.raises(Unavailable, match=r"Claim 1 could not be graded: HTTP 401.*saved"):
            validate(named("rubric", model=model, retries=0), given=FEW)


def kept(tmp_path):
    store = Store(tmp_path).prepare()
    made = GraderValidation(
        grader="g",
        version=1,
        options={"a": 1},
        key="k",
        calibration_set=1,
        created="2026-01-01",
        items=(ClaimCheck(number=1, kind="good", score=1, chance=0),),
    )
    return store, made


def test_a_passport_is_found_by_its_key(tmp_path):
    store, made = kept(tmp_path)
    assert read_validation(store, "k") is None
    path = save_validation(store, made)
    assert path == tmp_path / "passports" / "k.json"
    assert read_validation(store, "k") == made
    assert read_validation(store, "other") is None
    save_validation(store, made.model_copy(update={"version": 2}))
    assert read_validation(store, "k").version == 2


def test_a_damaged_passport_says_what_to_do(tmp_path):
    store, made = kept(tmp_path)
    save_validation(store, made).write_text("{")
    with pytest.raises(StoreError, match=r"k\.json is damaged.*grader check"):
        read_validation(store, "k")


def test_a_passport_without_attacks_has_no_interval(tmp_path):
    _, made = kept(tmp_path)
    assert (
        made.summary
        == "right about 1 of 1 [0.21, 1.00] calibration claims, accepted 0 of 0 attacks (set 1)"
    )


def test_options_have_passports_of_their_own():
    one, other = named("reverse-lineup"), named("reverse-lineup", words=10)
    assert plugin_key(one) != plugin_key(other)
    assert validate(one).key == plugin_key(one)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda content: content["items"][0].update(truth="nobody"), "no truth 'nobody'"),
        (lambda content: content["items"][0].update(kind="odd"), "kind"),
        (lambda content: content.update(version=0), "version"),
    ],
)
def test_a_set_that_does_not_hold_together_is_refused(tmp_path, change, complaint):
    content = SET.model_dump(mode="json")
    assert ValidationSet.model_validate(content) == SET
    change(content)
    path = tmp_path / "set.yaml"
    import yaml

    path.write_text(yaml.safe_dump(content))
    with pytest.raises(BadFile, match=complaint):
        read_validation_set(path)
