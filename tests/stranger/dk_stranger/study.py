"""The study."""

import torch

from diffkit import Findings, Model, Note, RunContext, Study
from dk_stranger.config import SurveyConfig


class Survey(Study[SurveyConfig]):
    """Counts the layers of a model, and sums random draws."""

    def run(self, model: Model, config: SurveyConfig, context: RunContext) -> Findings:
        total, first = torch.zeros(1), 0
        if at := context.checkpoints.load():
            total, first = at.tensors["total"], at.state["step"]
        for step in range(first, config.steps):
            if step == config.fail_at:
                raise ArithmeticError("no good")
            total = total + torch.rand(1)
            context.checkpoints.save({"total": total}, {"step": step + 1})
        context.artifacts.save("total", {"total": total})
        text = f"{model.layers} layers, {len(context.texts)} texts"
        metrics = {"total": float(total)}
        return Findings(change_score=config.score, metrics=metrics, items=(Note(text=text),))
