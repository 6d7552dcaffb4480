"""The broker: the only way from an investigator to models and tools, blind to what they are.

Answers come back under handles and without identifiers. What goes wrong is told in words that hold
no path; the whole of it goes to the log alone.
"""

import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from diffkit.blind import Blind
from diffkit.catalogue import Selected
from diffkit.errors import UserError, reason_of
from diffkit.generator import GeneratorPair, Sampling
from diffkit.investigator import Asked
from diffkit.organism import Source, sources
from diffkit.texts import Message, Text
from diffkit.transcript import Remark, Transcript
from diffkit.verdict import Side

log = logging.getLogger("diffkit.broker")


def blinded(
    handle: str, repeat: int, selected: Iterable[Selected], root: Path, transcript: Transcript
) -> Blind:
    """What hides the names of pairs from an attempt.

    The handle draws which side is shown first; each repeat turns it round.

    Args:
        handle: of the case.
        repeat: number of the repeat.
        selected: the pairs whose names nobody may be told.
        root: folder of the store.
        transcript: told where something was withheld.
    """
    drawn = hashlib.sha256(f"order {handle}".encode()).digest()[0] + repeat
    order: tuple[Side, Side] = ("base", "finetuned")
    known = {str(root), str(root.resolve())}.union(*map(identifiers, selected))
    return Blind(
        order[drawn % 2],
        known,
        lambda channel: transcript.write(Remark(text=f"an identifier was withheld in {channel}")),
    )


def identifiers(selected: Selected) -> set[str]:
    """Everything that names a pair."""
    found = {selected.organism.name, selected.base.name, selected.variant}
    for source in (selected.base.source, *sources(selected.finetuned)):
        found |= _names(source)
    return found


def _names(source: Source) -> set[str]:
    """A source's id or path, whole and as its last part, its revision and its folders."""
    path = Path(source.at)
    parts = [source.revision, source.subfolder, path.name, path.parent.name]
    return {source.at, str(path.resolve()), *filter(None, parts)}


class Questions:
    """Asks both models, counting questions; a `BlindPair`.

    Args:
        generators: lends those of both sides.
        blind: what the sides are called.
        seed: the draws come from it and from the number of questions before.
    """

    def __init__(self, generators: Callable[[], GeneratorPair], blind: Blind, seed: str) -> None:
        self._generators, self._blind, self._seed = generators, blind, seed
        self.asked = 0
        self.failure = ""
        """Why nobody could be asked, through no fault of the asker's."""

    def ask(
        self,
        prompts: Sequence[str],
        *,
        samples: int = 1,
        temperature: float = 0.0,
        max_new_tokens: int = 64,
    ) -> tuple[Asked, ...]:
        """Puts each prompt to both models, as a user's message.

        Raises:
            UserError: the models cannot be asked so.
        """
        sampling = Sampling(
            max_new_tokens=max_new_tokens, temperature=temperature, seed=self._drawn()
        )
        texts = [_chat(prompt) for prompt in prompts for _ in range(samples)]
        said = self._said(texts, sampling)
        first, self.asked, self.failure = self.asked + 1, self.asked + len(prompts), ""
        return tuple(
            self._one(first + place, prompt, said, slice(place * samples, (place + 1) * samples))
            for place, prompt in enumerate(prompts)
        )

    def _one(self, number: int, prompt: str, said: Mapping[Side, list[str]], own: slice) -> Asked:
        answers = {self._blind.handle[side]: tuple(said[side][own]) for side in self._blind.order}
        return Asked(name=f"question-{number}", prompt=prompt, answers=answers)

    def _said(self, texts: Sequence[Text], sampling: Sampling) -> dict[Side, list[str]]:
        try:
            both = self._generators()
            return {
                side: [
                    self._blind.hide(one.text, "an answer")
                    for one in getattr(both, side).generate(texts, sampling)
                ]
                for side in self._blind.order
            }
        except Exception as error:
            if type(error) is not UserError or not self.asked:  # else it may be the question's
                self.failure = reason_of(error)
            raise told(error, self._blind, "The models could not be asked") from error

    def _drawn(self) -> int:
        content = f"{self._seed} {self.asked}".encode()
        return int.from_bytes(hashlib.sha256(content).digest()[:4], "big")


def _chat(prompt: str) -> Text:
    return Text(messages=(Message(role="user", content=prompt),))


def told(error: Exception, blind: Blind, what: str) -> UserError:
    """What an investigator is told of an error: only what was meant for users, blinded."""
    if isinstance(error, UserError):
        return UserError(blind.error(str(error)))
    log.warning("%s: %s", what, error)
    return UserError(f"{what}.", cure="Try something else.")
