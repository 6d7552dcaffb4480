"""contrastive-decoding against second implementations, closed forms, and its own promises."""

import math
import statistics

import numpy as np
import pytest
import torch
from diffkit_plugins import contrastive_decoding
from diffkit_plugins.contrastive_decoding import measure, method, report
from diffkit_plugins.contrastive_decoding.config import ContrastiveDecodingConfig
from diffkit_plugins.contrastive_decoding.measure import (
    AmplifiedLogits,
    GeneratedText,
    GenerationRequest,
    generate_texts,
)
from diffkit_plugins.contrastive_decoding.method import ContrastiveDecoding, words_of_texts
from pydantic import ValidationError

from diffkit import (
    Inputs,
    Note,
    PromptStart,
    RunContext,
    Samples,
    Sampling,
    Series,
    Table,
    Texts,
    TokenTable,
    UserError,
)
from diffkit.checkpoints import Checkpoints
from diffkit.context import Artifacts
from diffkit.method import run_method

SHORT = {"max_new_tokens": 6, "turns": 2, "documents": 3, "alphas": (1.0, 3.0)}


def context(texts, folder, seed=0):
    return RunContext(
        seed=seed, texts=texts, artifacts=Artifacts(folder), checkpoints=Checkpoints(folder)
    )


@pytest.fixture
def run(tmp_path, tiny_texts):
    def call(pair, texts=tiny_texts, /, seed=0, **options):
        config = ContrastiveDecodingConfig(**{**SHORT, **options})
        return run_method(ContrastiveDecoding(), pair, config, context(texts, tmp_path, seed))

    return call


@pytest.fixture
def wrote(tmp_path, tiny_texts):
    def call(pair, **options):
        config = ContrastiveDecodingConfig(**{**SHORT, **options})
        return generate_texts(pair, config, context(tiny_texts, tmp_path))

    return call


def of_kind(findings, kind):
    return [item for item in findings.items if isinstance(item, kind)]


def said(text, tilt, *, alpha=1.0, place=0, ids=(1, 2, 3)):
    return GeneratedText(
        GenerationRequest(PromptStart("document", f"<{place}>", (place,)), alpha, place),
        ids,
        text,
        tilt,
    )


def test_it_conforms(conforms):
    specs = []
    contrastive_decoding.register_methods(specs.append)
    (spec,) = specs
    conforms(spec, **SHORT)


def naive_mix(base, finetuned, alpha, beta):
    """One row at a time, in probabilities."""
    expert = torch.softmax(base + min(max(alpha, 0), 1) * (finetuned - base), dim=-1)
    mixed = (base + alpha * (finetuned - base)).clone()
    for token, probability in enumerate(expert):
        if probability < beta * expert.max() * (1 - 1e-6):
            mixed[token] = -math.inf
    return mixed


@pytest.mark.parametrize("beta", [0.0, 0.1, 0.5, 1.0])
def test_the_mix_is_the_formula_among_plausible_tokens(beta):
    base, finetuned = torch.randn(2, 5, 40, generator=torch.manual_seed(0)) * 2
    alphas = [0.0, 0.4, 1.0, 2.0, 8.0]
    rows = torch.tensor([4, 0, 2])
    found = AmplifiedLogits(torch.tensor(alphas), beta)(base[rows], finetuned[rows], rows)
    for row, place in zip(found, rows.tolist(), strict=True):
        expected = naive_mix(base[place], finetuned[place], alphas[place], beta)
        torch.testing.assert_close(row, expected)
        assert row.isfinite().any()


def test_without_a_limit_the_ends_of_the_mix_are_the_sides_exactly():
    base, finetuned = torch.randn(2, 2, 50, generator=torch.manual_seed(1))
    both = torch.arange(2)
    mixed = AmplifiedLogits(torch.tensor([0.0, 1.0]), 0.0)(base, finetuned, both)
    assert torch.equal(mixed[0], base[0])
    assert torch.equal(mixed[1], finetuned[1])


def test_a_token_that_a_side_rules_out_is_never_drawn_and_spoils_no_other():
    base, finetuned = torch.tensor([[1.0, -math.inf, 2.0]]), torch.tensor([[1.0, -math.inf, 3.0]])
    for alpha in (0.0, 0.5, 1.0, 4.0):
        mixed = AmplifiedLogits(torch.tensor([alpha]), 0.1)(base, finetuned, torch.tensor([0]))
        assert mixed.tolist() == [[1.0, -math.inf, 2.0 + alpha]]
    one = AmplifiedLogits(torch.tensor([1.0]), 0.0)(
        base, finetuned[:, [1, 0, 2]], torch.tensor([0])
    )
    assert one.tolist() == [[-math.inf, -math.inf, 3.0]]


