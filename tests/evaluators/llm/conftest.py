"""A language model at a scripted endpoint, and all that is left of asking it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from diffkit_evaluators.llm import ChatConfig, LanguageModel

from diffkit import ChatSession, Event, Prices, Transcript, read_transcript
from diffkit.testing.endpoint import ScriptedEndpoint


class Kept(dict[str, Mapping[str, Any]]):
    """A memory."""

    def put(self, key, answer):
        self[key] = answer


@dataclass
class Bench:
    endpoint: ScriptedEndpoint
    path: Path
    chat: ChatSession
    slept: list[float] = field(default_factory=list)

    def model(self, **options: Any) -> LanguageModel:
        name = options.pop("model", {"name": "m", "base_url": self.endpoint.url})
        config = ChatConfig(model=name, **options)
        return LanguageModel(config, "investigator", self.chat, sleep=self.slept.append)

    def events(self, kind: str = "") -> list[Event]:
        return [one for one in read_transcript(self.path) if kind in {"", one.kind}]

    def fresh(self, **chat: Any) -> None:
        """A talk from its beginning, with the memory of the last."""
        self.chat = ChatSession(transcript=self.chat.transcript, cache=self.chat.cache, **chat)


@pytest.fixture
def bench(endpoint: ScriptedEndpoint, tmp_path: Path) -> Bench:
    path = tmp_path / "transcript.jsonl"
    return Bench(endpoint, path, ChatSession(transcript=Transcript(path), cache=Kept()))


@pytest.fixture
def ask() -> list[dict[str, str]]:
    return [{"role": "user", "content": "What differs?"}]


@pytest.fixture
def tools() -> list[dict[str, Any]]:
    schema = {"type": "object", "properties": {"prompts": {"type": "array"}}}
    functions = [
        {"name": "ask_models", "description": "Asks both.", "parameters": schema},
        {"name": "submit_verdict", "description": "Ends.", "parameters": {"type": "object"}},
    ]
    return [{"type": "function", "function": function} for function in functions]


@pytest.fixture
def prices() -> Prices:
    return Prices.model_validate({"models": {"m": {"input": 1_000_000, "output": 2_000_000}}})
