"""Presets, and what overrides them."""

from diffkit_plugins import reachability_study
from diffkit_plugins.reachability_study.config import ReachabilityStudyConfig, resolve_settings

from diffkit.testing.options import assert_options_conform


def spec():
    found = []
    reachability_study.register_methods(found.append)
    return found[0]


def test_options_conform():
    assert_options_conform(spec())
    assert spec().subject == "model"


def test_faithful_has_the_numbers_of_the_design():
    chosen = resolve_settings(ReachabilityStudyConfig(preset="faithful"))
    assert (chosen.targets, chosen.length, chosen.restarts) == (100, 20, 5)
    assert (chosen.steps, chosen.extended_steps, chosen.lr) == (2_000, 5_000, 0.01)
    assert (chosen.pairs, chosen.alphas) == (20, (-0.5, 0, 0.25, 0.5, 0.75, 1, 1.5, 2))
    assert chosen.fractions == (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1)
    assert (chosen.replaced_targets, chosen.replaced_restarts) == (50, 3)
    assert chosen.sequences >= 1_000
    assert chosen.after_norm
    assert chosen.starts == "normal"
    assert not chosen.budgets
    assert chosen.tolerance == 0


def test_better_reads_before_the_norm_and_bounds_prompts():
    chosen = resolve_settings(ReachabilityStudyConfig(preset="better"))
    assert not chosen.after_norm
    assert chosen.starts == "vocabulary"
    assert chosen.budgets == (1, 2, 4)
    assert chosen.fixed_point
    assert chosen.discrete_targets > 0
    assert chosen.tolerance > 0


def test_what_is_given_overrides_the_preset_also_where_it_is_nothing():
    chosen = resolve_settings(
        ReachabilityStudyConfig(preset="better", steps=50, budgets=(), fixed_point=False)
    )
    assert chosen.steps == 50
    assert chosen.budgets == ()
    assert not chosen.fixed_point
    assert chosen.targets == 100
