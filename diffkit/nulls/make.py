"""Makes nulls for a finetuning, each with its loudness; what is finished is not made again."""

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from diffkit.context import Progress, no_progress, no_status
from diffkit.datasets.text_sources import read_texts
from diffkit.engine.loading.loader import NetworkCache, load_model
from diffkit.engine.weight_changes.random_control import LOG_TOLERANCE
from diffkit.errors import Busy, UserError
from diffkit.nulls.benign_texts import answers_digest, chats_to_answer, own_answers
from diffkit.nulls.folder import NullFolder
from diffkit.nulls.loudness import Loudness, matching_scale, measure_loudness
from diffkit.nulls.subject import NullSubject
from diffkit.nulls.trainings import benign_recipes, check_seeds, seed_recipes, trained_sides
from diffkit.organism import Control, Finetuned
from diffkit.runs.digest import digest
from diffkit.runs.lease import lease
from diffkit.runs.spec import ENGINE_VERSION, ModelSpec, open_pair
from diffkit.texts import Texts
from diffkit.training.forecast import forecast_training
from diffkit.training.recipe import Recipe
from diffkit.training.trainer import train

NullKind = Literal["random", "benign", "seeds"]
"""Random changes; finetunings on ordinary texts; the same training with other seeds."""

NULLS_VERSION = 1
"""Raised when the same finetuning may give other scales or another loudness."""

SUMMARIES = {
    "random": "Random changes with the norms of {}",
    "random-loud": "Random changes with the norms' proportions and the mean KL of {}",
    "benign": "Ordinary texts, by the recipe of {}",
    "seeds": "{} and its own training with other seeds",
}
"""Null type → summary of its organism."""

TYPES: Mapping[NullKind, tuple[str, ...]] = {
    "random": ("random", "random-loud"),
    "benign": ("benign",),
    "seeds": ("seeds",),
}
"""Kind → the null types that it gives, as the documentation of calibration names them."""

log = logging.getLogger("diffkit.nulls")


@dataclass(frozen=True)
class MeasuredSide:
    """A null, or the finetuning itself, and how far it moves the model."""

    organism: str
    variant: str
    loudness: Loudness
    scale: float | None = None
    """Factor on the norms of a random change."""


