"""Generators: backends that generate completions of a pair, such as transformers or vLLM."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from diffkit.method import MethodConfig
from diffkit.organism import Finetuned, Source
from diffkit.sampling import Completion, Sampling

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor

    from diffkit.engine.pair import ModelPair
    from diffkit.texts import Text


class Generator(ABC):
    """Generates completions as one side of a pair; several threads may call it at once."""

    @abstractmethod
    def generate(
        self, prompts: "Sequence[Text | str]", sampling: Sampling
    ) -> tuple[Completion, ...]:
        """Completions, one for each prompt.

        Args:
            prompts: a string is the start of a document; a chat goes through the template.
            sampling: how tokens are chosen; greedy completions equal those of `Model.generate`.
        """

    @abstractmethod
    def generate_from(
        self, embeddings: "Sequence[Float[Tensor, 'seq hidden']]", sampling: Sampling
    ) -> tuple[Completion, ...]:
        """Completions, one for each sequence of input embeddings.

        Raises:
            UserError: this generator takes no embeddings.
        """


@dataclass(frozen=True)
class GeneratorPair:
    """Generators of both sides."""

    base: Generator
    finetuned: Generator


@dataclass(frozen=True)
class PairSource:
    """The two models to generate from, and how they are loaded in this process."""

    base: Source
    finetuned: Finetuned
    load: "Callable[[], ModelPair]"
    """The pair in this process, loaded once and shared; for generators that need it."""
    device: str = "auto"
    dtype: str | None = None
    attention: str | None = None


C = TypeVar("C", bound=MethodConfig)


class GeneratorBackend(ABC, Generic[C]):
    """Makes generators; one instance serves a whole evaluation, and may keep engines warm."""

    @abstractmethod
    def open(self, source: PairSource, config: C) -> AbstractContextManager[GeneratorPair]:
        """The generators of a pair, until the context ends.

        Raises:
            UserError: it cannot generate from such a pair.
        """

    def close(self) -> None:
        """Frees resources; by default there are none."""