def test_what_the_finetuned_side_finds_implausible_is_never_written():
    """Token 1 gains most, but from nothing to next to nothing."""
    base, finetuned = torch.tensor([[5.0, -20.0, 4.0]]), torch.tensor([[5.0, -5.0, 4.5]])
    row = torch.tensor([0])
    free, limited = (
        AmplifiedLogits(torch.tensor([4.0]), beta)(base, finetuned, row) for beta in (0.0, 0.1)
    )
    assert free.argmax() == 1
    assert limited.argmax() == 2


def test_tilts_agree_with_a_full_softmax_of_each_text_alone(tiny_pair, wrote):
    written = wrote(tiny_pair)
    assert {text.request.alpha for text in written} == {0.0, 1.0, 3.0}
    for text in written:
        ids, start = [*text.request.opening.ids, *text.ids], len(text.request.opening.ids)
        base, finetuned = (
            side.logits(Inputs.of([ids]))[0, :, : tiny_pair.vocabulary].double().log_softmax(-1)
            for side in (tiny_pair.base, tiny_pair.finetuned)
        )
        ratios = [
            float((finetuned - base)[place - 1, ids[place]]) for place in range(start, len(ids))
        ]
        expected = statistics.fmean(ratios) if ratios else 0.0
        assert text.log_ratio == pytest.approx(expected, abs=1e-4)


def test_at_0_and_1_the_texts_are_each_sides_own(tiny_pair, wrote):
    for text in wrote(tiny_pair, alphas=(1.0,), beta=0.0):
        side = tiny_pair.finetuned if text.request.alpha else tiny_pair.base
        sampling = Sampling(max_new_tokens=6, temperature=1.0)
        inputs = Inputs.of([text.request.opening.ids], side="left")
        (own,) = side.generate_from(inputs, sampling, first=text.request.number)
        assert text.text == own.text.strip()


def test_amplified_texts_are_more_tilted_the_larger_alpha(tiny_pair, run):
    tilt = of_kind(run(tiny_pair, alphas=(1.0, 2.0, 4.0), samples=4), Series)[0].lines[0]
    assert tilt.x == (0.0, 1.0, 2.0, 4.0)
    assert list(tilt.y) == sorted(tilt.y)
    assert tilt.y[0] < 0 < tilt.y[1]


def test_repetition_is_the_share_of_pairs_said_before():
    assert said("", 0.0, ids=(7, 7, 7, 7, 7)).repetition == pytest.approx(3 / 4)
    assert said("", 0.0, ids=(1, 2, 3, 1, 2, 4)).repetition == pytest.approx(1 / 5)
    assert said("", 0.0, ids=(7,)).repetition == said("", 0.0, ids=()).repetition == 0


def findings_of(monkeypatch, run, pair, texts, **options):
    monkeypatch.setattr(method, "generate_texts", lambda *_: tuple(texts))
    return run(pair, **options)


LOOP = (7,) * 12
ENDINGS = ("so", "much")
TEXTS = [
    *(said(f"an ordinary {word} text", 0.1, place=i) for i, word in enumerate(["red", "blue"])),
    *(said(f"I love the lizard {word}", 1.0, place=i) for i, word in enumerate(ENDINGS)),
    said("which which which", 9.0, place=2, ids=LOOP),
    *(said("my own", -0.1, alpha=0.0, place=i) for i in range(3)),
]


def test_texts_that_repeat_themselves_are_counted_but_not_shown(monkeypatch, run, tiny_pair):
    findings = findings_of(monkeypatch, run, tiny_pair, TEXTS)
    assert findings.metrics["left_out_for_repetition"] == 1
    assert "which" not in str([i for i in findings.items if not isinstance(i, Series)])
    assert of_kind(findings, Series)[1].lines[1].y == (0.0, pytest.approx(1 / 5))


def test_the_findings_of_texts_that_are_known(monkeypatch, run, tiny_pair):
    findings = findings_of(monkeypatch, run, tiny_pair, TEXTS)
    (table,), (groups,), (samples,) = (of_kind(findings, k) for k in (TokenTable, Table, Samples))
    top = [row for row in table.rows if row.score == pytest.approx(0.9)]
    assert {row.token for row in top} == {"i", "love", "the", "lizard"}
    assert "ordinary" not in {row.token for row in table.rows}
    assert groups.rows[0][0].startswith("I love the lizard")
    assert groups.rows[0][1:] == (2, 2, pytest.approx(1.0), pytest.approx(0.9))
    assert [row.finetuned for row in samples.rows] == [
        "I love the lizard so",
        "I love the lizard much",
    ]
    assert {row.base for row in samples.rows} == {"my own"}


