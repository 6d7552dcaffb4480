"""Runs searches in batches, from where a killed run stopped."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import cosine_similarity

from diffkit import RunContext
from diffkit_plugins.reachability_study.curves import kept_points
from diffkit_plugins.reachability_study.experiments import Task
from diffkit_plugins.reachability_study.outcome import Outcome
from diffkit_plugins.reachability_study.rows import Ledger, Rows
from diffkit_plugins.reachability_study.solver import Solver
from diffkit_plugins.residual_reachability.trunk import Trunk


@dataclass(frozen=True)
class Searches:
    """What all searches of a study share."""

    starts: Float[Tensor, "restarts length hidden"]
    """First prompts, as many as any task has restarts."""
    unit: float
    """Norm of a typical token embedding."""
    ledger: Ledger
    context: RunContext
    batch_size: int

    def outcome(self, task: Task, solver: Solver) -> Outcome:
        """Searches for each target from each start; finished rows are taken from the ledger."""
        name, total = task.condition.name, len(task.targets) * task.restarts
        key = f"{name}|{solver.name}|{solver.steps}"
        done = self.ledger.done(key)
        batches = torch.arange(done, total).split(self.batch_size) if done < total else ()
        before = done // self.batch_size
        shown = self.context.progress(
            batches, label=f"{name}, {solver.name}", total=before + len(batches), done=before
        )
        for rows in shown:
            targets, starts = task.targets[rows // task.restarts], self.starts[rows % task.restarts]
            self.ledger.add(key, self._search(task.reference.trunk, targets, starts, solver))
        return _outcome(task, solver, self.ledger[key])

    def _search(
        self,
        trunk: Trunk,
        targets: Float[Tensor, "rows length hidden"],
        starts: Float[Tensor, "rows length hidden"],
        solver: Solver,
    ) -> Rows:
        found = solver.search(trunk, targets, starts, self.unit)
        streams = trunk(found.prompts)
        points = kept_points(len(found.losses) - 1).to(found.losses.device)
        return Rows(
            curves=found.losses[points].T.float().cpu(),
            mse=(streams - targets).float().square().mean(dim=(1, 2)).cpu(),
            cosines=cosine_similarity(streams.float(), targets.float(), dim=-1).cpu(),
            norms=found.prompts.float().norm(dim=-1).amax(dim=1).cpu() / self.unit,
        )


def _outcome(task: Task, solver: Solver, rows: Rows) -> Outcome:
    shape = (len(task.targets), task.restarts)
    return Outcome(
        condition=task.condition,
        solver=solver.name,
        budget=solver.budget,
        steps=kept_points(solver.steps),
        curves=rows.curves.T.reshape(-1, *shape),
        mse=rows.mse.reshape(shape),
        cosines=rows.cosines.reshape(*shape, -1),
        norms=rows.norms.reshape(shape),
        power=task.targets.float().square().mean(dim=(1, 2)).cpu(),
        floor=task.reference.floor(task.targets),
    )
