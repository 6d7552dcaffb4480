from diffkit.render.terminal.sparkline import sparkline


def test_it_goes_from_the_least_to_the_most():
    assert sparkline([0.0, 1.0, 7.0]) == "▁▂█"


def test_long_series_are_averaged():
    line = sparkline([float(i) for i in range(1000)], width=10)
    assert len(line) == 10
    assert list(line) == sorted(line)


def test_constant_and_empty_series():
    assert sparkline([3.0, 3.0]) == "▁▁"
    assert sparkline([]) == ""
