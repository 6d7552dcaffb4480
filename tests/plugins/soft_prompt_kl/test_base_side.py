"""What the base says under the prompt, where another divergence than KL was trained."""

from dataclasses import replace

import pytest
import torch
from diffkit_plugins.soft_prompt_kl.comparison import FRESH
from diffkit_plugins.soft_prompt_kl.evaluation import (
    evaluate_base_side,
    evaluate_prompt,
    mean_divergence,
)
from diffkit_plugins.soft_prompt_kl.generation import complete
from diffkit_plugins.soft_prompt_kl.method import SoftPromptKL
from diffkit_plugins.soft_prompt_kl.ranking import log_ratios
from diffkit_plugins.soft_prompt_kl.report.samples import base_findings

from diffkit import Inputs
from diffkit.checkpoints import Checkpoints
from diffkit.context import Artifacts
from diffkit.maths import DIVERGENCES
from diffkit.method import run_method


@pytest.fixture
def base_side(tiny_pair, quick, context):
    """``mirrored(option=value, …)``: the options, what was found, and its mirror."""

    def of(**options):
        config = quick(**{"steps": 1, **options})
        found = evaluate_prompt(tiny_pair, config, context)
        return config, found, evaluate_base_side(tiny_pair, config, found, context.seed + FRESH)

    return of


def test_what_the_base_says_is_ranked_by_what_it_finds_likelier(base_side, tiny_pair, context):
    config, found, other = base_side(divergence="reverse-kl", samples=2)
    contexts, seed = (*found.data.held_out, *found.data.training), context.seed + FRESH
    wanted = complete(tiny_pair.base, found.prompt, contexts, config, seed, tiny_pair.vocabulary)
    base = [both.scored for both in other.base]
    assert {one.passage for one in base} == set(wanted)
    totals = [one.total for one in base]
    assert totals == sorted(totals, reverse=True)
    for one in base:
        (ratios,) = log_ratios(tiny_pair, config, [one.passage])
        torch.testing.assert_close(one.ratios, -ratios, atol=1e-5, rtol=1e-4)
    table, shown, groups = base_findings(other, config, tiny_pair.base.tokenizer)
    assert table.title.startswith("Words that the base says under the prompt")
    assert "than the finetuned side does" in table.title
    assert [row.base for row in shown.rows] == [one.passage.words for one in base[:2]]
    assert groups.columns[2] == "base"
    completions = {one.passage.context: one.passage.words for one in found.completions}
    assert [row.finetuned for row in shown.rows] == [
        completions[one.passage.context] for one in base[:2]
    ]
    drawn = complete(
        tiny_pair.finetuned, found.prompt, contexts, config, seed, tiny_pair.vocabulary
    )
    assert {both.other for both in other.base} == set(drawn)
    assert [both.scored for both in other.finetuned] == list(found.completions)


def naive(pair, prompt, passage, divergence, cap):
    soft = torch.empty(0, pair.base.d_model) if prompt is None else prompt
    log = []
    for side in (pair.finetuned, pair.base):
        embeds = torch.cat([soft, side.embed(torch.tensor([passage.ids]))[0].detach()])[None]
        inputs = Inputs(torch.ones(embeds.shape[:2], dtype=torch.bool), embeds=embeds)
        logits = side.logits(inputs)[0, len(soft) + passage.start - 1 : -1, : pair.vocabulary]
        log.append(logits.log_softmax(-1))
    return DIVERGENCES[divergence](*log).clamp(max=cap)


def test_the_trained_divergence_is_measured_as_it_is_defined(base_side, tiny_pair):
    config, found, other = base_side(divergence="reverse-kl", source="both", own_contexts=0)
    completions, texts = other.divergences
    assert (completions.passages, texts.passages) == ("completions", "texts")
    for value, prompt, measured in (
        (completions.prompted, found.prompt, found.advantage.prompted),
        (completions.plain, None, found.advantage.plain),
        (completions.hard, None, found.hard),
    ):
        passages = [one.passage for one in measured.passages if len(one.kl)]
        every = [naive(tiny_pair, prompt, one, "reverse-kl", config.cap) for one in passages]
        assert value == pytest.approx(float(torch.cat(every).mean()), rel=1e-3)
    held_out = [replace(one, start=1) for one in found.data.held_out_texts]
    every = [naive(tiny_pair, None, one, "reverse-kl", config.cap) for one in held_out]
    assert texts.plain == pytest.approx(float(torch.cat(every).mean()), rel=1e-3)
    assert texts.prompted != texts.plain != texts.hard


def test_a_divergence_of_nothing_is_0(tiny_pair, quick):
    assert mean_divergence(tiny_pair, quick(divergence="jsd"), None, []) == 0.0


def test_with_kl_there_is_no_mirror(base_side):
    assert base_side()[2] is None


@pytest.fixture
def run(tiny_pair, quick, context, tmp_path):
    def call(**options):
        place = tmp_path / str(len(list(tmp_path.iterdir())))
        kept = {"artifacts": Artifacts(place), "checkpoints": Checkpoints(place / "c")}
        config = quick(steps=1, traces=0, **options)
        return run_method(SoftPromptKL(), tiny_pair, config, replace(context, **kept))

    return call


def test_the_bases_words_come_first_and_the_divergence_has_rows_of_its_own(run):
    findings = run(divergence="reverse-kl", source="both", own_contexts=0)
    table, shown = findings.items[:2]
    assert "the base says" in table.title
    assert "likelier the base's text" in shown.title
    (summary,) = [one for one in findings.items if one.kind == "table" and "part on" in one.title]
    rows = {row[0]: row[1:] for row in summary.rows}
    numbers = findings.metrics
    for name, where in (
        ("divergence=reverse-kl, clipped, nats per token", "completions"),
        ("… on held-out texts", "texts"),
    ):
        for column, place in (("prompted", 0), ("plain", 1)):
            metric = numbers[f"trained_divergence_{column}_nats_on_{where}"]
            assert rows[name][place] == metric


def test_a_run_with_kl_says_nothing_of_the_bases_words(run):
    findings = run()
    assert "finetuned side says under the prompt" in findings.items[0].title
    assert not [item for item in findings.items if "the base says" in getattr(item, "title", "")]
    assert not [name for name in findings.metrics if name.startswith("trained_divergence")]
