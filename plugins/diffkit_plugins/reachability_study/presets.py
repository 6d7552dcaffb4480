"""The study's numbers: what each preset says, overridden by what is given explicitly."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from diffkit import UserError
from diffkit_plugins.reachability_study.config import Preset, ReachabilityStudyConfig, Starts


@dataclass(frozen=True)
class Settings:
    """The options of `ReachabilityStudyConfig` that a preset fills in, all of them known."""

    targets: int
    length: int
    sequences: int
    steps: int
    extended_steps: int
    lr: float
    tolerance: float
    restarts: int
    starts: Starts
    after_norm: bool
    pairs: int
    alphas: tuple[float, ...]
    replaced_targets: int
    fractions: tuple[float, ...]
    replaced_restarts: int
    budgets: tuple[float, ...]
    fixed_point: bool
    discrete_targets: int


_FAITHFUL = Settings(
    targets=100,
    length=20,
    sequences=1_000,
    steps=2_000,
    extended_steps=5_000,
    lr=0.01,
    tolerance=0.0,
    restarts=5,
    starts="normal",
    after_norm=True,
    pairs=20,
    alphas=(-0.5, 0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0),
    replaced_targets=50,
    fractions=tuple(tenth / 10 for tenth in range(11)),
    replaced_restarts=3,
    budgets=(),
    fixed_point=False,
    discrete_targets=0,
)
PRESETS: Mapping[Preset, Settings] = {
    "faithful": _FAITHFUL,
    "better": replace(
        _FAITHFUL,
        tolerance=1e-5,
        starts="vocabulary",
        after_norm=False,
        budgets=(1.0, 2.0, 4.0),
        fixed_point=True,
        discrete_targets=5,
    ),
    "quick": replace(
        _FAITHFUL,
        targets=8,
        sequences=200,
        steps=200,
        extended_steps=500,
        restarts=2,
        pairs=4,
        alphas=(-0.5, 0.0, 0.5, 1.0, 2.0),
        replaced_targets=4,
        fractions=(0.0, 0.1, 0.3, 0.6, 1.0),
        replaced_restarts=1,
    ),
}


def settings(config: ReachabilityStudyConfig) -> Settings:
    """The preset's numbers, overridden by the options that were given.

    Raises:
        UserError: the options contradict each other.
    """
    given = {field.name: getattr(config, field.name) for field in fields(Settings)}
    known = {name: value for name, value in given.items() if value is not None}
    filled = replace(PRESETS[config.preset], **known)
    if filled.fixed_point and filled.after_norm:
        what = (
            "The fixed point needs a map that is its argument plus a bounded part; a norm is not."
        )
        raise UserError(what, cure="Turn one of fixed_point and after_norm off.")
    return filled
