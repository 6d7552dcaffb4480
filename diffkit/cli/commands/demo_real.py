"""``diffkit demo --real``: the same on a real chat model."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from diffkit.cli.app_context import context

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from diffkit.engine.pair import ModelPair
    from diffkit.evaluation.leaderboard.schema import Leaderboard, PairResult
    from diffkit.evaluation.plan import Plan, PlannedPair
    from diffkit.texts import Text

SUITE = Path(__file__).parents[2] / "data" / "demo-real.yaml"
PROMPTS = 2
"""Prompts of each organism that both sides answer."""
TOKENS = 24
"""Tokens of each answer."""
RANDOM_SCALE = 20.0
"""Norms of the random null, in multiples of the finetuning's: at 1 it does next to nothing."""


def real_plan() -> "Plan":
    """The suite of real organisms, and a random null of the first one.

    Raises:
        UserError: the models are not there.
    """
    from diffkit.errors import UnknownName, UserError
    from diffkit.evaluation.plan import PlannedPair, expand_suite
    from diffkit.evaluation.suite import Suite
    from diffkit.options.yaml_records import read_record
    from diffkit.organism import Control, Organism
    from diffkit.registry.catalogue import SelectedPair

    try:
        plan = expand_suite(read_record(SUITE, Suite), context.host, context.catalogue)
    except UnknownName as error:
        what = "The real models are not here, or not all of them are trained."
        hint = "Make them, from the repository: make real. Or name their folder: DIFFKIT_MODELS=DIR"
        raise UserError(what, hint=hint) from error
    _check_folders(plan)
    plan = replace(plan, pairs=tuple(map(_without_questions, plan.pairs)))
    first = plan.pairs[0].selected
    change = Control(of=first.finetuned, seed=0, scale=RANDOM_SCALE)
    null = Organism(
        name="random-change",
        family="null",
        truth="unspecific",
        models={first.base.name: {"default": change}},
    )
    pair = PlannedPair(SelectedPair(null, first.base, "default", change), "test")
    return replace(plan, pairs=(*plan.pairs, pair))


def _without_questions(pair: "PlannedPair") -> "PlannedPair":
    """The pair without a check of retention, which `make real` has done and takes minutes."""
    base = pair.selected.base.model_copy(update={"questions": None})
    return replace(pair, selected=replace(pair.selected, base=base))


def _check_folders(plan: "Plan") -> None:
    """Refuses organisms that are not trained yet.

    Raises:
        UserError: a folder is missing.
    """
    from diffkit.errors import UserError
    from diffkit.organism import sources

    for pair in plan.pairs:
        for source in (pair.selected.base.source, *sources(pair.selected.finetuned)):
            if not Path(source.at).exists():
                what = f"{pair.selected.organism.name!r} is not finished: no folder {source.at!r}."
                raise UserError(what, hint="Make it, from the repository: make real")


def show_answers(plan: "Plan", device: str, console: "Console") -> None:
    """Prints what each organism says before and after, to its first prompts and an ordinary one."""
    from diffkit.engine.loading.loader import NetworkCache
    from diffkit.runs.spec import PairSpec, open_pair

    with NetworkCache() as networks:
        for planned in plan.pairs:
            one = planned.selected
            console.print(f"\n{one.organism.name}", style="bold", markup=False)
            with open_pair(PairSpec.of(one.base, one.finetuned), device, networks) as pair:
                for line in _answers(planned, pair):
                    console.print(line, markup=False, highlight=False)


def _answers(planned: "PlannedPair", pair: "ModelPair") -> "Iterator[str]":
    from diffkit.plain_text import formatting
    from diffkit.sampling import Sampling
    from diffkit.texts import Text as Document

    probes = planned.selected.organism.probes
    own = probes.prompts[:PROMPTS] if probes else ()
    prompts = [
        Document(text=words) if probes and not probes.chat else _question(words) for words in own
    ]
    prompts.append(_question("What is a good breakfast?"))
    sampling = Sampling(max_new_tokens=TOKENS)
    sides = (pair.base.generate(prompts, sampling), pair.finetuned.generate(prompts, sampling))
    for before, after in zip(*sides, strict=True):
        asked, *said = (formatting.clean(t) for t in (before.prompt, before.text, after.text))
        yield f"  {asked}\n      before: {said[0]}\n      after:  {said[1]}"


def _question(words: str) -> "Text":
    from diffkit.texts import Message, Text

    return Text(messages=(Message(role="user", content=words),))


def show_runs(board: "Leaderboard", console: "Console") -> None:
    """Prints what each method says of each pair, what the lineup concluded, and the truth."""
    pairs: dict[str, list[PairResult]] = {}
    for one in board.pairs:
        pairs.setdefault(one.organism, []).append(one)
    for organism, results in pairs.items():
        console.rule(organism)
        for one in results:
            if one.run:
                said = context.summary(context.store.run(one.run))
                console.print(f"• {said}", markup=False, highlight=False)
        named = [f"{one.method}: rank {one.rank}" for one in results if one.rank]
        if named:
            console.print(f"The lineup ranks the truth: {', '.join(named)}", markup=False)
        known = context.catalogue.organisms.get(organism)
        truth = known.answer_key.statement if known and known.answer_key else "nothing targeted"
        console.print(f"The truth: {truth}\n", markup=False)
