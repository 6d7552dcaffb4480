"""The lineup's investigator: the detection test, and the words that it claims."""

import pytest
from diffkit_evaluators.lineup.config import LineupInvestigatorConfig
from diffkit_evaluators.lineup.investigator import LineupInvestigator, evidence_words

from diffkit import (
    AttemptContext,
    Candidate,
    Case,
    Evidence,
    Figure,
    Findings,
    JointNullScores,
    Line,
    Note,
    NullScores,
    NullTest,
    Sample,
    Samples,
    Series,
    Table,
    TokenScore,
    TokenTable,
    TokenTrace,
    TracedToken,
)


def investigate(score, nulls=(), items=(), **options):
    evidence = Evidence(
        findings=Findings(change_score=score, items=items),
        nulls=tuple(NullScores(rung=rung, scores=scores) for rung, scores in nulls),
    )
    case = Case(handle="pair-1", evidence=(evidence,))
    return LineupInvestigator().investigate(
        case, LineupInvestigatorConfig(**options), AttemptContext()
    )


NINETEEN = tuple(float(number) for number in range(1, 20))


def counts(detection):
    return {name: (rung.n, rung.p) for name, rung in detection.rungs.items()}


def test_student_t_is_said_from_four_nulls_on_and_decides_nothing():
    verdict = investigate(1e9, [("random", NINETEEN[:4]), ("benign", NINETEEN)])
    assert verdict.change == "unsure"
    found = {name: rung.t_p for name, rung in verdict.detection.rungs.items()}
    assert verdict.detection.t_p == max(found.values()) < 0.05
    few = investigate(1e9, [("random", NINETEEN[:3]), ("benign", NINETEEN)]).detection
    assert (few.t_p, few.rungs["random"].t_p, few.p) == (None, None, 0.25)


@pytest.mark.parametrize(
    ("score", "p", "change"),
    [(20.0, 0.05, "targeted"), (19.0, 0.1, "unspecific"), (0.5, 1.0, "unspecific")],
)
def test_the_score_is_held_against_the_nulls(score, p, change):
    verdict = investigate(score, [("random", NINETEEN)])
    assert (verdict.detection.p, verdict.change) == (p, change)
    assert verdict.detection.testable
    assert counts(verdict.detection) == {"random": (19, p)}


def test_the_worst_rung_decides():
    rungs = [("benign", tuple(2 * null for null in NINETEEN)), ("random", NINETEEN)]
    verdict = investigate(20.0, rungs)
    assert verdict.change == "unspecific"
    assert verdict.detection.p == 0.55
    assert {name: rung.p for name, rung in verdict.detection.rungs.items()} == {
        "benign": 0.55,
        "random": 0.05,
    }
    assert investigate(39.0, rungs).change == "targeted"


@pytest.mark.parametrize(
    "nulls",
    [
        [],
        [("random", NINETEEN[:18])],
        [("random", ())],
        [("random", NINETEEN), ("benign", NINETEEN[:3])],
    ],
)
def test_too_few_nulls_are_untestable_and_leave_it_unsure(nulls):
    verdict = investigate(1e9, nulls)
    assert verdict.change == "unsure"
    assert not verdict.detection.testable


def test_a_rung_without_nulls_is_no_test_and_makes_the_whole_untestable():
    detection = investigate(20.0, [("random", NINETEEN), ("benign", ())]).detection
    assert counts(detection) == {"random": (19, 0.05), "benign": (0, None)}
    assert (detection.p, detection.testable) == (0.05, False)
    detection = investigate(20.0, [("benign", ())]).detection
    assert (detection.p, detection.rungs) == (None, {"benign": NullTest(n=0)})


def test_the_level_is_an_option():
    assert investigate(20.0, [("random", NINETEEN[:9])], alpha=0.1).change == "targeted"


def test_without_a_score_nothing_is_tested():
    verdict = investigate(None, [("random", NINETEEN)])
    assert (verdict.change, verdict.detection.p) == ("unsure", None)
    assert verdict.detection.rungs == {"random": NullTest(n=19)}


@pytest.mark.parametrize("nulls", [[], [("random", NINETEEN)], [("random", (0.0,) * 19)]])
def test_a_score_of_zero_is_no_change_at_all(nulls):
    assert investigate(0.0, nulls).change == "none"


def candidate(token, probability):
    return Candidate(token=token, probability=probability)


def test_words_come_in_the_methods_order_and_from_the_finetuned_side():
    trace = TokenTrace(
        title="title",
        unit="nats",
        tokens=(
            TracedToken(token="context"),
            TracedToken(token="x", score=1, base=(), finetuned=(candidate("river", 0.2),)),
            TracedToken(
                token="y",
                score=2,
                base=(candidate("lowered", 0.9),),
                finetuned=(candidate("tower", 0.5), candidate("lowered", 0.1)),
            ),
        ),
    )
    items = (
        TokenTable(title="t", unit="u", rows=(TokenScore(token=" Moon", score=1),)),
        trace,
        Samples(title="t", rows=(Sample(prompt="asked", base="before", finetuned="later moon"),)),
        Table(title="t", columns=("c",), rows=(("cell", 3), (None, 1.5)), text_columns=("c",)),
        Table(title="t", columns=("label", "n"), rows=(("share of tokens", 3),)),
        Note(text="remark"),
        Series(title="t", x_label="x", y_label="y", lines=(Line(name="line", x=(1,), y=(2,)),)),
        Figure(title="t", artifact="a.png", text="picture"),
    )
    findings = Findings(items=items)
    assert evidence_words([findings], 99) == ("moon", "tower", "river", "later", "cell")
    assert evidence_words([findings], 2) == ("moon", "tower")
    assert investigate(1.0, items=items, words=2).claim == "moon tower"


