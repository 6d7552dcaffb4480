"""The shipped calibration tables: what ships is found in them, so that nobody computes it again."""

from pathlib import Path

import diffkit_organisms
import pytest

from diffkit.cli.commands.demo import SUITE as DEMO
from diffkit.evaluation import (
    Suite,
    expand_suite,
    fill_from_calibration_tables,
    plan_runs,
    plugin_key,
)
from diffkit.evaluation.calibration import read_tables
from diffkit.options.yaml_records import read_record
from diffkit.registry.catalogue import read_catalogue
from diffkit.registry.plugin_host import load_plugins
from diffkit.runs.store import Store

ZOO = Path(diffkit_organisms.__file__).parent / "zoo"


@pytest.mark.parametrize("suite", [DEMO, ZOO / "suite.yaml", ZOO / "suite-neox.yaml"])
def test_a_method_s_nulls_and_what_the_lineup_claims_of_them_are_in_the_tables(suite, tmp_path):
    host = load_plugins()
    catalogue = read_catalogue(host.folders)
    plan = expand_suite(read_record(suite, Suite), host, catalogue)
    planned_runs = [planned for planned in plan_runs(plan) if planned.pair.role == "calibration"]
    keys = [plugin_key(one) for one in plan.investigators]
    found = fill_from_calibration_tables(
        planned_runs, read_tables(catalogue.tables), keys, Store(tmp_path / "store")
    )
    missing = [planned.method.spec.name for planned in found if not planned.calibration_row]
    assert keys
    assert found
    assert not missing
