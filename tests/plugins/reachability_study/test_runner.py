"""What the experiments measure, without pictures."""

from itertools import count

import pytest
import torch
from diffkit_plugins.reachability_study.config import ReachabilityStudyConfig
from diffkit_plugins.reachability_study.report import procedure_note
from diffkit_plugins.reachability_study.runner import ExperimentRunner

from diffkit import Source, Texts, UserError, load_model
from diffkit.context import no_progress


@pytest.fixture
def runner(neox, context, tiny_study, tmp_path):
    def make(folder="run", texts=None, progress=no_progress, **options):
        config = ReachabilityStudyConfig(**{**tiny_study, **options})
        given = context(tmp_path / folder, texts=texts, progress=progress)
        return ExperimentRunner.of(neox, config, given)

    return make


@pytest.fixture
def measure(runner):
    return lambda *given, **options: runner(*given, **options).run()


def same(one, other):
    pairs = zip(
        (*one.outcomes, *one.by_other_solvers),
        (*other.outcomes, *other.by_other_solvers),
        strict=True,
    )
    return all(torch.equal(a.curves, b.curves) and torch.equal(a.mse, b.mse) for a, b in pairs)


def test_targets_that_are_the_same_are_reached_alike(measure):
    found = measure(restarts=1, replaced_targets=3, pairs=1, experiments=("1", "3", "4"))
    real, untouched = found.of_condition("real"), found.of_condition("f = 0")
    torch.testing.assert_close(untouched.mse, real.mse, rtol=1e-4, atol=0)
    for end in (found.of_condition("α = 0"), found.of_condition("α = 1")):
        assert (end.mse - real.mse).abs().min() < 1e-4 * end.mse


def test_numbers_are_those_of_a_loop_over_single_targets(neox, many_texts, measure):
    found = measure(experiments=("1",), after_norm=False, restarts=2).of_condition("real")
    residual_map = neox.embedding_to_residual(1.0)
    ids = [neox.inputs([text], max_tokens=4).ids for text in many_texts.items[:3]]
    for target, mses in zip(ids, found.mse, strict=True):
        goal = residual_map(neox.embed(target)).detach()
        for restart, expected in enumerate(mses.tolist()):
            start = torch.randn(4, 16, generator=torch.Generator().manual_seed(1_000 * restart))
            prompt = start[None].clone().requires_grad_()
            optimizer, least = torch.optim.Adam([prompt], lr=0.01), float("inf")
            for _ in range(11):
                loss = (residual_map(prompt) - goal).square().mean()
                least = min(least, float(loss.detach()))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            assert expected == pytest.approx(least, rel=1e-4)


