"""Questions to the models, within a budget."""

import json
from collections.abc import Iterator

from diffkit import Asked, BlindPair, UserError
from diffkit_evaluators.agent.arguments import AskModels
from diffkit_evaluators.lm import fence


class Questions:
    """Puts questions to the models, and knows what was asked.

    Args:
        models: who is asked.
        limit: questions at most.
        nonce: marks what the models say.
        characters: length of all answers to one call at most.
    """

    def __init__(self, models: BlindPair, limit: int, nonce: str, characters: int) -> None:
        self._models, self._limit = models, limit
        self._nonce, self._characters = nonce, characters
        self.prompts: set[str] = set()
        """What was asked."""
        self.names: set[str] = set()
        """By which questions can be cited."""

    @property
    def asked(self) -> int:
        """Questions so far."""
        return self._models.asked

    @property
    def left(self) -> str:
        """What is left of them, in words."""
        return f"{max(0, self._limit - self.asked)} of {self._limit} questions"

    def spend(self, prompts: tuple[str, ...]) -> None:
        """Notes what is about to be asked, by whichever tool.

        Raises:
            UserError: there are more questions than are left.
        """
        if len(prompts) > self._limit - self.asked:
            what = (
                f"That would be {len(prompts)} questions, and {self.left} are left; none was put."
            )
            raise UserError(what)
        self.prompts.update(prompts)

    def ask(self, arguments: AskModels) -> str:
        """What the models answer.

        Raises:
            UserError: there are more questions than are left, or the models cannot be asked so.
        """
        self.spend(tuple(arguments.prompts))
        answered = self._models.ask(
            arguments.prompts,
            samples=arguments.samples,
            temperature=arguments.temperature,
            max_new_tokens=arguments.max_new_tokens,
        )
        self.names.update(one.name for one in answered)
        answers = sum(len(said) for one in answered for said in one.answers.values())
        limit = self._characters // max(1, answers)
        return "\n\n".join("\n".join(self._shown(one, limit)) for one in answered)

    def _shown(self, one: Asked, limit: int) -> Iterator[str]:
        yield f"{one.name}: {json.dumps(one.prompt, ensure_ascii=False)}"
        for handle, answers in one.answers.items():
            for number, text in enumerate(answers, 1):
                yield f"{handle}, answer {number} of {len(answers)}:"
                yield fence(text, self._nonce, limit)
