"""Tables and curves."""

from collections.abc import Sequence

from diffkit import Line, Series, Table
from diffkit_weight_norms.measures import Change


def by_relative_norm(changes: Sequence[Change]) -> list[Change]:
    """Largest relative norm first; equals by name."""
    return sorted(changes, key=lambda change: (-change.relative, change.name))


def norms(changes: Sequence[Change]) -> Table:
    """One row for each changed weight."""
    return Table(
        title="How far each weight moved, relative norm first",
        columns=(
            "weight",
            "relative norm ‖Δ‖/‖W‖",
            "Frobenius norm",
            "spectral norm",
            "stable rank",
        ),
        rows=tuple(
            (c.name, c.relative, c.frobenius, c.spectral, c.stable_rank)
            for c in by_relative_norm(changes)
        ),
    )


def spectra(changes: Sequence[Change], count: int) -> Series:
    """Singular values of the ``count`` matrices with the largest relative norms."""
    drawn = [change for change in by_relative_norm(changes) if change.is_matrix][:count]
    return Series(
        title="Spectra of the changes",
        x_label="number of the singular value, from 1",
        y_label="share of the largest",
        lines=tuple(
            Line(
                name=change.name,
                x=tuple(float(number) for number in range(1, len(change.values) + 1)),
                y=tuple((change.values / change.values[0]).tolist()),
            )
            for change in drawn
        ),
    )
