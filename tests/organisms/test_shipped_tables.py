"""The shipped calibration tables: what ships is found in them, so that nobody computes it again."""

from pathlib import Path

import diffkit_organisms
import pytest

from diffkit.catalogue import read_catalogue
from diffkit.cli.demo import SUITE as DEMO
from diffkit.evaluation.calibrated import read_tables
from diffkit.evaluation.cells import from_tables, planned_cells
from diffkit.evaluation.component import component_key
from diffkit.evaluation.plan import expand
from diffkit.evaluation.suite import Suite
from diffkit.plugins import load_host
from diffkit.runs.store import Store
from diffkit.yamls import read_record

ZOO = Path(diffkit_organisms.__file__).parent / "zoo"


@pytest.mark.parametrize("suite", [DEMO, ZOO / "suite.yaml", ZOO / "suite-neox.yaml"])
def test_a_method_s_nulls_and_what_the_lineup_claims_of_them_are_in_the_tables(suite, tmp_path):
    host = load_host()
    catalogue = read_catalogue(host.folders)
    plan = expand(read_record(suite, Suite), host, catalogue)
    cells = [cell for cell in planned_cells(plan) if cell.pair.role == "calibration"]
    keys = [component_key(one) for one in plan.investigators]
    found = from_tables(cells, read_tables(catalogue.tables), keys, Store(tmp_path / "store"))
    missing = [cell.method.spec.name for cell in found if not cell.known]
    assert keys
    assert found
    assert not missing
