"""Options of steering-prefix and of its search; nothing here imports torch.

Takes what a user sets. Gives `SteeringPrefixConfig`, and its bases `SearchOptions` (any search for
a prefix) and `CompletionOptions` (a search by the completions under the prefix).
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from diffkit import ImportPath, MethodConfig, execution_option

Word = Annotated[str, Field(min_length=1)]


class SearchOptions(MethodConfig):
    """Options of the search: optimiser, budget, allowed tokens, and random prefixes to compare."""

    length: int = Field(default=12, ge=1, le=1_024)
    """Tokens of the prefix."""
    optimiser: ImportPath = ImportPath("momentum")
    """``momentum`` (candidates along a running mean of gradients, two positions at a time and then
    one, from several starts), ``gcg``, ``multi-coordinate`` (all changes of a step that help,
    together; best with a single suffix), ``hotflip``, ``soft-projection`` (the notebook's: a soft
    prompt, its nearest tokens by cosine, then HotFlip), ``soft-in-loop`` (the same with the
    projection in every step), or your own as ``module:Class``."""
    budget: int = Field(default=3_000, ge=1, le=10**12)
    """Readings of a search at most: one prefix with one suffix is one reading, a gradient three."""
    candidates: int = Field(default=32, ge=1, le=65_536)
    """Prefixes tried in each step."""
    items_per_step: int = Field(default=4, ge=1, le=4_096)
    """Suffixes that the prefixes of a step are tried with; the best is tried with all."""
    nearest: int = Field(default=300, ge=1, le=1_000_000)
    """Tokens at each position that candidates are sampled from."""
    momentum: float = Field(default=0.9, ge=0, lt=1)
    """Weight of past gradients in their running mean."""
    temperature: float = Field(default=0.4, gt=0, le=100)
    """Temperature of sampling among these tokens, by their standardised first-order gains."""
    pairs: float = Field(default=0.8, ge=0, le=1)
    """Share of the budget in which two positions change at a time."""
    starts: int = Field(default=2, ge=1, le=4_096)
    """Random prefixes that a search begins with; the worse half is dropped from time to time."""
    patience: int = Field(default=12, ge=1, le=1_000_000)
    """Steps without a better prefix after which a search continues from another start."""
    soft_steps: int = Field(default=200, ge=1, le=1_000_000)
    """Adam steps of the optimisers that begin with a soft prompt."""
    soft_rate: float = Field(default=0.1, gt=0, le=100)
    """Their learning rate, in standard deviations of the vocabulary's embeddings."""
    restarts: int = Field(default=1, ge=1, le=1_000)
    """Searches from other random starts; all are in the tables, and the best is the result."""
    successive: int = Field(default=1, ge=1, le=100)
    """Prefixes found one after the other; each may not use the words of earlier ones, or, with
    ``ban_weight``, is penalised for closeness to them."""

    ban: tuple[Word, ...] = ()
    """Words that no prefix may contain: in any case, with any space or punctuation, or in pieces;
    also within other words, unless they have two letters or fewer."""
    ban_weight: float | None = Field(default=None, gt=0, le=1e3)
    """A penalty in place of a ban on these words and on those of earlier successive prefixes: this
    many nats times the cosine of the prefix's tokens to them; none bans them."""
    printable: bool = False
    """Whether a prefix has letters, digits, punctuation and single spaces only."""
    fluency: float = Field(default=0.0, ge=0, le=1e3)
    """Weight of the prefix's own mean negative log-likelihood, in nats per token."""
    prune: bool = True
    """Whether tokens that do not lower the loss are removed at the end."""
    prune_tolerance: float = Field(default=0.0, ge=0, le=10)
    """Nats per token by which the loss may rise for each token removed."""
    random_prefixes: int = Field(default=20, ge=1, le=10_000)
    """Random prefixes to compare with, of the length before pruning; 19 or more for a p-value of
    .05."""
    compare: bool = False
    """Whether every optimiser searches with the same budget, for a table of all of them."""
    batch_size: int = execution_option(128, ge=1, le=65_536)
    """Rows in a batch."""

    @property
    def penalises(self) -> bool:
        """Whether a search minimises a penalty besides the loss."""
        return self.fluency > 0 or self.ban_weight is not None


class CompletionOptions(SearchOptions):
    """Options of a search by the completions under the prefix."""

    suffixes: int = Field(default=256, ge=0, le=100_000)
    """Suffixes from the texts: users' messages and first words of documents."""
    own_suffixes: int = Field(default=512, ge=0, le=100_000)
    """Suffixes that the reference model generates, as users' messages: the questions that it
    generates show what it was finetuned to answer."""
    kept_suffixes: int = Field(default=48, ge=2, le=100_000)
    """Suffixes kept of all these, those whose completions depend most; half are held out."""
    suffix_tokens: int = Field(default=48, ge=1, le=131_072)
    """Tokens of a suffix at most; the first words of a document have at most a quarter of it."""
    separator: str = " "
    """Text between the prefix and a suffix."""
    completion_tokens: int = Field(default=12, ge=1, le=4_096)
    """Tokens of each reference completion at most."""
    decoding: Literal["greedy", "sampled"] = "greedy"
    """How reference completions are generated: greedily, or at temperature 1."""
    min_p: float = Field(default=0.05, ge=0, le=1)
    """In all that is sampled, own suffixes included, only tokens at least so many times as probable
    as the likeliest are drawn; 0 draws all."""
    min_dependence: float = Field(default=0.05, ge=0, le=100)
    """Loss of the model without a prefix, above that of the reference, in nats per token; suffixes
    below it are left out."""
    loss: Literal["kl", "cross-entropy"] = "kl"
    """KL from the reference's predictions (its most likely tokens, and all others together), or
    the notebook's cross-entropy of the reference's completion."""
    reference_top: int = Field(default=128, ge=1, le=1_000_000)
    """Number of the most likely tokens of the reference that KL distinguishes."""
    early_tokens: int = Field(default=32, ge=1, le=131_072)
    """The notebook's EARLY_K: the number of first tokens of a completion with more weight; if
    ``completion_tokens`` is no larger, as by default, all weights are equal."""
    early_weight: float = Field(default=3.0, ge=1, le=1e6)
    """The notebook's EARLY_WEIGHT: the factor of their weight."""
    half_life: float | None = Field(default=None, gt=0, le=1e6)
    """Tokens after which the weight has halved, in place of these weights."""
    exact_tokens: int = Field(default=8, ge=1, le=131_072)
    """First tokens that must all be equal for ``exact@K``."""
    sampled: int = Field(default=2, ge=0, le=1_000)
    """Completions sampled at temperature 1 for each held-out suffix, besides the greedy one."""
    shown: int = Field(default=6, ge=1, le=1_000)
    """Suffixes shown with both texts, of the most similar and of the least similar."""


class SteeringPrefixConfig(CompletionOptions):
    """Options of steering-prefix: which side the prefix explains, and the search."""

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "small": {
            "length": 8,
            "budget": 400,
            "suffixes": 48,
            "own_suffixes": 48,
            "kept_suffixes": 12,
            "completion_tokens": 8,
            "sampled": 0,
        }
    }

    objective: Literal["explain", "mirror"] = "explain"
    """``explain``: the base with the prefix generates what the finetuned side does without it.
    ``mirror``: the finetuned side with the prefix generates what the base does without it."""
    human: tuple[str, ...] = ()
    """Your own prefixes, for the tables."""
