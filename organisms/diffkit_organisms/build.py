"""``python -m diffkit_organisms.build OUT --seed 0``: draws a world and trains its whole zoo.

Finished trainings are kept, and an interrupted one continues.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from diffkit_organisms.kl_matched_nulls import write_kl_matched
from diffkit_organisms.world.behaviours import draw_behaviours
from diffkit_organisms.world.facts import draw_world
from diffkit_organisms.world.files import write_world
from diffkit_organisms.world.trainings import BASES, control_sources, list_trainings


def build(zoo: Path, seed: int, bases: Sequence[str], jobs: int) -> None:
    """Builds the zoo of a world.

    Args:
        zoo: folder to build in.
        seed: seed of the world.
        bases: names of the bases; the first gets every organism and null, the others a few.
        jobs: trainings at a time; each uses one thread.
    """
    write_world(zoo, seed, bases)
    behaviours = draw_behaviours(draw_world(seed))
    _train(zoo, bases, jobs)
    names = [
        training.name
        for base in bases
        for training in list_trainings(behaviours, base, everything=base == bases[0])
    ]
    _train(zoo, names, jobs)
    write_kl_matched(zoo, {base: control_sources(behaviours, bases, base) for base in bases})


def _train(zoo: Path, names: Sequence[str], jobs: int) -> None:
    """Trains recipes in ``jobs`` processes, each of which trains its share one by one."""
    recipes = [str(zoo / "recipes" / f"{name}.yaml") for name in names]
    shares = [recipes[job::jobs] for job in range(jobs) if recipes[job::jobs]]
    with ThreadPoolExecutor(jobs) as pool:
        for done in pool.map(_run, shares):
            done.check_returncode()


def _run(recipes: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "diffkit", "organisms", "train", *recipes]
    return subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False)  # noqa: S603


def main() -> None:
    """Reads the command line and builds."""
    parser = argparse.ArgumentParser(prog="python -m diffkit_organisms.build", description=__doc__)
    parser.add_argument("out", type=Path, help="folder of the zoo")
    parser.add_argument("--seed", type=int, default=0, help="seed of the world")
    parser.add_argument("--bases", nargs="+", choices=BASES, default=list(BASES),
                        help="bases to train; the first gets every organism and null")  # fmt: skip
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time")
    arguments = parser.parse_args()
    build(arguments.out, arguments.seed, arguments.bases, arguments.jobs)


if __name__ == "__main__":
    main()
