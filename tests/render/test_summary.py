"""What a run says in sentences: each case of nulls and findings, and words of models made safe."""

from functools import partial

import pytest

from diffkit import Findings, Note, Sample, Samples, Table, TokenScore, TokenTable
from diffkit.render.summary import run_summary
from diffkit.runs.manifest import Identity, Manifest, StoredRun
from diffkit.verdict import Detection, NullTest

TOKENS = TokenTable(
    title="Tokens",
    unit="nats",
    rows=tuple(TokenScore(token=t, score=s) for t, s in ((" sea", 2), ("water", 1), ("no", -1))),
)
IDENTITY = Identity(
    method="kl", version=1, options={}, base="b", finetuned="f", tokenizer="t", texts="x", seed=0,
    dtype="float32", engine=1,
)  # fmt: skip


@pytest.fixture
def said(tmp_path):
    return partial(summary, tmp_path)


def summary(
    folder, items=(TOKENS,), score=5.0, nulls=None, blind_spot="what it does not read", **identity
):
    manifest = Manifest(
        digest="d", identity=IDENTITY.model_copy(update=identity), options={}, device="cpu",
        versions={}, source="", started="", seconds=0, peak_bytes=0, change_score=score,
    )  # fmt: skip
    tests = {name: NullTest.of(score, own) for name, own in (nulls or {}).items()}
    findings = Findings(change_score=score, items=tuple(items))
    (folder / "findings.json").write_text(findings.model_dump_json())
    return run_summary(StoredRun(manifest, folder), Detection.of(tests, 0.05), blind_spot)


def test_beyond_its_nulls(said):
    text = said(nulls={"benign": [float(n) / 10 for n in range(20)], "random": [0.1] * 19})
    assert text == (
        'kl shows first "sea", "water". That is beyond its nulls: the change score 5 exceeds '
        "20 benign and 19 random nulls (p 0.05). It cannot tell what it does not read."
    )


def test_one_type_of_null_that_scores_as_high_is_enough_for_no_conclusion(said):
    text = said(nulls={"benign": [6.0] * 10 + [0.0] * 10, "random": [0.1] * 40})
    assert "Nothing is beyond 20 benign and 40 random nulls:" in text
    assert "(p 0.524)" in text
    assert "beyond its nulls" not in text


def test_few_nulls_are_too_few_to_conclude(said):
    text = said(nulls={"benign": [1.0, 1.1, 0.9, 1.05]})
    assert "exceeds 4 benign nulls, too few to conclude (p 0.2; " in text
    assert "if their scores are normally distributed" in text
    assert "beyond its nulls" not in text
    assert "too few to conclude (p 0.333)" in said(nulls={"benign": [1.0, 1.1]})
    assert "Nothing is beyond" in said(nulls={"benign": [1.0, 9.0]})
    assert "exceeds 1 benign null, too few" in said(nulls={"benign": [1.0]})


def test_no_nulls_no_score_no_findings_and_equal_weights(said):
    assert "There are no nulls of this base under these options" in said()
    assert "has no change score" in said(score=None)
    assert said(items=()).startswith("kl found nothing to show.")
    assert said(items=(Note(text="Every text is empty."),)).startswith("kl found nothing to show.")
    assert said(finetuned="b") == "Both sides have the same weights: there is no change to find."
    assert "cannot tell" not in said(blind_spot="")


@pytest.mark.parametrize(
    ("item", "shown"),
    [
        (Samples(title="", rows=(Sample(prompt="What\nis", base="a", finetuned="b"),)),
         '"b" after "What is"'),
        (Samples(title="", rows=(Sample(prompt="p", base="a", finetuned="a"),)), ""),
        (Table(title="", columns=("text", "n"), rows=(("the sea", 2),), text_columns=("text",)),
         '"the sea"'),
        (Table(title="", columns=("layer",), rows=(("label",),)), ""),
    ],
)  # fmt: skip
def test_what_other_findings_show_first(said, item, shown):
    first = f"kl shows first {shown}." if shown else 'kl shows first "sea", "water".'
    assert said(items=(item, TOKENS)).startswith(first)


def test_words_of_models_are_quoted_cut_and_made_safe(said):
    rows = (Sample(prompt="p" * 500, base="a", finetuned='\x1b[2J"<b>x</b>\u202e ' + "y" * 500),)
    text = said(items=(Samples(title="", rows=rows),))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "'<b>x</b>" in text
    assert len(text) < 400
