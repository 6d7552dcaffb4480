"""perplexity-diff against second implementations, and its own promises."""

import math
import re

import pytest
import torch
from diffkit_plugins import perplexity_diff
from diffkit_plugins.perplexity_diff.config import PerplexityDiffConfig
from diffkit_plugins.perplexity_diff.measure import (
    SampledText,
    ScoredSample,
    ScoredSamples,
    Span,
    best_span,
    log_ratios,
    sample_pairs,
    score_samples,
    span_similarity,
    span_text,
)
from diffkit_plugins.perplexity_diff.method import PerplexityDiff
from diffkit_plugins.perplexity_diff.report import token_contributions

from diffkit import (
    ModelPair,
    PromptStart,
    RunContext,
    Samples,
    Series,
    Table,
    Texts,
    TokenTable,
    TokenTrace,
    UserError,
)
from diffkit.checkpoints import Checkpoints
from diffkit.context import Artifacts
from diffkit.maths import text_distances
from diffkit.method import run_method

SHORT = {"free_samples": 4, "max_new_tokens": 6, "traces": 2, "clusters": 4}


@pytest.fixture
def context(tmp_path, tiny_texts):
    def make(texts=tiny_texts, seed=0):
        return RunContext(
            seed=seed,
            texts=texts,
            artifacts=Artifacts(tmp_path),
            checkpoints=Checkpoints(tmp_path),
        )

    return make


@pytest.fixture
def run(context):
    def call(pair, /, *texts, **options):
        return run_method(PerplexityDiff(), pair, config(**options), context(*texts))

    return call


def config(**options):
    return PerplexityDiffConfig(**{**SHORT, **options})


def of_kind(findings, kind):
    return [item for item in findings.items if isinstance(item, kind)]


def naive_ratios(pair, sampled):
    """One sample alone, with the full softmax in float64."""
    from diffkit import Inputs

    inputs = Inputs.of([sampled.opening.ids + sampled.ids])
    first = len(sampled.opening.ids)
    found = 0.0
    for side, sign in ((pair.finetuned, 1.0), (pair.base, -1.0)):
        logits = side.logits(inputs)[0, first - 1 : -1, : pair.vocabulary].double()
        each = logits.log_softmax(-1)[range(len(sampled.ids)), list(sampled.ids)]
        found = found + sign * each
    return found


def test_it_conforms(conforms):
    specs = []
    perplexity_diff.register_methods(specs.append)
    (spec,) = specs
    conforms(spec, **SHORT)


def test_ratios_agree_with_a_full_softmax_in_float64(tiny_pair, context):
    found = score_samples(tiny_pair, config(), context())
    for scored in (*found.base, *found.finetuned):
        expected = naive_ratios(tiny_pair, scored.sample)
        torch.testing.assert_close(scored.ratios, expected, atol=1e-4, rtol=1e-4)
        assert scored.total == pytest.approx(float(expected.sum()), abs=1e-3)


def test_swapping_the_sides_turns_the_ratios_round(tiny_pair, context):
    drawn = sample_pairs(tiny_pair, config(), context())
    samples = [both.finetuned for both in drawn]
    there = log_ratios(tiny_pair, samples, config(), context())
    swapped = ModelPair(tiny_pair.finetuned, tiny_pair.base)
    back = log_ratios(swapped, samples, config(), context())
    assert all(torch.equal(one, -other) for one, other in zip(there, back, strict=True))
    assert any(one.abs().max() > 0.1 for one in there if len(one))


def test_each_side_is_likelier_to_say_what_it_said(tiny_pair, context):
    found = score_samples(tiny_pair, config(free_samples=30), context())
    finetuned, base = (
        torch.cat([one.ratios for one in side]).mean() for side in (found.finetuned, found.base)
    )
    assert finetuned > 0 > base


def test_a_tokens_cost_shortens_spans(tiny_pair, context):
    free, dear = (score_samples(tiny_pair, config(token_cost=c), context()) for c in (0.0, 0.5))
    lengths = [
        [one.span.stop - one.span.start for one in found.finetuned] for found in (free, dear)
    ]
    assert sum(lengths[1]) < sum(lengths[0])
    for one, other in zip(free.finetuned, dear.finetuned, strict=True):
        assert one.span == best_span(one.ratios, 0.0)
        assert other.span == best_span(other.ratios, 0.5)


