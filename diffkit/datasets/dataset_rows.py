"""Reads texts from the rows of a dataset with the `datasets` library."""

import itertools
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from diffkit.datasets.dataset import Dataset
from diffkit.errors import MissingExtra, UserError, first_line
from diffkit.options.yaml_records import explain_validation_error
from diffkit.texts import Text, chat_turns


def read_rows(source: Dataset, root: Path) -> Sequence[Text]:
    """The texts of the rows of ``source``, in their order.

    No code of the dataset's runs: the library has none of it from version 4 on.

    Args:
        source: where the rows are, and which of them are used.
        root: folder that relative paths start at.

    Raises:
        MissingExtra: the library is not installed.
        UserError: the dataset is missing or empty, or lacks the split or the column; or a row is
            neither document nor chat.
    """
    try:
        import datasets  # noqa: F401
    except ModuleNotFoundError as error:
        what = f"The dataset {source.at!r}"
        raise MissingExtra(what, error.name or "datasets", "diffkit[train]") from error
    with _quiet():
        try:
            table = _open(source, root)
            rows = list(itertools.islice(_column(table, source), source.limit))
        except UserError:
            raise
        except Exception as error:  # the library's own libraries may raise anything
            what = f"The dataset {source.at!r} cannot be read ({first_line(_root(error))})."
            raise UserError(what, hint=_path_hint(source, root)) from error
    if not rows:
        what = f"The split {source.split!r} of the dataset {source.at!r} has no rows."
        raise UserError(what, hint="Give another split.")
    return tuple(_text(source, number, row) for number, row in enumerate(rows))


def _root(error: BaseException) -> BaseException:
    """What an error came from: that of `datasets` says only that something happened."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _open(source: Dataset, root: Path) -> Any:
    """The rows of a split; `datasets` keeps a copy of them in its cache (``HF_DATASETS_CACHE``).

    Raises:
        UserError: the file, the folder or the split is missing.
    """
    from datasets import load_dataset

    place = source.place(root)
    if place is None:
        return load_dataset(source.at, source.config, split=source.split, revision=source.revision)
    if not place.exists():
        raise UserError(f"There is no dataset {str(place)!r}.", hint=_path_hint(source, root))
    if (place / "state.json").exists() or (place / "dataset_dict.json").exists():
        return _open_saved(source, place)
    if place.is_dir():
        return load_dataset(str(place), source.config, split=source.split)
    if source.file_format is None:
        what = f"{str(place)!r} is no dataset."
        raise UserError(what, hint="Give a .parquet, .csv, .json or .jsonl file, or a folder.")
    files = {"train": str(place)}
    return load_dataset(source.file_format, data_files=files, split=source.split)


def _open_saved(source: Dataset, folder: Path) -> Any:
    """A split of what `save_to_disk` wrote: one split, or several by name."""
    from datasets import DatasetDict, load_from_disk

    saved = load_from_disk(folder)
    splits = saved if isinstance(saved, DatasetDict) else {str(saved.split or "train"): saved}
    if source.split not in splits:
        what = f"The dataset {source.at!r} has no split {source.split!r}."
        raise UserError(what, hint=f"Take one of: {', '.join(sorted(splits))}.")
    return splits[source.split]


def _column(table: Any, source: Dataset) -> Iterator[Any]:
    """The values of the column; the others are not decoded.

    Raises:
        UserError: there is no such column.
    """
    columns: list[str] = table.column_names
    if source.column not in columns:
        what = f"The dataset {source.at!r} has no column {source.column!r}."
        raise UserError(what, hint=f"Take one of: {', '.join(columns)}.")
    return (row[source.column] for row in table.select_columns([source.column]))


def _text(source: Dataset, number: int, value: Any) -> Text:
    if isinstance(value, str):
        return Text(text=value)
    place = f"The dataset {source.at!r}, row {number}, column {source.column!r}"
    hint = "Give a column of strings, or of lists of {role, content}."
    if not (isinstance(value, list) and value and all(isinstance(turn, dict) for turn in value)):
        raise UserError(f"{place}: {value!r:.60} is neither document nor chat.", hint=hint)
    try:
        return Text.model_validate({"messages": chat_turns(value)})
    except ValidationError as error:
        misfit = explain_validation_error(error, Text)
        raise UserError(f"{place}: {misfit.field}: {misfit.what}", hint=hint) from error


def _path_hint(source: Dataset, root: Path) -> str:
    place = source.place(root)
    if place is not None and place.is_file() and source.file_format == "json":
        return f"If each line is a JSON object, give {place} without hf: to read it line by line."
    if place is not None:
        return "Check path, configuration and split; in a YAML, a path starts at the file's folder."
    return (
        "Check the spelling and the connection; for a gated dataset run `hf auth login`; to fetch "
        f"it beforehand run `hf download --repo-type dataset {source.at}`."
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps the progress bars and remarks of `datasets` off the terminal, as for transformers."""
    from datasets import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    hidden = are_progress_bars_disabled()
    loggers = [logging.getLogger(name) for name in ("datasets", "huggingface_hub")]
    levels = [logger.level for logger in loggers]
    disable_progress_bars()
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        if not hidden:
            enable_progress_bars()
