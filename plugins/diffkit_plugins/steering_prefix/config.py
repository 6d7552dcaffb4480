"""Options of steering-prefix and of its search; nothing here imports torch.

Takes what a user sets. Gives `SteeringPrefixConfig`, and its bases `SearchOptions` (any search for
a prefix) and `CompletionOptions` (a search by what is said after the prefix).
"""

from typing import Annotated, Literal

from pydantic import Field

from diffkit import ImportPath, MethodConfig, execution_option

Word = Annotated[str, Field(min_length=1)]


class SearchOptions(MethodConfig):
    """How a prefix is searched for, which tokens it may hold, and what it is compared with."""

    length: int = Field(default=12, ge=1, le=1_024)
    """Tokens of the prefix."""
    optimiser: ImportPath = ImportPath("momentum")
    """``momentum`` (candidates along a running mean of gradients, two positions at a time and then
    one, a pool of starts), ``gcg``, ``multi-coordinate`` (all changes of a step that help,
    together; best with a single suffix), ``hotflip``, ``soft-projection`` (the notebook's: a soft
    prompt, its nearest tokens by cosine, then HotFlip), ``soft-in-loop`` (the same with the
    projection kept in the loop), or one of your own as ``module:Class``."""
    budget: int = Field(default=3_000, ge=1, le=10**12)
    """Readings that a search may take: one is a prefix with one suffix read through, and a
    gradient counts three."""
    candidates: int = Field(default=32, ge=1, le=65_536)
    """Prefixes tried in each step."""
    items_per_step: int = Field(default=4, ge=1, le=4_096)
    """Suffixes that the prefixes of a step are tried with; whoever wins is tried with all."""
    nearest: int = Field(default=300, ge=1, le=1_000_000)
    """Tokens at each position that candidates are drawn from."""
    momentum: float = Field(default=0.9, ge=0, lt=1)
    """Weight of the past in the running mean of gradients."""
    temperature: float = Field(default=0.4, gt=0, le=100)
    """Of the draw among these tokens, over standardised promises."""
    pairs: float = Field(default=0.8, ge=0, le=1)
    """Share of the budget in which two positions change at a time."""
    starts: int = Field(default=2, ge=1, le=4_096)
    """Random prefixes that a search begins with; the worse half is dropped from time to time."""
    patience: int = Field(default=12, ge=1, le=1_000_000)
    """Steps without a better prefix after which a search goes back to another start."""
    soft_steps: int = Field(default=200, ge=1, le=1_000_000)
    """Adam steps of the optimisers that begin with a soft prompt."""
    soft_rate: float = Field(default=0.1, gt=0, le=100)
    """Their rate, in standard deviations of the vocabulary's embeddings."""
    restarts: int = Field(default=1, ge=1, le=1_000)
    """Whole searches from other starts; all are in the tables, and the best is the result."""
    successive: int = Field(default=1, ge=1, le=100)
    """Prefixes searched one after the other, each barred from the words of those before, or
    penalised for closeness to them where there is a ``ban_weight``."""

    ban: tuple[Word, ...] = ()
    """Words that no prefix may say: in any case, with any space or punctuation, or in pieces; also
    within other words, unless they have two letters or fewer."""
    ban_weight: float | None = Field(default=None, gt=0, le=1e3)
    """Instead of barring these words, and those of earlier successive prefixes, a penalty of so
    many nats times the closeness (cosine) of the prefix's tokens to them; none bars them."""
    printable: bool = False
    """Whether a prefix may hold letters, digits, punctuation and single spaces only."""
    fluency: float = Field(default=0.0, ge=0, le=1e3)
    """Weight of the prefix's own mean negative log-likelihood, in nats per token."""
    prune: bool = True
    """Whether tokens without which the prefix does no worse are taken out at the end."""
    prune_tolerance: float = Field(default=0.0, ge=0, le=10)
    """Nats per token that a prefix may lose for each token taken out."""
    random_prefixes: int = Field(default=20, ge=1, le=10_000)
    """Random prefixes of the length that is searched for (pruning may leave the prefix fewer
    tokens), with which it is compared; 19 or more for a p-value of .05."""
    compare: bool = False
    """Whether every optimiser searches with the same budget, for a table of all of them."""
    batch_size: int = execution_option(128, ge=1, le=65_536)
    """Rows read at a time."""

    @property
    def penalises(self) -> bool:
        """Whether a search lowers more than the loss."""
        return self.fluency > 0 or self.ban_weight is not None


class CompletionOptions(SearchOptions):
    """The search for a prefix by what is said after it."""

    suffixes: int = Field(default=256, ge=0, le=100_000)
    """Suffixes taken from the texts: users' turns and documents' first words."""
    own_suffixes: int = Field(default=512, ge=0, le=100_000)
    """Suffixes that the model whose outputs are the reference writes itself, as users' messages:
    what it was finetuned to answer shows in what it has users ask."""
    kept_suffixes: int = Field(default=48, ge=2, le=100_000)
    """Of all these, those whose completions depend most; half are held out."""
    suffix_tokens: int = Field(default=48, ge=1, le=131_072)
    """Longer suffixes are left out; a document's first words are at most a quarter of it."""
    separator: str = " "
    """What stands between the prefix and a suffix."""
    completion_tokens: int = Field(default=12, ge=1, le=4_096)
    """Tokens of each reference completion at most."""
    decoding: Literal["greedy", "sampled"] = "greedy"
    """How reference completions are drawn: the likeliest tokens, or at temperature 1."""
    min_dependence: float = Field(default=0.05, ge=0, le=100)
    """Suffixes whose reference completion the model without a prefix already gives, up to so many
    nats per token, are left out."""
    loss: Literal["kl", "cross-entropy"] = "kl"
    """KL from the reference's predictions (its likeliest tokens and the rest as one), or the
    notebook's cross-entropy of the reference's completion."""
    reference_top: int = Field(default=128, ge=1, le=1_000_000)
    """Likeliest tokens of the reference that a KL knows apart."""
    early_tokens: int = Field(default=32, ge=1, le=131_072)
    """The notebook's EARLY_K: so many first tokens of a completion weigh more; with no more
    ``completion_tokens`` than this, as by default, all weigh alike."""
    early_weight: float = Field(default=3.0, ge=1, le=1e6)
    """The notebook's EARLY_WEIGHT: how much more."""
    half_life: float | None = Field(default=None, gt=0, le=1e6)
    """Instead: weights that halve with every so many tokens."""
    exact_tokens: int = Field(default=8, ge=1, le=131_072)
    """First tokens that must all agree for ``exact@K``."""
    sampled: int = Field(default=2, ge=0, le=1_000)
    """Completions drawn at temperature 1 for each held-out suffix, besides the greedy one."""
    shown: int = Field(default=6, ge=1, le=1_000)
    """Most similar and most dissimilar suffixes shown, with both texts."""


class SteeringPrefixConfig(CompletionOptions):
    """Which side is to be explained by a prefix, and how the prefix is searched for."""

    objective: Literal["explain", "mirror"] = "explain"
    """``explain``: the base with the prefix gives what the finetuned side gives without it.
    ``mirror``: the finetuned side with the prefix gives what the base gives without it."""
    human: tuple[str, ...] = ()
    """Prefixes of your own, for the tables."""
