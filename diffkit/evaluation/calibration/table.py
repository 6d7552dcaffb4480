"""Calibration tables: the stored scores and claims of calibration runs.

The tables are shipped, so that the runs need not be repeated.
"""

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import ValidationError

from diffkit.errors import BadFile
from diffkit.options.yaml_records import explain_validation_error, unreadable_file_error
from diffkit.organism import Record
from diffkit.runs.digest import canonical
from diffkit.runs.files import write_atomically

log = logging.getLogger("diffkit.evaluation")


class CalibrationRow(Record):
    """What one calibration run said; a line of a table."""

    run: str
    """Digest of the run: models, method, options, texts and seed."""
    method: str
    """Name of the method, for readers."""
    rung: str
    """Kind of null, for readers."""
    change_score: float | None
    """The findings' change score; none where the method does not say."""
    claims: Mapping[str, str]
    """Key of an investigator → what it claimed of the findings; empty where it claimed nothing."""


def write_table(path: Path, rows: Iterable[CalibrationRow]) -> None:
    """Writes a table: one JSON object a line, in an order and form that the rows alone decide.

    Raises:
        OSError: the file cannot be written.
    """
    ordered = sorted(rows, key=lambda row: (row.method, row.rung, row.run))
    write_atomically(path, "".join(f"{canonical(row)}\n" for row in ordered))


def read_tables(paths: Iterable[Path]) -> dict[str, CalibrationRow]:
    """The rows of all tables by the digest of their run.

    A broken table costs a warning, since what it holds can be computed. Rows of one run are one row
    with the claims of all.
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
    """The rows of one table.

    Raises:
        BadFile: it cannot be read, or a line is malformed.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable_file_error(path, error) from error
    return tuple(_row(path, number, line) for number, line in enumerate(lines, 1) if line.strip())


def _row(path: Path, number: int, line: str) -> CalibrationRow:
    try:
        return CalibrationRow.model_validate_json(line)
    except ValidationError as error:
        misfit = explain_validation_error(error, CalibrationRow)
        hint = "Write it again with `diffkit calibrate SUITE --out FILE`."
        raise BadFile(path, misfit.what, line=number, field=misfit.field, hint=hint) from error