@dataclass(frozen=True)
class NullMaker:
    """Makes the nulls of one finetuning in one folder."""

    subject: NullSubject
    folder: NullFolder
    device: str = "auto"
    fresh: bool = False
    progress: Progress = no_progress
    status: Callable[[str], None] = no_status
    networks: NetworkCache = field(default_factory=NetworkCache)

    def make(
        self, kind: NullKind, count: int, texts: Texts | None = None
    ) -> Iterator[MeasuredSide]:
        """Makes ``count`` nulls of a kind; yields the finetuning itself, then each null.

        The organism of a null type is written once all its nulls are there.

        Args:
            kind: kind of nulls.
            count: number of each null type.
            texts: what benign nulls learn from; none: the base's own answers to neutral chats.

        Raises:
            Busy: another process makes nulls in the folder.
            UserError: the recipe, its data or its texts are missing, or the finetuning changes
                nothing.
            BadModel, BadFile, BadDevice: a model cannot be loaded.
        """
        self.folder.prepare()
        with self._lease(), self.networks:
            if self.fresh:
                self.folder.forget_measured()
            yield from self._make(kind, count, texts)

    def _make(self, kind: NullKind, count: int, texts: Texts | None) -> Iterator[MeasuredSide]:
        own = self.loudness(self.subject.finetuned, "the finetuning")
        if own.kl <= 0:
            what = (
                f"{self.subject.name} predicts its neutral texts exactly as its base does (KL 0)."
            )
            raise UserError(what, hint="Check the pair: diffkit organisms check NAME.")
        yield MeasuredSide(self.subject.name, "", own)
        sides = self._trained(kind, count, texts) if kind != "random" else []
        for null_type in TYPES[kind]:
            if kind == "random":
                sides = list(self._random(count, own.kl if null_type == "random-loud" else None))
            name = f"{self.subject.name}-{null_type}"
            variants = {f"{number:02}": side for number, side in enumerate(sides, 1)}
            tracked = self.progress(variants.items(), label=f"loudness of {null_type} nulls")
            found = [
                MeasuredSide(name, variant, self.loudness(side, variant), _scale_of(side))
                for variant, side in tracked
            ]
            summary = SUMMARIES[null_type].format(self.subject.name)
            self.folder.write_organism(name, summary, self.subject.base.name, variants)
            yield from found

    @contextmanager
    def _lease(self) -> Iterator[None]:
        with lease(self.folder.root / "nulls.lease") as mine:
            if mine is None:
                what = f"Another process is making nulls in {str(self.folder.root)!r}."
                raise Busy(what, hint="Wait until it ends, or choose another folder: --out FOLDER.")
            yield

    def loudness(self, side: Finetuned, label: str) -> Loudness:
        """The loudness of a side, measured unless the folder holds it."""
        if known := self.folder.measured(self._loudness_key(side)):
            return Loudness.model_validate(known)
        self.status(label)
        found = self._measure(side, self.subject.neutral_texts)
        self.folder.keep_measured(self._loudness_key(side), found)
        return found

    def _loudness_key(self, side: Finetuned) -> str:
        return digest({**self._identity(side), "texts": self.subject.neutral_texts.digest})

    def _measure(self, side: Finetuned, texts: Texts) -> Loudness:
        with open_pair(self.subject.spec(side), self.device, self.networks) as pair:
            return measure_loudness(pair, texts)

    def _identity(self, side: Finetuned) -> dict[str, object]:
        content = self.subject.spec(side).identity().content
        return {"pair": content, "nulls": NULLS_VERSION, "engine": ENGINE_VERSION}

    def _random(self, count: int, wanted: float | None) -> Iterator[Control]:
        """Random changes: with the finetuning's norms, or scaled to its mean KL ``wanted``."""
        numbers = range(1, count + 1)
        if wanted is None:
            yield from (Control(of=self.subject.finetuned, seed=number) for number in numbers)
            return
        start = 1.0
        for number in self.progress(numbers, label="scales of random nulls", total=count):
            start = self._scale(number, wanted, start)
            yield Control(of=self.subject.finetuned, seed=number, scale=start)

    def _scale(self, seed: int, wanted: float, start: float) -> float:
        texts = self.subject.neutral_texts
        unscaled = Control(of=self.subject.finetuned, seed=seed)
        key = digest(
            {**self._identity(unscaled), "texts": texts.digest, "wanted": round(wanted, 9)}
        )
        if known := self.folder.measured(key):
            return float(known["scale"])

        def loudness_at(scale: float) -> Loudness:
            side = unscaled.model_copy(update={"scale": scale})
            return self.loudness(side, f"scale {scale:.3g}")

        scale, found = matching_scale(loudness_at, wanted, start)
        if abs(math.log(found.kl / wanted)) > 2 * LOG_TOLERANCE:
            missed = f"has a KL of {found.kl:.3g} at its best scale, not {wanted:.3g} nats a token"
            log.warning("Random change %d %s.", seed, missed)
        self.folder.keep_measured(key, {"scale": scale})
        return scale

    def _trained(self, kind: NullKind, count: int, texts: Texts | None) -> list[Finetuned]:
        recipes = self._recipes(kind, count, texts)
        self.networks.clear()  # training loads its own
        for number, recipe in enumerate(recipes, 1):
            if self.fresh or forecast_training(recipe).state != "trained":
                log.info("Training %s, %d of %d.", recipe.folder.name, number, count)
                train(recipe, progress=self.progress, status=self.status, fresh=self.fresh)
        return trained_sides(self.subject, recipes, kind)

    def _recipes(self, kind: NullKind, count: int, texts: Texts | None) -> tuple[Recipe, ...]:
        if kind == "seeds":
            return seed_recipes(self.subject, self.folder, count)
        self.subject.needed_recipe(kind)  # before the base answers anything
        return benign_recipes(self.subject, self.folder, texts or self._own_answers(), count)

    def _own_answers(self) -> Texts:
        entry = self.subject.base
        asked = chats_to_answer(read_texts(entry.texts, None))
        spec = ModelSpec(entry.source, entry.dtype, entry.attention)
        key = answers_digest(digest(spec.identity().content), asked)
        model = load_model(
            entry.source,
            device=self.device,
            dtype=entry.dtype,
            attention=entry.attention,
            networks=self.networks,
        )
        return own_answers(model, asked, self.folder, key, progress=self.progress, fresh=self.fresh)


def _scale_of(side: Finetuned) -> float | None:
    return side.scale if isinstance(side, Control) else None


@dataclass(frozen=True)
class NullForecast:
    """What of one null type would be made."""

    organism: str
    file: Path
    missing: int
    """Nulls that would be trained, or whose scale would be found."""
    count: int
    steps: int
    """Training steps of each; 0 for random changes."""


def forecast_nulls(
    subject: NullSubject, folder: NullFolder, kind: NullKind, count: int
) -> Sequence[NullForecast]:
    """What `NullMaker.make` would make now; nothing is made.

    Raises:
        UserError: the recipe or its data are missing.
    """
    steps = 0
    if kind != "random":
        recipe = subject.needed_recipe(kind)
        steps = recipe.steps
        if kind == "seeds":
            check_seeds(subject, recipe)
    found = []
    for null_type in TYPES[kind]:
        name = f"{subject.name}-{null_type}"
        file = folder.organism_file(name)
        there = count_variants(file, subject.base.name)
        found.append(NullForecast(name, file, max(count - there, 0), count, steps))
    return found


def count_variants(file: Path, base: str) -> int:
    """Number of nulls in an organism's file; 0 where there is none."""
    from diffkit.registry.catalogue import read_organism

    try:
        return len(read_organism(file).models.get(base, {}))
    except UserError:
        return 0