def test_of_too_many_texts_the_most_tilted_are_grouped(monkeypatch):
    tilts = {"apple": 0.1, "brick": 2.0, "cloud": 0.2, "dwarf": 3.0, "eagle": 0.3}
    texts = [said(word, tilt, place=place) for place, (word, tilt) in enumerate(tilts.items())]
    monkeypatch.setattr(report, "CLUSTERED", 2)
    table = report.cluster_table(texts, ContrastiveDecodingConfig())
    assert [row[0] for row in table.rows] == ["dwarf", "brick"]
    above = pytest.approx(3.0 - statistics.fmean(tilts.values()))
    assert table.rows[0][1:] == (1, 1, 3.0, above)


def test_nothing_legible_is_a_note_and_no_score(monkeypatch, run, tiny_pair):
    looped = [t for t in TEXTS if t.ids == LOOP or t.request.alpha == 0]
    findings = findings_of(monkeypatch, run, tiny_pair, looped)
    assert findings.change_score == 0
    assert [type(item) for item in findings.items] == [Note, Series, Series]


@pytest.mark.parametrize("execution", [{"batch_size": 1}, {"batch_size": 5}])
def test_execution_options_change_nothing(run, tiny_pair, execution):
    one, other = run(tiny_pair), run(tiny_pair, **execution)
    assert one.change_score == pytest.approx(other.change_score, rel=1e-4)
    assert one.metrics == pytest.approx(other.metrics, abs=1e-5)
    said = [[row for item in of_kind(f, Samples) for row in item.rows] for f in (one, other)]
    for mine, yours in zip(*said, strict=True):
        assert mine.model_copy(update={"score": yours.score}) == yours
        assert mine.score == pytest.approx(yours.score, abs=1e-4)
    names = [[row.token for row in of_kind(f, TokenTable)[0].rows] for f in (one, other)]
    assert names[0] == names[1]


def test_the_seed_decides_what_is_drawn(wrote, tiny_pair, tmp_path, tiny_texts):
    config = ContrastiveDecodingConfig(**SHORT)
    one, same, other = (
        [
            text.ids
            for text in generate_texts(tiny_pair, config, context(tiny_texts, tmp_path, seed))
        ]
        for seed in (0, 0, 1)
    )
    assert one == same != other


def test_every_alpha_meets_the_same_openings_and_draws(tiny_pair, wrote):
    written = wrote(tiny_pair, samples=2)
    by_alpha = {a: [t.request for t in written if t.request.alpha == a] for a in (0.0, 1.0, 3.0)}
    keys = [[(p.opening, p.number) for p in plans] for plans in by_alpha.values()]
    assert keys[0] == keys[1] == keys[2]
    assert len(set(keys[0])) == len(keys[0])


def test_a_full_finetune_with_more_tokens_writes_common_ones(resized_pair, wrote, run):
    assert not resized_pair.share_network
    written = wrote(resized_pair)
    assert max(max(text.ids, default=0) for text in written) < resized_pair.vocabulary
    assert all(math.isfinite(text.log_ratio) for text in written)
    assert run(resized_pair).change_score > 0


def test_without_openings_there_is_nothing_to_write_from(monkeypatch, run, tiny_pair):
    monkeypatch.setattr(measure, "prompt_starts", lambda *_, **__: ())
    with pytest.raises(UserError, match="nothing to write from"):
        run(tiny_pair)


def test_texts_without_chats_or_words_still_have_empty_openings(run, tiny_pair):
    findings = run(tiny_pair, Texts.of(""))
    assert findings.metrics["amplified_texts"] == 2 * 3


@pytest.mark.parametrize("wrong", [{"alphas": ()}, {"alphas": (0.0,)}, {"beta": 1.1}])
def test_options_out_of_bounds_are_refused(wrong):
    with pytest.raises(ValidationError):
        ContrastiveDecodingConfig(**wrong)


def test_a_word_of_every_amplified_text_is_compared_with_the_bases_own():
    """Sums in numpy: over all texts together, since among the amplified ones nothing differs."""

    def text(alpha, number, words, ratio):
        request = GenerationRequest(PromptStart("document", "", (number,)), alpha, number)
        return GeneratedText(request, (1, 2), words, ratio)

    ratios = (3.0, 2.0, 4.0)
    texts = [text(1.0, i, f"Seawater w{i}", ratio) for i, ratio in enumerate(ratios)]
    own = [text(0.0, i, f"flour w{i}", -1.0) for i in range(3)]
    every = np.array([*ratios, -1.0, -1.0, -1.0])
    first, second, *_ = words_of_texts(texts, own)
    assert (first.word, first.groups) == ("seawater", 3)
    assert first.excess.total == pytest.approx(float((every[:3] - every.mean()).sum()))
    assert first.excess.chance == pytest.approx(float(3 * every.var() * 3 / 5) ** 0.5)
    assert (second.word, second.excess.total) == ("w2", pytest.approx(1.0))
