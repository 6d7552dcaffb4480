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
from diffkit_plugins.reachability_study.vocabulary import Vocabulary
from diffkit_plugins.residual_reachability.trunk import Trunk


@dataclass(frozen=True)
class Searches:
    """What all searches of a study share."""

    starts: Float[Tensor, "restarts length hidden"]
    """First prompts, as many as any task has restarts."""
    vocabulary: Vocabulary
    ledger: Ledger
    context: RunContext
    batch_size: int

    def outcomes(self, task: Task, solver: Solver) -> list[Outcome]:
        """Searches for each target from each start; finished rows are taken from the ledger.

        Returns:
            One outcome for each condition.
        """
        targets, name = task.targets.flatten(0, 1), task.conditions[0].experiment
        key = f"{name}|{solver.name}|{solver.steps}"
        total = len(targets) * task.restarts
        done = self.ledger.done(key)
        batches = torch.split(torch.arange(done, total), self.batch_size) if done < total else ()
        before = done // self.batch_size
        shown = self.context.progress(
            batches,
            label=f"experiment {name}, {solver.name}",
            total=before + len(batches),
            done=before,
        )
        for rows in shown:
            wanted, starts = targets[rows // task.restarts], self.starts[rows % task.restarts]
            self.ledger.add(key, self._search(task.reference.trunk, wanted, starts, solver))
        return _outcomes(task, solver, self.ledger[key])

    def _search(
        self,
        trunk: Trunk,
        targets: Float[Tensor, "rows length hidden"],
        starts: Float[Tensor, "rows length hidden"],
        solver: Solver,
    ) -> Rows:
        found = solver.search(trunk, targets, starts, self.vocabulary)
        streams = trunk(found.prompts)
        points = kept_points(len(found.losses) - 1).to(found.losses.device)
        return Rows(
            curves=found.losses[points].T.float().cpu(),
            mse=(streams - targets).float().square().mean(dim=(1, 2)).cpu(),
            cosines=cosine_similarity(streams.float(), targets.float(), dim=-1).cpu(),
            norms=found.prompts.float().norm(dim=-1).amax(dim=1).cpu() / self.vocabulary.norm,
        )


def _outcomes(task: Task, solver: Solver, rows: Rows) -> list[Outcome]:
    shape = (*task.targets.shape[:2], task.restarts)
    curves = rows.curves.T.reshape(-1, *shape)
    mse, norms = rows.mse.reshape(shape), rows.norms.reshape(shape)
    cosines = rows.cosines.reshape(*shape, -1)
    return [
        Outcome(
            condition=condition,
            solver=solver.name,
            budget=solver.budget,
            steps=kept_points(solver.steps),
            curves=curves[:, number],
            mse=mse[number],
            cosines=cosines[number],
            norms=norms[number],
            power=targets.float().square().mean(dim=(1, 2)).cpu(),
            floor=task.reference.floor(targets),
        )
        for number, (condition, targets) in enumerate(
            zip(task.conditions, task.targets, strict=True)
        )
    ]