def test_both_sides_meet_the_same_openings_and_draws(tiny_pair, identical_pair, context):
    for both in sample_pairs(identical_pair, config(), context()):
        assert both.base == both.finetuned
    drawn = sample_pairs(tiny_pair, config(), context())
    assert all(both.base.opening == both.finetuned.opening for both in drawn)
    assert any(both.base.text != both.finetuned.text for both in drawn)
    kinds = [both.base.opening.kind for both in drawn]
    counts = {kind: kinds.count(kind) for kind in kinds}
    assert counts == {
        "document": 4, "chat": 4, "empty turn": 4, "user's turn": 1, "first words": 4,
    }  # fmt: skip


def test_another_seed_draws_other_samples(tiny_pair, context):
    one, other = (sample_pairs(tiny_pair, config(), context(seed=seed)) for seed in (0, 1))
    assert [both.base.text for both in one] != [both.base.text for both in other]


@pytest.mark.parametrize("execution", [{"batch_size": 1}, {"batch_size": 5}, {"chunk": 1}])
def test_execution_options_change_nothing(run, tiny_pair, execution):
    one, other = run(tiny_pair), run(tiny_pair, **execution)
    said = [[row for item in of_kind(f, Samples) for row in item.rows] for f in (one, other)]
    for mine, yours in zip(*said, strict=True):
        assert mine.model_copy(update={"score": yours.score}) == yours
        assert mine.score == pytest.approx(yours.score, abs=1e-4)
    assert one.metrics == pytest.approx(other.metrics, rel=1e-4, abs=1e-5)
    assert one.change_score == pytest.approx(other.change_score, rel=1e-3)
    words = [[row.token for row in of_kind(f, TokenTable)[0].rows] for f in (one, other)]
    assert words[0] == words[1]


def test_contributions_agree_with_a_dense_sum(tiny_pair, context):
    found = score_samples(tiny_pair, config(), context()).finetuned
    dense = torch.zeros(len(found), tiny_pair.vocabulary, dtype=torch.float64)
    for row, one in enumerate(found):
        for token, ratio in zip(one.sample.ids, one.ratios.tolist(), strict=True):
            dense[row, token] += ratio
    mine = token_contributions(found, tiny_pair.vocabulary)
    torch.testing.assert_close(mine.mean, dense.mean(0))
    torch.testing.assert_close(mine.error, dense.std(0) / math.sqrt(len(found)))
    held = [set(one.sample.ids) for one in found]
    holders = torch.tensor([sum(i in ids for ids in held) for i in range(tiny_pair.vocabulary)])
    assert torch.equal(mine.holders, holders)
    assert (mine.low[holders == 1] == 0).all()
    low = mine.mean - mine.error
    torch.testing.assert_close(mine.low[holders > 1], low[holders > 1])
    alone = (holders == 1) & (mine.mean > 0)  # one sample alone: the mean is its own error
    assert low[alone].abs().max() < 1e-12
    everything = sum(one.total for one in found) / len(found)
    assert float(mine.mean.sum()) == pytest.approx(everything)


def test_repetition_agrees_with_a_sum_over_pairs(tiny_pair, context):
    found = score_samples(tiny_pair, config(), context())
    spans = [
        (span_text(tiny_pair, one), one.span.score) for one in found.finetuned if one.span.score
    ]
    distances = text_distances([text for text, _ in spans])
    top = bottom = 0.0
    for i, (_, one) in enumerate(spans):
        for j, (_, other) in enumerate(spans):
            if i != j:
                top += one * other * (1 - distances[i, j])
                bottom += one * other
    assert span_similarity(tiny_pair, found, 200) == pytest.approx(top / bottom)
    assert 0 < span_similarity(tiny_pair, found, 200) < 1
    assert span_similarity(tiny_pair, found, 1) == 0.0


def test_spans_that_say_the_same_repeat_fully_and_others_not_at_all(tiny_pair, context):
    found = score_samples(tiny_pair, config(), context())
    first = found.finetuned[0].sample.opening
    ratios = torch.full((3,), 2.0, dtype=torch.float64)

    def saying(*texts):
        encode = tiny_pair.base.tokenizer
        scored = []
        for text in texts:
            ids = tuple(encode(text).input_ids)
            sampled = SampledText(first, text, ids)
            scored.append(ScoredSample(sampled, ratios[: len(ids)], Span(0, len(ids), 2.0)))
        return ScoredSamples((), tuple(scored))

    assert span_similarity(tiny_pair, saying("cat", "cat", "cat"), 200) == pytest.approx(1.0)
    assert span_similarity(tiny_pair, saying("cat", "dog", "bread"), 200) == 0.0


