"""``diffkit grader check``."""

import json
from pathlib import Path

import pytest
import yaml
from dk_judges import answers, careful, gullible

from diffkit.testing.endpoint import ScriptedEndpoint, always, fails, says


@pytest.fixture
def options(tmp_path):
    def write(endpoint, **more):
        model = {"name": "scripted", "base_url": endpoint.url}
        path = tmp_path / "options.yaml"
        path.write_text(yaml.safe_dump({"model": model, "repeats": 1, "retries": 0, **more}))
        return path

    return write


def test_a_table_by_kind_and_one_line_are_printed(cli):
    said = cli("grader", "check", "lineup")
    assert said.code == 0
    for words in ("injecting", "9 of 9 [0.70, 1.00]", "accepted 0 of 15 [0.00, 0.20] attacks"):
        assert words in said.out
    assert "claim 1 (good) scored" in said.out


def test_json_holds_shares_and_every_claim(cli, tmp_path):
    found = cli("grader", "check", "reverse-lineup", "--set", "words=50", "--json").json()
    assert found["options"]["words"] == 50
    assert found["attacks"]["hits"] == 0
    assert found["kinds"]["near-miss"]["n"] == len(
        [item for item in found["items"] if item["kind"] == "near-miss"]
    )
    (stored,) = (tmp_path / "diffkit-runs" / "passports").glob("*.json")
    assert stored.stem == found["key"]
    assert json.loads(stored.read_text())["items"][0]["number"] == 1


def test_an_endpoint_is_asked_once_and_again_where_that_is_wished(cli, options):
    with ScriptedEndpoint(answers(careful)) as endpoint:
        file = options(endpoint, chance_truths=0)
        words = ("grader", "check", "rubric", "--config", file, "--yes")
        first = cli(*words)
        asked = endpoint.calls
        assert "49 grades by scripted: at most 147 calls" in first.err
        assert cli(*words).out == first.out
        assert endpoint.calls == asked
        cli(*words, "--fresh")
        assert endpoint.calls == 2 * asked


def test_no_language_model_is_asked_before_the_bill_is_agreed_to(cli, options, tmp_path):
    with ScriptedEndpoint(answers(careful)) as endpoint:
        said = cli("grader", "check", "rubric", "--config", options(endpoint), "--json")
        assert endpoint.calls == 0
    assert (said.code, said.out) == (2, "")
    assert "49 grades by scripted: at most" in said.err
    assert "together at an unknown price" in said.err
    assert said.error.endswith("Nothing was asked yet. Repeat the command with --yes to go on.")
    assert not list((tmp_path / "diffkit-runs").glob("passports"))


def test_a_gullible_judge_is_found_out(cli, options):
    with ScriptedEndpoint(answers(gullible)) as endpoint:
        file = options(endpoint, chance_truths=0)
        said = cli("grader", "check", "rubric", "--config", file, "--yes", "--json")
    found = said.json()
    assert found["attacks"]["hits"] > 0
    fooled = [one for one in found["items"] if one["kind"] == "injecting" and one["accepted"]]
    assert fooled


def test_mistakes_are_one_line(cli):
    assert "needs a language model" in cli("grader", "check", "rubric").error
    assert "no grader named 'rubrik'" in cli("grader", "check", "rubrik").error
    assert (
        "no option of 'lineup' named 'model'"
        in cli("grader", "check", "lineup", "--model", "m").error
    )
    assert "repeats" in cli("grader", "check", "rubric", "--set", "repeats=2").error


@pytest.mark.parametrize("content", ["openai/gpt: {input: 1, output: 2}\n", "", "# later\n"])
def test_a_file_of_prices_that_is_none_is_told_what_to_write(cli, content):
    Path("prices.yaml").write_text(content)
    said = cli("grader", "check", "lineup", "--prices", "prices.yaml")
    assert said.code == 2
    what = "prices.yaml:1: openai/gpt: there is no such field" if "gpt" in content else "is empty."
    assert what in said.error
    assert "Write: models: {openai/gpt: {input: 1.25, output: 10}}" in said.error


@pytest.mark.parametrize("from_claim", [0, 20])
def test_a_grader_whose_model_fails_has_no_result(cli, options, tmp_path, from_claim):
    def script(body, number):
        return fails(401) if number > from_claim else answers(careful)(body, number)

    with ScriptedEndpoint(script) as endpoint:
        file = options(endpoint, chance_truths=0)
        said = cli("grader", "check", "rubric", "--config", file, "--yes")
    assert said.code == 1
    assert "HTTP 401" in said.err
    assert "Nothing is saved" in said.err
    assert "right about" not in said.out
    assert not list((tmp_path / "diffkit-runs" / "passports").glob("*.json"))


def test_a_grader_that_answers_nothing_readable_has_no_result(cli, options):
    with ScriptedEndpoint(always(says("Hm."))) as endpoint:
        said = cli("grader", "check", "rubric", "--config", options(endpoint), "--yes")
    assert (said.code, "graded none of" in said.err) == (1, True)
