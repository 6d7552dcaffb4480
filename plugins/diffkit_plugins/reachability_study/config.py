"""Options of reachability-study; nothing here imports torch."""

from typing import Annotated, Literal

from pydantic import Field

from diffkit import MethodConfig, execution_option

Experiment = Literal["1", "2a", "2b", "3", "4", "ffn"]
Preset = Literal["quick", "faithful", "better"]
Starts = Literal["normal", "vocabulary"]


class ReachabilityStudyConfig(MethodConfig):
    """A preset, what differs from it, and how the study is executed. None: as the preset."""

    preset: Preset = "quick"
    """``faithful`` is the study as it was designed, ``better`` what we would do instead (targets
    before the final norm, prompts of bounded norm, the fixed point beside Adam), and ``quick`` a
    small ``faithful`` for a first look."""
    experiments: tuple[Experiment, ...] = Field(
        default=("1", "2a", "2b", "3", "4", "ffn"), min_length=1
    )
    """1: real activations. 2a: random ones with the real mean and covariance. 2b: random directions
    of the real norm. 3: on the line through two real ones. 4: dimensions replaced by noise. ffn: 1,
    2a and 2b again in the model without its FFNs. All but 1 are compared with 1."""
    targets: int | None = Field(default=None, ge=2, le=100_000)
    """Targets of experiments 1, 2a and 2b each."""
    length: int | None = Field(default=None, ge=1, le=4_096)
    """Tokens of each real sequence and positions of each soft prompt."""
    sequences: int | None = Field(default=None, ge=2, le=100_000)
    """Real sequences that means, covariances and norms are taken over, if there are as many."""
    steps: int | None = Field(default=None, ge=10, le=1_000_000)
    """Adam steps of each search."""
    extended_steps: int | None = Field(default=None, ge=10, le=1_000_000)
    """Steps everywhere, if experiment 1's median loss still falls; up to ``steps``: never."""
    falling: float = Field(default=0.02, gt=0, le=10)
    """A curve still falls if its last tenth lowers log₁₀ MSE by more than this (0.02 is 4.5 %)."""
    lr: float | None = Field(default=None, gt=0, le=100)
    """Adam's learning rate, in units of the embedding."""
    tolerance: float | None = Field(default=None, ge=0, lt=1)
    """Relative error below which a search has converged and ends; 0: all take all steps."""
    restarts: int | None = Field(default=None, ge=1, le=1_000)
    """Searches for each target of experiments 1, 2a, 2b, 3 and ffn, from other starts."""
    starts: Starts | None = None
    """``normal``: N(0, 1) in each coordinate. ``vocabulary``: embeddings of random tokens."""
    after_norm: bool | None = None
    """Whether targets are read after the final norm, as Hugging Face's last hidden state is."""
    pairs: int | None = Field(default=None, ge=1, le=100_000)
    """Pairs of real activations in experiment 3."""
    alphas: tuple[Annotated[float, Field(ge=-100, le=100)], ...] | None = Field(
        default=None, min_length=1
    )
    """Places on the line through a pair, 0 and 1 being the real ones."""
    replaced_targets: int | None = Field(default=None, ge=1, le=100_000)
    """Real targets whose dimensions experiment 4 replaces."""
    fractions: tuple[Annotated[float, Field(ge=0, le=1)], ...] | None = Field(
        default=None, min_length=1
    )
    """Shares of the dimensions that experiment 4 replaces."""
    replaced_restarts: int | None = Field(default=None, ge=1, le=1_000)
    """Searches for each target of experiment 4."""
    budgets: tuple[Annotated[float, Field(gt=0, le=1e6)], ...] | None = None
    """Bounds on the norm of each position of the prompt, in typical token embeddings; each repeats
    experiments 1, 2a and 2b."""
    fixed_point: bool | None = None
    """Whether Anderson's forward-only iteration goes beside Adam; before the final norm only."""
    discrete_targets: int | None = Field(default=None, ge=0, le=100_000)
    """Targets of experiments 1, 2a and 2b each that prompts of real tokens are searched for."""
    batch_size: int = execution_option(64, ge=1, le=100_000)
    """Searches that run together; memory is proportional to it."""
