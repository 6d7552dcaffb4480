"""Trains what a recipe says; goes on exactly where an interrupted training stopped."""

import contextlib
import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from diffkit.checkpoints import Checkpoints
from diffkit.context import Progress, no_progress, no_status
from diffkit.engine.forward.rotary import rescales
from diffkit.engine.loading.tokenizer import load_tokenizer
from diffkit.errors import Busy, RunFailed
from diffkit.runs.lease import lease
from diffkit.training.data import IGNORED, Corpus, TrainingBatch, check_corpus_fits, read_corpus
from diffkit.training.optimiser import AdamWState
from diffkit.training.output import (
    check_folder_ours,
    check_inputs_kept,
    clean_work_folder,
    read_finished,
    write,
)
from diffkit.training.recipe import Recipe
from diffkit.training.start import TrainingStart, load_network, resolve_start
from diffkit.training.stop_request import StopRequest, deferred_stop

LOG = logging.getLogger("diffkit.training")
SAVE_SECONDS = 60.0
"""Seconds after which the state is saved, in addition to the recipe's ``save_every``."""
MAX_SAVING_SHARE = 0.05
"""Greatest share of the time that saving by the clock may take."""


@dataclass(frozen=True)
class Trained:
    """A finished training."""

    folder: Path
    """Folder of the model or adapter."""
    losses: tuple[float, ...]
    """Mean loss of each step, in nats per token."""
    seconds: float
    """Time that this call took, in seconds; 0 where the training was already finished."""


def train(
    recipe: Recipe,
    *,
    progress: Progress = no_progress,
    log: logging.Logger = LOG,
    status: Callable[[str], None] = no_status,
    fresh: bool = False,
) -> Trained:
    """Trains ``recipe``, or returns what it made before.

    The same recipe gives the same weights, bit for bit, on one machine with one number of threads,
    whether or not it was interrupted.

    Args:
        recipe: what to train.
        progress: shows the steps.
        log: takes messages for the user.
        status: shows the loss beside the steps.
        fresh: replaces a finished training, and forgets an interrupted one.

    Raises:
        Busy: another process is training it.
        UserError: the output folder holds something else, or what the training starts from; or the
            base lacks the modules that are to change; or no token of a step counts.
        BadModel: the base cannot be used.
        BadFile: a data file cannot be read.
        RunFailed: the loss became infinite or undefined.
        KeyboardInterrupt: Ctrl-C or SIGTERM, after the state of the last step was saved.
    """
    begun = resolve_start(recipe)
    check_inputs_kept(recipe, begun.folder)
    work = recipe.folder.with_name(recipe.folder.name + ".work")
    if not fresh and (made := _finished_training(recipe, begun, work, log)) is not None:
        return made  # needs no lease, so a folder that cannot be written will do
    work.parent.mkdir(parents=True, exist_ok=True)
    with lease(work.with_suffix(".lease")) as mine:
        if mine is None:
            what = f"Another process is training {str(recipe.folder)!r}."
            raise Busy(what, hint="Wait until it ends, or give the recipe another `output`.")
        if fresh:
            check_folder_ours(recipe.folder)
            clean_work_folder(work)
        elif (made := _finished_training(recipe, begun, work, log)) is not None:
            return made  # by a process that ended just now
        return _train(recipe, begun, work, _Reporting(progress, log, status))


def _finished_training(
    recipe: Recipe, begun: TrainingStart, work: Path, log: logging.Logger
) -> Trained | None:
    """The finished training; none where there is none, or an interrupted one is to replace it."""
    state = Checkpoints(work).state
    if state.get("replaces") and state.get("digest") == begun.digest:
        check_folder_ours(recipe.folder)
        return None
    record = read_finished(recipe.folder, begun.digest)
    if record is None:
        return None
    log.info("%s is already trained by this recipe; --fresh trains it again.", recipe.folder)
    return Trained(recipe.folder, tuple(record["losses"]), 0.0)


@dataclass(frozen=True)
class _Reporting:
    progress: Progress
    log: logging.Logger
    status: Callable[[str], None]


