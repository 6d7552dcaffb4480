"""One side of a pair, answered by a server."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from jaxtyping import Float
from torch import Tensor

from diffkit import Completion, Generator, Sampling, Text, UserError
from diffkit_evaluators.generators.server_client import ServerClient, first_choice

SEED_STRIDE = 1_000_003
"""Distance of two seeds, larger than any number of prompts, so that samples differ."""


class RemoteGenerator(Generator):
    """A model of a server, by its name there.

    The server applies its own chat template, and ends at its own end-of-sequence tokens.

    Args:
        server: client of the server.
        name: name of the model there.
        connections: number of simultaneous requests.
    """

    def __init__(self, server: ServerClient, name: str, connections: int) -> None:
        self._server = server
        self._name = name
        self._connections = connections

    def generate(self, prompts: Sequence[Text | str], sampling: Sampling) -> tuple[Completion, ...]:
        """Completions, one for each prompt.

        Raises:
            UserError: the server cannot be reached, or refuses.
        """
        with ThreadPoolExecutor(self._connections) as pool:
            asked = range(len(prompts))
            return tuple(pool.map(lambda place: self._one(prompts[place], sampling, place), asked))

    def generate_from(
        self, embeddings: Sequence[Float[Tensor, "_ hidden"]], sampling: Sampling
    ) -> tuple[Completion, ...]:
        """Unsupported: servers accept embeddings as pickled tensors, which diffkit does not write.

        Raises:
            UserError: always.
        """
        del embeddings, sampling
        what = "A server is sent no prompt embeddings."
        raise UserError(what, hint="Use the generator vllm or transformers.")

    def _one(self, prompt: Text | str, sampling: Sampling, place: int) -> Completion:
        drawn = {"model": self._name, "seed": (sampling.seed * SEED_STRIDE + place) % 2**63}
        drawn |= {"temperature": sampling.temperature, "top_p": sampling.top_p}
        drawn |= {"max_tokens": sampling.max_new_tokens}
        own: dict[str, Any] = {"ignore_eos": not sampling.stop_at_eos, **_NEUTRAL_SAMPLING}
        own["min_p"] = sampling.min_p
        if isinstance(prompt, Text) and prompt.messages:
            answer, text = self._chat(prompt, drawn, own)
        else:
            answer, text = self._document(str(prompt), drawn, own)
        finished = first_choice(answer).finish_reason == "stop"
        counted = 0 if answer.usage is None else answer.usage.completion_tokens
        return Completion(
            prompt=str(prompt), text=text, tokens=max(0, counted - finished), finished=finished
        )

    def _chat(self, prompt: Text, drawn: dict[str, Any], own: dict[str, Any]) -> tuple[Any, str]:
        goes_on = prompt.messages[-1].role == "assistant"
        own |= {"continue_final_message": goes_on, "add_generation_prompt": not goes_on}
        messages: Any = [message.model_dump() for message in prompt.messages]
        answer = self._server.ask(
            lambda client: client.chat.completions.create(
                messages=messages, extra_body=own, **drawn
            )
        )
        return answer, first_choice(answer).message.content or ""

    def _document(self, prompt: str, drawn: dict[str, Any], own: dict[str, Any]) -> tuple[Any, str]:
        answer = self._server.ask(
            lambda client: client.completions.create(prompt=prompt, extra_body=own, **drawn)
        )
        return answer, first_choice(answer).text


_NEUTRAL_SAMPLING = {"top_k": 0, "repetition_penalty": 1.0}
"""Overrides what a model's generation_config.json may set."""
