import io

import pytest
from rich.console import Console

from diffkit.findings import Table
from diffkit.render.terminal.reports import render_items

NUMBERS = (7.48e-10, 0.748, 1234567, 5e-3, 6.02e23, -1.5e-10, 0.123456, 12)
PRINTED = ("7.48e-10", "0.748", "1,234,567", "0.00500", "6.02e+23", "-1.5e-10", "0.123", "12")


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_no_width_breaks_a_number_in_the_middle(tmp_path, width):
    columns = ("a condition", *(f"column number {one} of the table" for one in range(8)))
    label = "a long label of a condition that fills the cell"
    table = Table(title="Wide", columns=columns, rows=((label, *NUMBERS),))
    out = io.StringIO()
    render_items((table,), tmp_path, Console(file=out, width=width))
    words = out.getvalue().split()
    assert [word for word in words if word in PRINTED] == list(PRINTED)
    assert max(map(len, out.getvalue().splitlines())) <= width
