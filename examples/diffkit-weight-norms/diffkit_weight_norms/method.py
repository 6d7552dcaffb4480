"""The method."""

from statistics import median

from diffkit import DiffingMethod, Finding, Findings, ModelPair, RunContext
from diffkit_weight_norms.config import WeightNormsConfig
from diffkit_weight_norms.measure import WeightChange, concentration, measure_changes, relative_norm
from diffkit_weight_norms.report import direction_tables, norm_table, spectrum_series


class WeightNorms(DiffingMethod[WeightNormsConfig]):
    """Reads the weight changes alone, for LoRA and full finetuning; runs no text.

    The change score is the changes' spectral concentration. The relative norm would be the natural
    score, but random controls are drawn with the same norm in each weight and would tie with it.
    """

    identical_note = "No weight has changed."

    def run(self, pair: ModelPair, config: WeightNormsConfig, context: RunContext) -> Findings:
        """Measures every change."""
        deltas = context.progress(pair.deltas(), label="weights")
        changes = list(measure_changes(pair, deltas, config.values))
        if not changes:
            return self.identical(config)
        items: list[Finding] = [*direction_tables(pair, changes, config), norm_table(changes)]
        if config.spectra and any(change.is_matrix for change in changes):
            items.append(spectrum_series(changes, config.spectra))
        return Findings(
            change_score=concentration(changes), metrics=_metrics(changes), items=tuple(items)
        )


def _metrics(changes: list[WeightChange]) -> dict[str, float]:
    found = {"changed_weights": float(len(changes)), "relative_norm": relative_norm(changes)}
    ranks = [change.stable_rank for change in changes if change.is_matrix]
    return found | ({"median_stable_rank": median(ranks)} if ranks else {})
