import json
import subprocess
import sys
from pathlib import Path

import diffkit_organisms
import pytest

from diffkit.errors import BadFile
from diffkit.training import read_recipe
from diffkit.training.start import beginning

RECIPES = Path(diffkit_organisms.__file__).parent / "zoo" / "recipes"
ADAPTERS = [path for path in sorted(RECIPES.glob("*.yaml")) if path.stem != "tiny-qwen3"]


def test_reading_recipes_loads_no_torch() -> None:
    code = (
        "import sys, diffkit.training as t; t.read_recipe;"
        "sys.exit(bool({'torch', 'transformers', 'peft'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_paths_start_at_the_recipe(make_recipe, tmp_path: Path) -> None:
    recipe = read_recipe(make_recipe())
    assert recipe.folder == tmp_path / "out" / "made"
    assert "root" not in recipe.model_dump()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"steps": 0}, "steps"),
        ({"warmup": 6}, "warmup"),
        ({"start": {}}, "start"),
        ({"method": {"kind": "lora"}}, "scratch"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_mistakes_name_file_and_field(make_recipe, changes: dict[str, object], words: str) -> None:
    path = make_recipe(**changes)
    with pytest.raises(BadFile, match=words) as caught:
        read_recipe(path)
    assert str(path) in str(caught.value)


def test_digest_follows_content_and_not_paths(make_recipe, tmp_path: Path) -> None:
    first = read_recipe(make_recipe("first")).digest("start")
    (tmp_path / "copy.jsonl").write_bytes((tmp_path / "texts.jsonl").read_bytes())
    moved = make_recipe("second", data=[{"path": "copy.jsonl"}], save_every=5)
    assert read_recipe(moved).digest("start") == first
    assert read_recipe(moved).digest("other") != first
    (tmp_path / "copy.jsonl").write_text('{"text": "other"}')
    assert read_recipe(moved).digest("start") != first


@pytest.mark.parametrize("path", ADAPTERS, ids=lambda path: path.stem)
def test_digests_stay_as_they_were_when_the_zoo_was_made(path: Path) -> None:
    recipe = read_recipe(path)
    record = json.loads((recipe.folder / "diffkit.json").read_text())
    assert beginning(recipe).digest == record["recipe_digest"]


def test_missing_data_names_the_file(make_recipe) -> None:
    recipe = read_recipe(make_recipe(data=[{"path": "nowhere.jsonl"}]))
    with pytest.raises(BadFile, match=r"nowhere\.jsonl"):
        recipe.digest("start")
