import pytest


def test_it_says_how_many_truths_are_enough(cli):
    shown = cli("power", "0.6", "0.4")
    assert "107 truths are enough to tell 0.6 from 0.4 with a power of 0.8" in shown.err
    assert "0.34" in shown.out  # at 40
    found = cli("power", "0.7", "0.4", "--json").json()
    assert found["truths"] == 50
    assert found["power"]["20"] < found["power"]["40"] < found["power"]["80"]


def test_equals_are_never_told_apart(cli):
    assert "2,000 truths are not enough" in cli("power", "0.5", "0.5").err


@pytest.mark.parametrize("share", ["1.5", "often"])
def test_what_is_no_share_is_refused(cli, share):
    assert cli("power", share, "0.5").code == 2
