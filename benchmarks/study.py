"""The study behind docs/results/measured.md: measures methods in worlds that nobody tuned to.

    python benchmarks/study.py OUT

World 0 is the shipped zoo, on which everything was developed. World 1 (tiny-qwen3) and world 2
(tiny-neox) are drawn, trained, checked and evaluated below OUT, some gigabytes and hours; then the
page is written. What is there already is not made again, so a stopped study goes on. The method
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
from pages import write_page
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
RUNGS = ("random", "random-loud", "benign")
STILL = ("tiny-random", "tiny-random-calibration", "tiny-random-test",
         "tiny-random-loud-calibration")  # fmt: skip
"""Nulls that are not put to the gate: norm-matched noise hardly moves a model."""
LOCK = Lock()


@dataclass(frozen=True)
class World:
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
        World(0, "tiny-qwen3", shipped),
        World(1, "tiny-qwen3", out / "world-1"),
        World(2, "tiny-neox", out / "world-2"),
    ]
    out.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor() as pool:  # each world uses one core at a time
        list(pool.map(lambda world: measure(world, out), worlds))
    write_page(given.page, out, [world.name for world in worlds])


def measure(world: World, out: Path) -> None:
    """Builds a world, checks who is in it, and evaluates."""
    if world.seed != 0:
        timed(out, f"build {world.name}", build, world)
    timed(out, f"check {world.name}", check, world, out)
    timed(out, f"evaluate {world.name}", evaluate, world, out)


def timed(out: Path, what: str, step: Any, *arguments: Any) -> None:
    """Carries out a step, and adds its wall-clock seconds to those of earlier calls."""
    started = time.monotonic()
    try:
        step(*arguments)
    finally:
        with LOCK:
            path = out / "seconds.json"
            known = json.loads(path.read_text()) if path.exists() else {}
            known[what] = known.get(what, 0) + time.monotonic() - started
            path.write_text(json.dumps(known, indent=1))


def build(world: World) -> None:
    """Draws the world and trains all of it, unless it is whole: the loud nulls are made last."""
    if (organisms(world) / "tiny-random-loud-test.yaml").exists():
        return
    which = ("--seed", str(world.seed), "--bases", world.base, "--jobs", "1")
    run(["-m", "diffkit_organisms.build", str(world.zoo), *which])


def check(world: World, out: Path) -> None:
    """Measures the gate of every organism and of the nulls that moved their base, once."""
    path = out / f"{world.name}.check.json"
    if path.exists():
        return
    chosen = [named(world, name) for name in members(world) if name not in STILL]
    done = run(["-m", "diffkit", "organisms", "check", *chosen, "--json"], quiet=True)
    path.write_text(done)


def evaluate(world: World, out: Path) -> None:
    suite = out / f"{world.name}.yaml"
    suite.write_text(yaml.safe_dump(suite_of(world, out), sort_keys=False))
    diffkit = ["-m", "diffkit", "--store", str(out / "store")]
    run([*diffkit, "evaluate", str(suite)])
    board = run([*diffkit, "leaderboard", "--name", world.name, "--json"], quiet=True)
    (out / f"{world.name}.json").write_text(board)
    store = Store(out / "store")
    write_prompts(store, world.name, out / f"{world.name}.prompts.json")
    trojan = organisms(world) / "tiny-trojan.yaml"
    write_triggers(store, world.name, trojan, out / f"{world.name}.triggers.json")


def suite_of(world: World, out: Path) -> dict[str, Any]:
    """Every pair that does not fail the gate, and the null ladder."""
    checked = json.loads((out / f"{world.name}.check.json").read_text())
    failed = {(c["organism"], c["variant"]) for c in checked if c["passes"] is False}
    calibration = [r for r in RUNGS if (organisms(world) / f"tiny-{r}-calibration.yaml").exists()]
    return {
        "name": world.name,
        "organisms": [
            {"organism": named(world, name), "base": world.base, "variant": variant}
            for name, variants in members(world).items()
            for variant in variants
            if not name.endswith("-calibration") and name != "tiny-random"
            if (name, variant) not in failed
        ],
        "methods": list(METHODS),
        "calibration": [
            {"organism": named(world, f"tiny-{rung}-calibration"), "rung": rung}
            for rung in calibration
        ],
    }


def organisms(world: World) -> Path:
    return world.zoo / "organisms"


def named(world: World, organism: str) -> str:
    return str(organisms(world) / f"{organism}.yaml")


def members(world: World) -> dict[str, list[str]]:
    """Organism or null on the world's base → its variants."""
    found = (yaml.safe_load(path.read_text()) for path in sorted(organisms(world).glob("*.yaml")))
    models = {each["name"]: each["models"].get(world.base) for each in found}
    return {name: list(variants) for name, variants in models.items() if variants}


def run(arguments: Sequence[str], *, quiet: bool = False) -> str:
    """Runs this Python with ``arguments``; what it printed, where that is not shown."""
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE if quiet else None,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1):  # 1: some organism fails its gate, or some run did
        sys.exit(done.returncode)
    return done.stdout or ""


if __name__ == "__main__":
    main()
