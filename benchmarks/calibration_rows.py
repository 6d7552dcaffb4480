"""Recomputes one calibration row for each method and compares it with the shipped line.

usage: calibration_rows.py STORE [--suite FILE] [--null ORGANISM] [--findings STORE]

The last bits of the scores depend on the processor, so the shipped lines are reproduced byte for
byte on the processor that made them alone. To check a change on another one, run the script in a
checkout before the change and in one after it, and give the first store as ``--findings``: the
findings of both must be the same bytes. The exit status is 1 if they differ.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import diffkit_organisms

from diffkit.evaluation.calibrate import build_calibration_table
from diffkit.evaluation.calibration.table import read_tables
from diffkit.evaluation.plan import expand_suite
from diffkit.evaluation.suite import Suite
from diffkit.options.yaml_records import read_record
from diffkit.registry.catalogue import read_catalogue
from diffkit.registry.plugin_host import load_plugins
from diffkit.runs.digest import canonical
from diffkit.runs.execution import ExecutionOptions
from diffkit.runs.store import Store

ZOO = Path(diffkit_organisms.__file__).parent / "zoo"


def compare(store: Store, suite: str, null: str | None, other: Path | None) -> bool:
    """Prints a line for each method; whether no findings differ from those of the other store."""
    host = load_plugins()
    catalogue = read_catalogue(host.folders)
    plan = expand_suite(read_record(ZOO / suite, Suite), host, catalogue)
    shipped = read_tables(catalogue.tables)
    nulls = [pair for pair in plan.pairs if pair.role == "calibration"]
    pair = next(pair for pair in nulls if null in {None, pair.selected.organism.name})
    same = True
    for method in plan.methods:
        one = replace(plan, pairs=(pair,), methods=(method,))
        options = ExecutionOptions("cpu")
        (row,) = build_calibration_table(one, store, options, on_run_result=lambda _: None)
        if row is None:
            print(method.spec.name, "failed")
            same = False
            continue
        line = "same" if canonical(row) == canonical(shipped[row.run]) else "differs"
        print(method.spec.name, "shipped line", line, end="")
        if other is not None:
            found, before = (
                (root / "runs" / row.run / "findings.json").read_bytes()
                for root in (store.root, other)
            )
            same &= found == before
            print(", findings", "same" if found == before else "differ", end="")
        print(flush=True)
    return same


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path, help="folder for the recomputed runs")
    parser.add_argument("--suite", default="suite.yaml", help="suite of the zoo")
    parser.add_argument("--null", help="organism of the null; by default the suite's first")
    parser.add_argument("--findings", type=Path, help="store of another checkout's runs")
    given = parser.parse_args()
    store = Store(given.store).prepare()
    sys.exit(not compare(store, given.suite, given.null, given.findings))
