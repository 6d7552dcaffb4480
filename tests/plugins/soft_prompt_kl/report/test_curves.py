"""How trainings went, in words."""

import torch
from diffkit_plugins.soft_prompt_kl.report.figures import convergence
from diffkit_plugins.soft_prompt_kl.training.validation import (
    HeldOutEvaluation,
    PromptTraining,
    TrainedPrompts,
)


def evaluated(step, divergence, base_kl, length=8, anchor=2.0):
    return HeldOutEvaluation(
        step=step,
        divergence=divergence,
        base_kl=base_kl,
        score=divergence - anchor * base_kl,
        training=0.0,
        norm=1.0,
        length=length,
    )


def training(*history):
    best = max(history, key=lambda one: one.score)
    ends = (torch.zeros(one.length, 4) for one in (best, history[-1]))
    return PromptTraining(*ends, history, "steps")


def told(quick, *trainings, **options):
    return convergence(TrainedPrompts(trainings), quick(**options)).text


def test_the_best_is_said_to_be_of_the_score_and_what_that_is(quick):
    one = training(evaluated(0, 0.0451, 0.02), evaluated(20, 0.0227, 0.001))
    text = told(quick, one, source="both", divergence="jsd")
    assert "began with a score of 0.0051 (sides apart 0.0451 nats per token, base moved" in text
    assert "best prompt at step 20 with 0.0207 (sides apart 0.0227" in text
    assert "divergence=jsd, clipped, on completions of held-out contexts and held-out texts" in text
    assert "less anchor=2 times how far the base is moved" in text
    assert "of the draws that chose the prompt" in text
    assert "the table above is of completions that are drawn afresh" in text
    assert "below 0" not in text


def test_a_score_below_0_is_told_for_what_it_is(quick):
    text = told(quick, training(evaluated(0, 0.01, 0.02), evaluated(10, 0.01, 0.03)))
    assert "found nothing better in 10 steps" in text
    assert "The best score, -0.03, is below 0: the prompt costs the base more" in text


def test_without_the_anchor_the_score_is_the_divergence(quick):
    text = told(quick, training(evaluated(0, -0.1, 0.0, anchor=0.0)), anchor=0.0)
    assert "a score of -0.1 nats per token" in text
    assert "moved" not in text
    assert "below 0" not in text


def test_how_long_the_best_is_is_told_beside_how_long_it_grew(quick):
    grown = training(evaluated(0, 1.0, 0.0), evaluated(5, 2.0, 0.0, 9), evaluated(9, 1.0, 0.0, 10))
    assert "grew to 10 tokens; the best one has 9." in told(quick, grown)
    assert "grew" not in told(quick, training(evaluated(0, 1.0, 0.0), evaluated(5, 2.0, 0.0)))