def test_without_ffns_a_real_target_is_what_attention_alone_makes_of_real_tokens(neox, runner):
    made = runner(after_norm=False, sequences=3)
    blocks = neox.network.module.gpt_neox.layers
    hooks = [block.mlp.register_forward_hook(lambda *_: torch.zeros(1)) for block in blocks]
    try:
        ids = neox.inputs([made.searches.context.texts.items[0]], max_tokens=4)
        expected = neox.resid(ids, [1.0])[0, 0]
    finally:
        for hook in hooks:
            hook.remove()
    torch.testing.assert_close(made.without_ffns.real[0], expected, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(made.full.real[0], expected, rtol=0.1)


def test_after_the_norm_real_targets_have_no_floor_and_random_ones_do(measure):
    found = measure(experiments=("1", "2b"))
    assert found.of_condition("real").floor.tolist() == [0.0] * 3
    raw = found.of_condition("raw")
    assert raw.floor.min() > 0
    assert (raw.floor < raw.best).all()


def test_before_the_norm_nothing_has_a_floor(measure):
    found = measure(experiments=("2b",), after_norm=False)
    assert found.of_condition("raw").floor.tolist() == [0.0] * 3


def test_steps_are_extended_everywhere_while_experiment_1_still_falls(runner):
    made = runner(experiments=("1", "2a"), extended_steps=20, falling=1e-6)
    found = made.run()
    assert [int(outcome.steps[-1]) for outcome in found.outcomes] == [20, 20]
    words = procedure_note(found, made.settings, 20).text
    assert "Adam takes 20 steps" in words
    assert "still fell after 10 steps: extended" in words


def test_a_flat_curve_extends_nothing(runner):
    made = runner(experiments=("1", "2a"), extended_steps=20, falling=10)
    found = made.run()
    assert found.steps == 10
    assert "no longer fell: not extended" in procedure_note(found, made.settings, 20).text


def test_no_extension_beyond_what_is_asked_for_is_said(runner):
    made = runner(experiments=("1",), falling=1e-6)
    found = made.run()
    assert found.steps == 10
    assert (
        "still fell after 10 steps: not extended, as asked"
        in procedure_note(found, made.settings, 20).text
    )


def test_an_extended_experiment_1_is_that_of_as_many_steps(measure):
    extended = measure("extended", experiments=("1",), extended_steps=20, falling=1e-6)
    assert same(extended, measure("long", experiments=("1",), steps=20))


@pytest.mark.parametrize("batches", [1, 3, 5])
def test_a_killed_run_goes_on_and_finds_the_same(measure, batches):
    counter, made = count(), []

    def killed(items, *, label, total=None, done=0):
        for item in items:
            if next(counter) == batches:
                raise KeyboardInterrupt
            yield item

    def counted(items, *, label, total=None, done=0):
        for item in items:
            made.append(item)
            yield item

    options = {"batch_size": 4, "experiments": ("1", "2b", "4"), "replaced_restarts": 1}
    with pytest.raises(KeyboardInterrupt):
        measure("killed", progress=killed, **options)
    resumed = measure("killed", progress=counted, **options)
    assert same(resumed, measure("whole", **options))
    assert len(made) == 2 + 2 + 2 - batches


def test_the_batch_size_changes_nothing(measure):
    options = {"experiments": ("1", "2b", "4"), "targets": 2, "restarts": 1}
    one = measure("one", batch_size=1, **options)
    other = measure("other", batch_size=64, **options)
    for first, second in zip(one.outcomes, other.outcomes, strict=True):
        torch.testing.assert_close(first.mse, second.mse, rtol=1e-3, atol=0)
        assert torch.equal(first.floor, second.floor)


def test_budgets_bind_and_the_fixed_point_arrives(measure):
    found = measure(preset="better", experiments=("2b",), discrete_targets=2, budgets=(1.0, 2.0))
    fixed, one, two, tokens = found.by_other_solvers
    assert [o.solver for o in found.by_other_solvers] == [
        "Anderson", "Adam, norm ≤ 1", "Adam, norm ≤ 2", "real tokens"
    ]  # fmt: skip
    assert fixed.relative.max() < 1e-3 < found.of_condition("raw").relative.min()
    assert one.norms.max() <= 1 + 1e-5
    assert two.norms.max() <= 2 + 1e-5
    assert (tokens.curves.diff(dim=0) <= 0).all()
    assert len(tokens.best) == 2


def test_searches_that_have_converged_end(measure):
    options = {"preset": "better", "experiments": ("2b",), "discrete_targets": 0, "budgets": ()}
    whole, early = (
        measure(str(t), tolerance=t, **options).by_other_solvers[0] for t in (0.0, 0.01)
    )
    assert (whole.relative < early.relative).all()
    assert (early.relative < 0.01).all()
    ended = early.curves == early.curves[-1]
    assert (ended.sum(dim=0) > 10).all()


def test_a_model_in_16_bits_is_searched_with_prompts_in_32(
    neox_folder, context, tiny_study, tmp_path
):
    half = load_model(Source(at=str(neox_folder)), device="cpu", dtype="bfloat16")
    config = ReachabilityStudyConfig(**{**tiny_study, "experiments": ("1", "2b")})
    made = ExperimentRunner.of(half, config, context(tmp_path))
    assert {made.searches.starts.dtype, made.full.real.dtype} == {torch.float32}
    assert made.full.ellipsoid is not None
    found = made.run()
    assert found.of_condition("raw").floor.min() > 0
    assert found.of_condition("real").floor.max() < 1e-3
    assert (found.of_condition("real").best < found.of_condition("real").initial).all()


def test_a_fixed_point_after_the_norm_is_refused(measure):
    with pytest.raises(UserError, match="fixed point"):
        measure(preset="better", after_norm=True)


def test_too_few_texts_are_refused_with_a_cure(measure):
    texts = Texts.of("Too short.", "The dog lay by the door, and the cat sat.", "")
    with pytest.raises(UserError, match=r"Only 1 of 3 texts have 4 tokens; 3 targets") as caught:
        measure(texts=texts)
    assert "--texts" in caught.value.hint


def test_texts_below_twenty_characters_are_skipped(measure):
    with pytest.raises(UserError, match="Only 0 of 5"):
        measure(texts=Texts.of(*["The cat sat on it."] * 5))


def test_fewer_sequences_than_asked_for_are_said(runner, many_texts):
    made = runner(texts=many_texts.first(10), experiments=("2a",))
    words = procedure_note(made.run(), made.settings, len(made.full.real)).text
    assert "Moments are over 10 sequences (20 were asked for" in words
    assert "Experiment 1 did not run" in words
