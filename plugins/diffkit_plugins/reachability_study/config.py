"""Options of reachability-study and its presets; nothing here imports torch."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Annotated, Literal

from pydantic import Field

from diffkit import MethodConfig, UserError, execution_option

Experiment = Literal["1", "2a", "2b", "3", "4", "ffn"]

Preset = Literal["quick", "faithful", "better"]

Starts = Literal["normal", "vocabulary"]


class ReachabilityStudyConfig(MethodConfig):
    """A preset, options that override it, and how the study is executed. None: as the preset."""

    preset: Preset = "quick"
    """``faithful`` is the study as it was designed. ``better`` improves on it: targets before the
    final norm, prompts of bounded norm, and a fixed-point solver besides Adam. ``quick`` is a small
    ``faithful``."""
    experiments: tuple[Experiment, ...] = Field(
        default=("1", "2a", "2b", "3", "4", "ffn"), min_length=1
    )
    """1: real activations. 2a: random ones with the real mean and covariance. 2b: random directions
    of the real norm. 3: on the line through two real ones. 4: dimensions replaced by noise. ffn: 1,
    2a and 2b in the model without its FFNs. All others are compared with 1."""
    targets: int | None = Field(default=None, ge=2, le=100_000)
    """Number of targets in each of experiments 1, 2a and 2b."""
    length: int | None = Field(default=None, ge=1, le=4_096)
    """Tokens of each real sequence, and positions of each soft prompt."""
    sequences: int | None = Field(default=None, ge=2, le=100_000)
    """Largest number of real sequences over which means, covariances and norms are taken."""
    steps: int | None = Field(default=None, ge=10, le=1_000_000)
    """Adam steps of each search."""
    extended_steps: int | None = Field(default=None, ge=10, le=1_000_000)
    """Steps of all searches if experiment 1's median loss still falls; unused up to ``steps``."""
    falling: float = Field(default=0.02, gt=0, le=10)
    """A curve still falls if its last tenth lowers log₁₀ MSE by more than this (0.02 is 4.5 %)."""
    lr: float | None = Field(default=None, gt=0, le=100)
    """Adam's learning rate, in units of the embedding."""
    tolerance: float | None = Field(default=None, ge=0, lt=1)
    """Relative error below which a search has converged and ends; 0: none ends early."""
    restarts: int | None = Field(default=None, ge=1, le=1_000)
    """Searches from different starts for each target of experiments 1, 2a, 2b, 3 and ffn."""
    starts: Starts | None = None
    """``normal``: N(0, 1) in each coordinate. ``vocabulary``: embeddings of random tokens."""
    after_norm: bool | None = None
    """Whether targets are read after the final norm, like transformers' last hidden state."""
    pairs: int | None = Field(default=None, ge=1, le=100_000)
    """Pairs of real activations in experiment 3."""
    alphas: tuple[Annotated[float, Field(ge=-100, le=100)], ...] | None = Field(
        default=None, min_length=1
    )
    """Points on the line through a pair; 0 and 1 are the real ones."""
    replaced_targets: int | None = Field(default=None, ge=1, le=100_000)
    """Real targets whose dimensions experiment 4 replaces."""
    fractions: tuple[Annotated[float, Field(ge=0, le=1)], ...] | None = Field(
        default=None, min_length=1
    )
    """Shares of the dimensions that experiment 4 replaces."""
    replaced_restarts: int | None = Field(default=None, ge=1, le=1_000)
    """Searches for each target of experiment 4."""
    budgets: tuple[Annotated[float, Field(gt=0, le=1e6)], ...] | None = None
    """Bounds on the norm at each position of the prompt, in norms of a typical token embedding;
    each repeats experiments 1, 2a and 2b."""
    fixed_point: bool | None = None
    """Whether Anderson's fixed-point iteration also runs; only before the final norm."""
    discrete_targets: int | None = Field(default=None, ge=0, le=100_000)
    """Targets of each of experiments 1, 2a and 2b for which prompts of real tokens are searched."""
    batch_size: int = execution_option(64, ge=1, le=100_000)
    """Searches that run together; memory is proportional to it."""


@dataclass(frozen=True)
class StudySettings:
    """The options of `ReachabilityStudyConfig` that a preset fills in."""

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


_FAITHFUL = StudySettings(
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

PRESETS: Mapping[Preset, StudySettings] = {
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


def resolve_settings(config: ReachabilityStudyConfig) -> StudySettings:
    """The values of the preset, overridden by the options that are given.

    Raises:
        UserError: the options contradict each other.
    """
    given = {field.name: getattr(config, field.name) for field in fields(StudySettings)}
    known = {name: value for name, value in given.items() if value is not None}
    filled = replace(PRESETS[config.preset], **known)
    if filled.fixed_point and filled.after_norm:
        what = (
            "The fixed point needs a map that is its argument plus a bounded part; a norm is not."
        )
        raise UserError(what, hint="Turn one of fixed_point and after_norm off.")
    return filled
