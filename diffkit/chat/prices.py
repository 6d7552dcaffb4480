"""Prices of language models, read from a file of the user's."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from diffkit.options.yaml_records import read_record
from diffkit.organism import Record


class Price(Record):
    """Price of a language model, in US dollars per million tokens."""

    input: float = Field(ge=0)
    """Of a prompt."""
    output: float = Field(ge=0)
    """Of a completion."""

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """US dollars for these numbers of tokens."""
        return (prompt_tokens * self.input + completion_tokens * self.output) / 1e6


class Prices(Record):
    """Prices by model. A model that is not listed has an unknown price, which is never zero."""

    models: Mapping[str, Price] = Field(default_factory=dict)
    """Name of the model in requests → its price."""

    def get(self, model: str) -> Price | None:
        """The price of ``model``; none if it is unknown."""
        return self.models.get(model)


_EXAMPLE = "Write: models: {openai/gpt: {input: 1.25, output: 10}} (dollars per million tokens)."


def read_prices(path: Path) -> Prices:
    """Reads a YAML: ``models: {NAME: {input: 1.25, output: 10}}``.

    Raises:
        BadFile: it is missing, or no such file.
    """
    return read_record(path, Prices, example=_EXAMPLE)
