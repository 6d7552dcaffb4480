"""The methods."""

import json
import os
import time

import torch

from diffkit import AgentTool, DiffingMethod, Findings, FinishedRun, ModelPair, Note, RunContext
from dk_stranger.config import EchoConfig, Nothing
from dk_stranger.tools import Broken, Repeat


class Echo(DiffingMethod[EchoConfig]):
    """Sums random draws, and scores the size of the weight difference."""

    def run(self, pair: ModelPair, config: EchoConfig, context: RunContext) -> Findings:
        deltas = [delta.dense() for delta in pair.deltas()]
        score = float(sum(delta.norm() for delta in deltas))
        run = f"{sum(float(delta.sum()) for delta in deltas):.6f} {context.seed}"
        note("begin", run)
        more = config.more.path.read_text() if config.more else ""
        total, first = torch.zeros(1), 0
        if at := context.checkpoints.load():
            total, first = at.tensors["total"], at.state["step"]
        for step in context.progress(range(first, config.steps), label="steps"):
            total = total + torch.rand(1)
            time.sleep(config.pause)
            if config.every and (step + 1) % config.every == 0:
                context.checkpoints.save({"total": total}, {"step": step + 1})
            note("step", run, step)
            context.status(f"step {step}")
        context.artifacts.save("total", {"total": total})
        note("end", run)
        return Findings(
            change_score=score,
            metrics={"total": float(total)},
            items=(Note(text=f"{config.word} of {len(context.texts)} texts{more}"),),
        )

    def identical(self, config: EchoConfig) -> Findings:
        note("begin", "identical")
        note("end", "identical")
        return super().identical(config)

    def tools(self, pair: ModelPair, config: EchoConfig, run: FinishedRun) -> list[AgentTool]:
        return [Repeat(pair, config.word, run), Broken()]


class Raises(DiffingMethod[Nothing]):
    """Fails on every pair."""

    def run(self, pair: ModelPair, config: Nothing, context: RunContext) -> Findings:
        raise ArithmeticError("no good\nat all")

    def identical(self, config: Nothing) -> Findings:
        raise ArithmeticError("no good\nat all")


def note(what: str, run: str, step: int | None = None) -> None:
    """One line in the log, whoever else writes there."""
    if path := os.environ.get("DK_LOG"):
        line = json.dumps({"what": what, "run": run, "step": step, "pid": os.getpid()}) + "\n"
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(handle, line.encode())
        os.close(handle)
