"""Calibration tables: the stored scores and claims of calibration runs.

The tables are shipped, so that the runs need not be repeated.
"""

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import ValidationError

from diffkit.errors import BadFile
from diffkit.options.text_files import read_lines
from diffkit.options.yaml_records import explain_validation_error
from diffkit.organism import Record
from diffkit.runs.digest import canonical
from diffkit.runs.files import write_atomically

log = logging.getLogger("diffkit.evaluation")


class CalibrationRow(Record):
    """The score and claims of one calibration run; a line of a table."""

    run: str
    """Digest of the run: models, method, options, texts and seed."""
    method: str
    """Name of the method, for information."""
    rung: str
    """Null type, for information."""
    change_score: float | None
    """The findings' change score; none where the method gives none."""
    claims: Mapping[str, str]
    """Claims about the findings by key of the investigator; empty where it made no claim."""


def write_table(path: Path, rows: Iterable[CalibrationRow]) -> None:
    """Writes a table: one JSON object per line, in an order that depends only on the rows.

    Raises:
        OSError: the file cannot be written.
    """
    ordered = sorted(rows, key=lambda row: (row.method, row.rung, row.run))
    write_atomically(path, "".join(f"{canonical(row)}\n" for row in ordered))


def read_tables(paths: Iterable[Path]) -> dict[str, CalibrationRow]:
    """Reads the rows of all tables by digest of the run; rows of the same run are merged.

    A table that cannot be read causes a warning only, since its runs can be made.
    """
    found: dict[str, CalibrationRow] = {}
    for path in paths:
        try:
            for row in read_table(path):
                known = found.get(row.run)
                claims = {**known.claims, **row.claims} if known else row.claims
                found[row.run] = row.model_copy(update={"claims": claims})
        except BadFile as error:
            log.warning("A calibration table is left out: %s", error)
    return found


def read_table(path: Path) -> tuple[CalibrationRow, ...]:
    """Reads the rows of one table.

    Raises:
        BadFile: it cannot be read, or a line is malformed.
    """
    return tuple(_row(path, number, line) for number, line in read_lines(path))


def _row(path: Path, number: int, line: str) -> CalibrationRow:
    try:
        return CalibrationRow.model_validate_json(line)
    except ValidationError as error:
        misfit = explain_validation_error(error, CalibrationRow)
        hint = "Write it again with `diffkit calibrate SUITE --out FILE`."
        raise BadFile(path, misfit.what, line=number, field=misfit.field, hint=hint) from error
