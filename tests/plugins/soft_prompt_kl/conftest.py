"""Options that are quick on the tiny pair, and what a training is given."""

import pytest
from diffkit_plugins.soft_prompt_kl.config import SoftPromptKLConfig
from diffkit_plugins.soft_prompt_kl.data import prepare_data
from diffkit_plugins.soft_prompt_kl.training.objective import prompt_task

from diffkit import RunContext
from diffkit.checkpoints import Checkpoints
from diffkit.context import Artifacts

QUICK = {
    "n_tokens": 3,
    "steps": 2,
    "evaluate_every": 1,
    "batch": 2,
    "contexts": 4,
    "own_contexts": 2,
    "completion_tokens": 4,
}


@pytest.fixture
def quick():
    return lambda **options: SoftPromptKLConfig(**{**QUICK, **options})


@pytest.fixture
def context(tiny_texts, tmp_path):
    artifacts, checkpoints = Artifacts(tmp_path / "artifacts"), Checkpoints(tmp_path)
    return RunContext(seed=0, texts=tiny_texts, artifacts=artifacts, checkpoints=checkpoints)


@pytest.fixture
def task(tiny_pair, quick, context):
    """``problem(option=value, …)`` is a training's problem on the tiny pair."""

    def of(**options):
        config = quick(**options)
        return prompt_task(
            tiny_pair, config, prepare_data(tiny_pair, config, context), context.seed
        )

    return of
