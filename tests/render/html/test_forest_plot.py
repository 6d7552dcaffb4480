from diffkit.render.html.forest_plot import forest_panels


def test_one_panel_for_each_share_and_one_bar_for_each_row(leaderboard):
    top1, detected, alarms = forest_panels(leaderboard)
    assert [bar.count for bar in top1.bars] == ["3/4", "1.2/4"]  # no controls, no strata
    assert [len(panel.bars) for panel in (detected, alarms)] == [2, 2]
    assert top1.height > top1.bars[-1].y


def test_the_point_lies_in_its_interval_and_chance_only_where_it_is_known(leaderboard):
    top1, detected, _ = forest_panels(leaderboard)
    bar = top1.bars[0]
    assert top1.left <= bar.low < bar.at < bar.high <= top1.right
    assert bar.chance < bar.low
    assert "chance 0.125" in bar.description
    assert detected.bars[0].chance is None


def test_no_cases_give_no_point(leaderboard):
    bar = forest_panels(leaderboard)[2].bars[0]
    assert (bar.at, bar.low, bar.high) == (None, None, None)


def test_rows_are_told_apart_by_their_readers_where_these_differ(leaderboard):
    other = leaderboard.rows[0].model_copy(update={"investigator": "agent"})
    assert forest_panels(leaderboard)[0].bars[0].label == "kl"
    both = leaderboard.model_copy(update={"rows": (leaderboard.rows[0], other)})
    assert [bar.label for bar in forest_panels(both)[0].bars] == [
        "kl · lineup · lineup",
        "kl · agent · lineup",
    ]


def test_a_grader_that_failed_throughout_has_no_bar_among_the_scores(leaderboard, failing):
    scores, detected, _ = forest_panels(failing)
    assert scores == forest_panels(leaderboard)[0]
    assert len(detected.bars) == 4
    alone = {"rows": failing.rows[len(leaderboard.rows) :], "pairs": failing.pairs[2:]}
    titles = [panel.title for panel in forest_panels(failing.model_copy(update=alone))]
    assert titles == ["Detected", "False alarms"]