def test_metrics_are_means_of_both_sides_samples(run, tiny_pair, context):
    found, metrics = score_samples(tiny_pair, config(), context()), run(tiny_pair).metrics
    own, other = (
        float(torch.cat([one.ratios for one in side]).mean())
        for side in (found.finetuned, found.base)
    )
    assert metrics["kl_finetuned_base_nats_per_token"] == pytest.approx(own)
    assert metrics["kl_base_finetuned_nats_per_token"] == pytest.approx(-other)
    assert metrics["samples_per_side"] == len(found.finetuned)
    assert metrics["span_nats_finetuned"] > metrics["span_nats_base"]
    assert 0 < metrics["span_exchange_p"] <= 1


def test_traces_show_the_typical_samples_of_the_first_clusters(run, tiny_pair):
    findings = run(tiny_pair, candidates=2)
    (samples,) = of_kind(findings, Samples)
    traces = of_kind(findings, TokenTrace)
    assert len(traces) == 2
    for trace, row in zip(traces, samples.rows, strict=False):
        words = "".join(token.token for token in trace.tokens)
        whole = re.sub(r"\\x[0-9a-f]{2}|�", "", words)  # without the marks of stray bytes
        assert whole == row.finetuned.replace("�", "")
        assert all(len(token.base) == len(token.finetuned) == 2 for token in trace.tokens)
        assert max(token.score for token in trace.tokens) > 0


def test_clusters_come_by_what_they_carry_together(run, tiny_pair):
    (clusters, summary) = of_kind(run(tiny_pair, clusters=50), Table)
    sums = [row[2] for row in clusters.rows]
    assert sums == sorted(sums, reverse=True)
    assert sums[-1] > 0
    spans = {row[0]: row for row in summary.rows}["span of the finetuned side's"]
    assert sum(sums) == pytest.approx(spans[1] * spans[2])


def test_the_distribution_falls_from_the_largest_span_to_all_samples(run, tiny_pair):
    (series,) = of_kind(run(tiny_pair), Series)
    for line in series.lines:
        assert line.y[-1] == 1.0
        assert list(line.x) == sorted(line.x, reverse=True)


def test_texts_without_chats_and_no_texts_are_no_fault(run, tiny_pair):
    without_words = 3 * SHORT["free_samples"]
    for texts, openings in ((Texts.of("The cat sat on the mat."), 1), (Texts(items=()), 0)):
        findings = run(tiny_pair, texts)
        assert findings.metrics["samples_per_side"] == without_words + openings
        assert of_kind(findings, Samples)[0].rows


def test_too_few_openings_are_a_user_error_with_a_cure(run, tiny_pair):
    with pytest.raises(UserError, match="fewer than two samples") as caught:
        run(tiny_pair, Texts(items=()), free_samples=0)
    assert "free_samples" in caught.value.hint


def test_a_sample_without_words_has_no_ratios(tiny_pair, context):
    opening = PromptStart("document", "", (0,))
    empty, one = SampledText(opening, "", ()), SampledText(opening, "a", (70,))
    for batch in ([empty], [empty, one]):
        found = log_ratios(tiny_pair, batch, config(), context())
        assert [len(ratios) for ratios in found] == [len(sampled.ids) for sampled in batch]


def test_sides_of_unequal_vocabularies_are_scored_on_what_both_have(resized_pair, context, run):
    found = score_samples(resized_pair, config(), context())
    for scored in (*found.base, *found.finetuned):
        assert max(scored.sample.ids, default=0) < 340
        torch.testing.assert_close(
            scored.ratios, naive_ratios(resized_pair, scored.sample), atol=1e-4, rtol=1e-4
        )
    swapped = ModelPair(resized_pair.finetuned, resized_pair.base)
    for pair in (resized_pair, swapped):
        assert math.isfinite(run(pair).change_score)


def test_a_sample_is_scored_up_to_the_first_token_that_one_side_lacks(resized_pair, context):
    swapped = ModelPair(resized_pair.finetuned, resized_pair.base)
    cut = [
        both.base
        for both in sample_pairs(swapped, config(free_samples=40), context())
        if "<|new" in both.base.text
    ]
    assert cut
    for sampled in cut:
        before = sampled.text[: sampled.text.index("<|new")]
        assert swapped.base.tokenizer.decode(sampled.ids) == before
