"""All that findings are made of."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from diffkit import ModelPair, RunContext
from diffkit_plugins.soft_prompt_kl.anchor import moved
from diffkit_plugins.soft_prompt_kl.completing import complete
from diffkit_plugins.soft_prompt_kl.config import SoftPromptKLConfig
from diffkit_plugins.soft_prompt_kl.contexts import data
from diffkit_plugins.soft_prompt_kl.controls import controls
from diffkit_plugins.soft_prompt_kl.given import keep
from diffkit_plugins.soft_prompt_kl.measure import FRESH, measure, measure_passages
from diffkit_plugins.soft_prompt_kl.measured import Advantage, Measured
from diffkit_plugins.soft_prompt_kl.nearest import Nearest, nearest
from diffkit_plugins.soft_prompt_kl.passages import Data
from diffkit_plugins.soft_prompt_kl.prompt_file import BEST, LAST, load, save
from diffkit_plugins.soft_prompt_kl.ranking import Both, Said, beside_base, ranked
from diffkit_plugins.soft_prompt_kl.trained import Trained
from diffkit_plugins.soft_prompt_kl.training import train


@dataclass(frozen=True)
class Found:
    """A prompt and what was measured of it."""

    data: Data
    """Contexts and texts, as they were trained on and held out."""
    prompt: Float[Tensor, "length hidden"]
    trained: Trained | None
    """None where the prompt was given."""
    advantage: Advantage
    nearest: Nearest
    hard: Measured
    """Under the closest tokens as a prompt."""
    moved: float
    """KL of the base under the prompt from the base without it, nats per token."""
    said: tuple[Said, ...]
    """What the finetuned side says in all contexts, most telling first."""
    unprompted: tuple[Said, ...]
    """The same without the prompt."""
    shown: tuple[Both, ...]
    """The first of these, beside the base's."""
    controls: tuple[float, ...]


def find(pair: ModelPair, config: SoftPromptKLConfig, context: RunContext) -> Found:
    """Trains a prompt, or takes the one given, and measures it.

    Args:
        pair: both sides.
        config: the options.
        context: texts, seed, artifacts, checkpoints and progress.
    """
    given, seed = data(pair, config, context), context.seed + FRESH
    trained = train(pair, config, context, given) if config.prompt is None else None
    prompt = _kept(pair, config, context, trained)
    contexts = (*given.held_out, *given.training)
    passages, unprompted = (
        complete(pair.finetuned, each, contexts, config, seed, pair.vocabulary)
        for each in (prompt, None)
    )
    held_out, plain = (these[: len(given.held_out)] for these in (passages, unprompted))
    said, close = ranked(pair, config, passages), nearest(pair, prompt)
    return Found(
        data=given,
        prompt=prompt,
        trained=trained,
        advantage=Advantage(
            measure_passages(pair, config, prompt, held_out),
            measure_passages(pair, config, None, plain),
        ),
        nearest=close,
        hard=measure(pair, config, None, close.before(given.held_out), seed),
        moved=moved(pair, config, prompt, held_out),
        said=said,
        unprompted=ranked(pair, config, unprompted),
        shown=beside_base(pair, config, prompt, said[: config.samples], seed),
        controls=controls(pair, config, context),
    )


def _kept(
    pair: ModelPair, config: SoftPromptKLConfig, context: RunContext, trained: Trained | None
) -> Float[Tensor, "length hidden"]:
    """The prompt that is measured; it is left as an artifact, and the last one of a training."""
    if trained is not None:
        best = trained.best
        save(context.artifacts, BEST, best.best, pair, config)
        save(context.artifacts, LAST, best.last, pair, config)
        return best.best
    assert config.prompt is not None  # noqa: S101 - without a file one is trained
    prompt = load(config.prompt, pair)
    keep(context.artifacts, config.prompt.path)
    return prompt
