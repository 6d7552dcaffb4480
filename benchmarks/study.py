"""The study behind docs/results/measured.md: worlds that the methods were not developed on.

    python benchmarks/study.py OUT

World 0 is the shipped zoo, on which everything was developed. World 1 (tiny-qwen3) and world 2
(tiny-neox) are drawn, trained, checked and evaluated below OUT, some gigabytes and hours; then the
page is written. Existing files are kept, so an interrupted study continues. The method
`weight-norms` is the example of a third party: pip install ./examples/diffkit-weight-norms
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import yaml
from page import write_page
from prompts import write_prompts
from triggers import write_triggers

from diffkit.runs.store import Store

ROOT = Path(__file__).parents[1]
METHODS = (
    "kl",
    "diff-mining",
    "contrastive-decoding",
    "perplexity-diff",
    "activation-lens",
    "residual-reachability",
    "soft-prompt-kl",
    "steering-prefix",
    "weight-norms",
)
NULL_TYPES = ("random", "random-loud", "benign")
NOT_CHECKED = ("tiny-random", "tiny-random-calibration", "tiny-random-test",
         "tiny-random-loud-calibration")  # fmt: skip
"""Nulls without an expression check, since norm-matched noise hardly changes a model."""
LOCK = Lock()


@dataclass(frozen=True)
class StudyWorld:
    """One world on one base."""

    seed: int
    base: str
    zoo: Path

    @property
    def name(self) -> str:
        return f"world-{self.seed}-{self.base}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder of the study")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "results" / "measured.md")
    given = parser.parse_args()
    out = given.out.resolve()
    shipped = ROOT / "organisms" / "diffkit_organisms" / "zoo"
    worlds = [
        StudyWorld(0, "tiny-qwen3", shipped),
        StudyWorld(1, "tiny-qwen3", out / "world-1"),
        StudyWorld(2, "tiny-neox", out / "world-2"),
    ]
    out.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor() as pool:  # each world uses one core at a time
        list(pool.map(lambda world: measure(world, out), worlds))
    write_page(given.page, out, [world.name for world in worlds])


def measure(world: StudyWorld, out: Path) -> None:
    """Builds a world, checks its organisms, and evaluates the methods."""
    if world.seed != 0:
        timed(out, f"build {world.name}", build, world)
    timed(out, f"check {world.name}", check, world, out)
    timed(out, f"evaluate {world.name}", evaluate, world, out)


def timed(out: Path, what: str, step: Any, *arguments: Any) -> None:
    """Runs a step, and adds its wall-clock seconds to those of earlier calls."""
    started = time.monotonic()
    try:
        step(*arguments)
    finally:
        with LOCK:
            path = out / "seconds.json"
            known = json.loads(path.read_text()) if path.exists() else {}
            known[what] = known.get(what, 0) + time.monotonic() - started
            path.write_text(json.dumps(known, indent=1))


def build(world: StudyWorld) -> None:
    """Draws the world and trains it, unless the loud nulls, which come last, exist."""
    if (organism_folder(world) / "tiny-random-loud-test.yaml").exists():
        return
    which = ("--seed", str(world.seed), "--bases", world.base, "--jobs", "1")
    run(["-m", "diffkit_organisms.build", str(world.zoo), *which])


def check(world: StudyWorld, out: Path) -> None:
    """Checks the expression of every organism, and of the nulls that change their base, once."""
    path = out / f"{world.name}.check.json"
    if path.exists():
        return
    files = [
        organism_file(world, name) for name in variants_on_base(world) if name not in NOT_CHECKED
    ]
    done = run(["-m", "diffkit", "organisms", "check", *files, "--json"], quiet=True)
    path.write_text(done)


def evaluate(world: StudyWorld, out: Path) -> None:
    suite = out / f"{world.name}.yaml"
    suite.write_text(yaml.safe_dump(suite_of(world, out), sort_keys=False))
    diffkit = ["-m", "diffkit", "--store", str(out / "store")]
    run([*diffkit, "evaluate", str(suite)])
    board = run([*diffkit, "leaderboard", "--name", world.name, "--json"], quiet=True)
    (out / f"{world.name}.json").write_text(board)
    store = Store(out / "store")
    write_prompts(store, world.name, out / f"{world.name}.prompts.json")
    trojan = organism_folder(world) / "tiny-trojan.yaml"
    write_triggers(store, world.name, trojan, out / f"{world.name}.triggers.json")


def suite_of(world: StudyWorld, out: Path) -> dict[str, Any]:
    """Every pair that passes the expression check, and the calibration nulls."""
    checked = json.loads((out / f"{world.name}.check.json").read_text())
    failed = {(c["organism"], c["variant"]) for c in checked if c["passes"] is False}
    calibration = [
        r for r in NULL_TYPES if (organism_folder(world) / f"tiny-{r}-calibration.yaml").exists()
    ]
    return {
        "name": world.name,
        "organisms": [
            {"organism": organism_file(world, name), "base": world.base, "variant": variant}
            for name, variants in variants_on_base(world).items()
            for variant in variants
            if not name.endswith("-calibration") and name != "tiny-random"
            if (name, variant) not in failed
        ],
        "methods": list(METHODS),
        "calibration": [
            {"organism": organism_file(world, f"tiny-{rung}-calibration"), "rung": rung}
            for rung in calibration
        ],
    }


def organism_folder(world: StudyWorld) -> Path:
    return world.zoo / "organisms"


def organism_file(world: StudyWorld, organism: str) -> str:
    return str(organism_folder(world) / f"{organism}.yaml")


def variants_on_base(world: StudyWorld) -> dict[str, list[str]]:
    """Variants of each organism or null on the world's base."""
    found = (
        yaml.safe_load(path.read_text()) for path in sorted(organism_folder(world).glob("*.yaml"))
    )
    models = {each["name"]: each["models"].get(world.base) for each in found}
    return {name: list(variants) for name, variants in models.items() if variants}


def run(arguments: Sequence[str], *, quiet: bool = False) -> str:
    """Runs this Python with ``arguments``; returns its output if ``quiet``."""
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE if quiet else None,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1):  # 1: an organism fails its check, or a run failed
        sys.exit(done.returncode)
    return done.stdout or ""


if __name__ == "__main__":
    main()