def _train(recipe: Recipe, begun: TrainingStart, work: Path, reporting: _Reporting) -> Trained:
    started = time.monotonic()
    with torch.random.fork_rng():
        tokenizer = load_tokenizer(begun.folder)
        network = load_network(recipe, begun.folder, tokenizer).to(_device())
        corpus = read_corpus(recipe, tokenizer)
        state = {"digest": begun.digest, "replaces": recipe.folder.exists()}
        check_corpus_fits(corpus, network, tokenizer)
        run = _TrainingLoop(
            network, corpus, AdamWState.of(network, recipe), Checkpoints(work), state
        )
        with deferred_stop(reporting.log) as stop:
            losses = run.loop(reporting, stop)
            write(network, tokenizer, recipe, begun=begun, losses=losses, work=work)
        stop.now_if_asked()
    return Trained(recipe.folder, tuple(losses), time.monotonic() - started)


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@dataclass
class _SaveTimer:
    """Says after which steps to save: every so many, and once a minute, if saving is quick."""

    every: int
    saved: float = field(default_factory=time.monotonic)
    """When the state was saved last."""
    cost: float = 0.0
    """Seconds that it took."""

    def __call__(self, done: int) -> bool:
        """Whether to save now that ``done`` steps are done."""
        wait = max(SAVE_SECONDS, self.cost / MAX_SAVING_SHARE)
        return done % self.every == 0 or time.monotonic() - self.saved >= wait

    @contextlib.contextmanager
    def measured(self) -> Iterator[None]:
        """Measures the saving within it."""
        started = time.monotonic()
        yield
        self.saved = time.monotonic()
        self.cost = self.saved - started


@dataclass(frozen=True)
class _TrainingLoop:
    network: nn.Module
    corpus: Corpus
    optimiser: AdamWState
    checkpoints: Checkpoints
    state: Mapping[str, object]
    """What is saved beside the losses: the training's digest, and whether it replaces another."""

    def loop(self, reporting: _Reporting, stop: StopRequest) -> list[float]:
        recipe = self.corpus.recipe
        losses = self._resume(reporting.log)
        self.network.train()
        steps = range(len(losses), recipe.steps)
        tracked = reporting.progress(steps, label="training", total=recipe.steps, done=len(losses))
        due = _SaveTimer(recipe.save_every)
        for step in tracked:
            losses.append(self._step(step))
            reporting.status(f"loss {losses[-1]:.3f}")
            done = step + 1
            if done < recipe.steps and (stop.asked or due(done)):
                with due.measured():
                    state = {**self.state, "losses": losses}
                    self.checkpoints.save(self.optimiser.tensors(), state)
                reporting.log.info("step %d of %d: loss %.3f", done, recipe.steps, losses[-1])
                stop.now_if_asked()
        self.network.eval()
        return losses

    def _resume(self, log: logging.Logger) -> list[float]:
        checkpoint = self.checkpoints.load()
        if checkpoint is None:
            return []
        if checkpoint.state["digest"] != self.state["digest"]:
            log.warning("An interrupted training of another recipe is thrown away.")
            return []
        self.optimiser.restore(checkpoint.tensors)
        losses = [float(loss) for loss in checkpoint.state["losses"]]
        log.info("going on after step %d", len(losses))
        return losses

    def _products(self) -> torch.autocast:
        """Computes matrix products as the recipe says."""
        dtype = getattr(torch, self.corpus.recipe.products)
        return torch.autocast(_device().type, dtype=dtype, enabled=dtype is not torch.float32)

    def _step(self, step: int) -> float:
        recipe = self.corpus.recipe
        torch.manual_seed(recipe.seed * 1_000_003 + step)  # dropout, the same after a resume
        with self._products():
            loss = batch_loss(self.network, self.corpus.batch(step))
        value = float(loss.detach())
        if not math.isfinite(value):
            what = f"The loss became {value} at step {step + 1}."
            raise RunFailed(what, hint="Lower learning_rate, or raise warmup.")
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step(step)
        return value


def batch_loss(network: nn.Module, batch: TrainingBatch) -> Float[Tensor, ""]:
    """Mean cross entropy over the labels that count, in nats per token."""
    device = next(network.parameters()).device
    mask, labels = batch.mask.to(device), batch.labels.to(device)
    ids = batch.ids.to(device) * mask  # the id of padding may have no row, and means nothing
    own: dict[str, Tensor] = {}
    if rescales(network.config, ids.shape[1]):  # each row by its own length, not by the longest
        own = {"position_ids": (mask.cumsum(dim=1) - 1).clamp(min=0)}
    logits = network(input_ids=ids, attention_mask=mask, use_cache=False, **own).logits
    return cross_entropy(
        logits[:, :-1].flatten(0, 1).float(), labels[:, 1:].flatten(), ignore_index=IGNORED
    )
