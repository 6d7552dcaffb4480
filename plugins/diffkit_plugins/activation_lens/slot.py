"""Slots: the places of a text that are looked at one by one."""

import re
from dataclasses import dataclass
from typing import Literal

from diffkit_plugins.activation_lens.config import ActivationLensConfig

_NAME = re.compile(r"(?P<first>\d{1,6})|last(?P<last>-\d{1,6})?|answer(?P<answer>[+-]\d{1,6})|all")


@dataclass(frozen=True)
class Slot:
    """A token of every text that is long enough, or all of a text's tokens together."""

    anchor: Literal["first", "last", "answer", "all"]
    """What is counted from: a text's first token that is read, its last, or the first token of
    the content of a chat's first answer."""
    offset: int = 0
    """Tokens after it; negative ones before it."""

    @property
    def name(self) -> str:
        """Such as ``0``, ``last``, ``last−1``, ``answer+0`` and ``all``."""
        match self.anchor:
            case "first":
                return str(self.offset)
            case "answer":
                return f"answer{self.offset:+d}".replace("-", "−")
            case _:
                return f"{self.anchor}{self.offset or ''}".replace("-", "−")

    @classmethod
    def named(cls, name: str) -> "Slot | None":
        """The slot of a name, with a minus sign or a hyphen; none where it is no such name."""
        found = _NAME.fullmatch(name.strip().replace("−", "-"))
        if found is None:
            return None
        for anchor in ("first", "last", "answer"):
            if found[anchor] is not None:
                return cls(anchor, int(found[anchor]))
        return cls("all" if found[0] == "all" else "last")


def slots_of(config: ActivationLensConfig) -> tuple[Slot, ...]:
    """The slots of a run: from the first token on, back from the last, around the answer, all."""
    around = () if config.answer is None else range(-config.answer, config.answer + 1)
    return (
        *(Slot("first", number) for number in range(config.positions)),
        *(Slot("last", -number) for number in range(config.last)),
        *(Slot("answer", number) for number in around),
        Slot("all"),
    )
