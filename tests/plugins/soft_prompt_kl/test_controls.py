import pytest
import torch
from diffkit_plugins.soft_prompt_kl.comparison import Advantage, PassageDivergences
from diffkit_plugins.soft_prompt_kl.evaluation import control_advantages
from diffkit_plugins.soft_prompt_kl.prompt_file import save_prompt
from diffkit_plugins.soft_prompt_kl.report.tables import controls_note

from diffkit import mean_kl


@pytest.mark.slow
def test_each_control_has_a_prompt_and_a_score_of_its_own(tiny_pair, quick, context):
    config = quick(controls=2, steps=6, rate=2.0, anchor=0.0)
    scores = control_advantages(tiny_pair, config, context)
    assert len(set(scores)) == 2
    assert all(score >= 0 for score in scores)
    assert control_advantages(tiny_pair, config, context) == scores


def test_controls_leave_the_pairs_own_checkpoint_alone(tiny_pair, quick, context):
    assert not context.checkpoints.found
    control_advantages(tiny_pair, quick(controls=1, steps=1), context)
    assert not context.checkpoints.found
    assert [path.name for path in context.checkpoints.folder.glob("checkpoint*")]
    context.checkpoints.clear()
    assert not list(context.checkpoints.folder.glob("checkpoint*"))


def test_a_prompt_that_was_given_is_applied_and_none_is_trained(
    tiny_pair, quick, context, monkeypatch
):
    prompt = torch.randn(3, 32, generator=torch.Generator().manual_seed(0))
    name = save_prompt(context.artifacts, "given", prompt, tiny_pair, quick())
    monkeypatch.setattr(
        "diffkit_plugins.soft_prompt_kl.evaluation.control_scale_for_kl", lambda *_: 5.0
    )
    monkeypatch.delattr("diffkit_plugins.soft_prompt_kl.evaluation.train")
    config = quick(controls=1, prompt=str(context.artifacts.folder / name))
    assert len(control_advantages(tiny_pair, config, context)) == 1


def test_a_control_is_to_drift_as_far_as_the_pair_on_its_own_seed(
    tiny_pair, quick, context, monkeypatch
):
    def spy(drift_at, wanted):
        asked.append((drift_at(2.0), wanted))
        return 1.0

    asked = []
    monkeypatch.setattr("diffkit_plugins.soft_prompt_kl.evaluation.control_scale_for_kl", spy)
    control_advantages(tiny_pair, quick(controls=2, steps=1), context)
    wanted, drifts = mean_kl(tiny_pair, context.texts), []
    for seed in (context.seed + 1, context.seed + 2):
        with tiny_pair.control(seed, 2.0) as control:
            drifts.append(mean_kl(control, context.texts))
    assert len(set(drifts)) == 2
    assert asked == [(pytest.approx(own), pytest.approx(wanted)) for own in drifts]


@pytest.mark.parametrize(("scores", "median"), [((4.0, 1.0, 2.0, 8.0), 3), ((1.0, 9.0, 2.0), 2)])
def test_the_median_of_an_even_number_lies_between_the_middle_two(scores, median):
    nothing = Advantage(PassageDivergences(()), PassageDivergences(()))
    assert f"(median {median})" in controls_note(nothing, scores, trained=True).text


def test_none_are_made_where_none_are_asked_for(tiny_pair, quick, context):
    assert control_advantages(tiny_pair, quick(), context) == ()
