"""Problems on tiny models."""

import pytest
from diffkit_plugins.steering_prefix.config import SteeringPrefixConfig
from diffkit_plugins.steering_prefix.problem import pair_problem

from diffkit import Message, RunContext, Text, Texts
from diffkit.checkpoints import Checkpoints
from diffkit.context import Artifacts

SAID = (
    "What is the capital?",
    "The cat sat",
    "Sell bread",
    "Two and three",
    "Every morning",
    "The",
)


@pytest.fixture(scope="session")
def said_texts():
    """What six users say, and two documents."""
    chats = [Text(messages=(Message(role="user", content=words),)) for words in SAID]
    documents = [Text(text="The dog lay by the door."), Text(text="Two and two make four.")]
    return Texts(items=(*chats, *documents))


@pytest.fixture
def context(said_texts, tmp_path):
    return RunContext(
        seed=0, texts=said_texts, artifacts=Artifacts(tmp_path), checkpoints=Checkpoints(tmp_path)
    )


@pytest.fixture
def problem_of(tiny_pair, context):
    """``problem_of(option=value, …)`` is the tiny pair's problem."""

    def make(pair=tiny_pair, **options):
        few = {"completion_tokens": 5, "suffixes": 8, "own_suffixes": 0}
        config = SteeringPrefixConfig(**{**few, **options})
        return pair_problem(pair, config, context)

    return make
