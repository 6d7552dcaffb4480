"""The public names of `diffkit.evaluation.calibration`, each imported when first used."""

from .nulls import CalibrationScores, DetectionTest, calibration_scores
from .table import CalibrationRow, read_table, read_tables, write_table

__all__ = [
    "CalibrationRow",
    "CalibrationScores",
    "DetectionTest",
    "calibration_scores",
    "read_table",
    "read_tables",
    "write_table",
]