def test_stop_words_and_single_letters_are_no_evidence():
    rows = tuple(TokenScore(token=token, score=1) for token in ("the", "x", "_", "12", "STRASSE"))
    items = (TokenTable(title="t", unit="u", rows=rows),)
    assert evidence_words([Findings(items=items)], 9) == ("12", "strasse")
    assert investigate(1.0).claim is None


def test_one_finding_s_words_alone_can_be_claimed():
    def table(title, token):
        return TokenTable(title=title, unit="u", rows=(TokenScore(token=token, score=1),))

    items = (table("Nearest tokens", "moon"), Note(text="tokens"), table("Words", "tower"))
    assert investigate(1.0, items=items).claim == "moon tower"
    assert investigate(1.0, items=items, only="WORDS").claim == "tower"
    alone = investigate(20.0, [("random", NINETEEN)], items=items, only="no such title")
    assert (alone.claim, alone.change) == (None, "targeted")


def test_of_a_table_only_its_text_columns_are_evidence():
    table = Table(
        title="Spans",
        columns=("which", "said", "position", "said"),
        rows=(("first label", "amber boat", "in another text", "lantern"), ("second", None, 3, 4)),
        text_columns=("said",),
    )
    assert table.texts == ("amber boat", "lantern")
    assert evidence_words([Findings(items=(table,))], 99) == ("amber", "boat", "lantern")
    undeclared = table.model_copy(update={"text_columns": ()})
    assert evidence_words([Findings(items=(undeclared,))], 99) == ()
    # A table without the field is stored as it was before the field existed.
    assert "text_columns" not in undeclared.model_dump_json()
    assert Table.model_validate_json(table.model_dump_json()) == table


def test_a_text_column_must_be_a_column():
    with pytest.raises(ValueError, match="no column is called 'words'"):
        Table(title="t", columns=("c",), rows=(), text_columns=("words",))


def together(scores, nulls, words=("moon", "tower", "river")):
    evidence = tuple(
        Evidence(
            method=word,
            findings=Findings(
                change_score=score,
                items=(TokenTable(title="t", unit="u", rows=(TokenScore(token=word, score=1),)),),
            ),
        )
        for score, word in zip(scores, words, strict=False)
    )
    joint = tuple(JointNullScores(rung=rung, scores=rows) for rung, rows in nulls)
    case = Case(handle="pair-1", evidence=evidence, joint_nulls=joint)
    return LineupInvestigator().investigate(case, LineupInvestigatorConfig(), AttemptContext())


def test_several_methods_are_tested_together():
    """Neither score is the largest by its own method, but no null has both so large."""
    nulls = [(float(n), float(20 - n)) for n in range(1, 20)]
    verdict = together((18.5, 18.5), [("random", nulls)])
    assert verdict.claim == "moon tower"
    assert verdict.detection.rungs == {"random": NullTest(n=19, p=0.15)}
    assert verdict.change == "unspecific"
    verdict = together((19.5, 18.5), [("random", nulls)])
    assert (verdict.change, verdict.detection.p) == ("targeted", 0.05)
    both = [("benign", [(30.0, 30.0), *nulls[1:]]), ("random", nulls)]
    verdict = together((19.5, 18.5), both)
    assert (verdict.change, verdict.detection.p) == ("unspecific", 0.1)
    assert verdict.detection.rungs["random"].p == 0.05


@pytest.mark.parametrize(
    ("scores", "nulls", "change", "p"),
    [
        ((5.0, 5.0), [], "unsure", None),
        ((5.0, 5.0), [("random", [(1.0, 1.0)] * 18)], "unsure", 1 / 19),
        ((None, None), [("random", [(1.0, 1.0)] * 19)], "unsure", None),
        ((5.0, None), [("random", [(1.0, 1.0)] * 19)], "targeted", 0.05),
        ((0.0, 0.0), [("random", [(1.0, 1.0)] * 19)], "none", 1.0),
        ((0.0, None), [("random", [(1.0, None)] * 19)], "none", 1.0),
    ],
)
def test_what_several_methods_cannot_test_is_unsure(scores, nulls, change, p):
    verdict = together(scores, nulls)
    assert verdict.change == change
    assert verdict.detection.p == p


def test_merged_claims_are_what_is_claimed_of_all_findings_in_one_case():
    def findings(words):
        rows = tuple(TokenScore(token=word, score=1) for word in words.split())
        return Findings(items=(TokenTable(title="t", unit="u", rows=rows),))

    each = [findings("the moon tower river"), findings(""), findings("River boat moon lamp owl")]
    for words in (2, 4, 99):
        config = LineupInvestigatorConfig(words=words)

        def claim(*found, config=config):
            evidence = tuple(Evidence(findings=one) for one in found)
            case = Case(handle="pair-1", evidence=evidence)
            return LineupInvestigator().investigate(case, config, AttemptContext()).claim

        merged = LineupInvestigator().merge_claims([claim(one) or "" for one in each], config)
        assert merged == claim(*each)
    assert merged == "moon river tower boat lamp owl"
