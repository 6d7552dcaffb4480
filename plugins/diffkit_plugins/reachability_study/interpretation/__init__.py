"""The study's interpretation guide: which observations hold.

Takes the outcomes of all conditions. Gives a row for each observation: whether it holds, the
numbers that decide it, and what follows.
"""

from diffkit_plugins.reachability_study.interpretation.conditions import (
    UNCONVERGED,
    basic_rows,
    ffn_rows,
)
from diffkit_plugins.reachability_study.interpretation.criteria import (
    InterpretationRow,
    MedianComparison,
)
from diffkit_plugins.reachability_study.interpretation.sweeps import sweep_rows

__all__ = [
    "UNCONVERGED",
    "InterpretationRow",
    "MedianComparison",
    "basic_rows",
    "ffn_rows",
    "sweep_rows",
]
