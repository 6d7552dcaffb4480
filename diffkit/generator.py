"""What generation takes and gives back, whoever does the generating."""

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
    """Goes on from prompts, as one side of a pair; several threads may ask it at once."""

    @abstractmethod
    def generate(
        self, prompts: "Sequence[Text | str]", sampling: Sampling
    ) -> tuple[Completion, ...]:
        """Completions, one for each prompt.

        Args:
            prompts: a string is the opening of a document; a chat goes through the template.
            sampling: how tokens are chosen; greedy ones are those of `Model.generate`.
        """

    @abstractmethod
    def generate_from(
        self, embeddings: "Sequence[Float[Tensor, 'seq hidden']]", sampling: Sampling
    ) -> tuple[Completion, ...]:
        """Completions, one for each sequence of input embeddings (a soft prompt and a text, say).

        Raises:
            UserError: this generator takes no embeddings.
        """


@dataclass(frozen=True)
class GeneratorPair:
    """Both sides."""

    base: Generator
    finetuned: Generator


@dataclass(frozen=True)
class PairSource:
    """Two models that are to generate, and how they would be loaded here."""

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
        """Frees what is kept; by default nothing is."""
