import subprocess
import sys
from pathlib import Path

import pytest

from diffkit.errors import BadFile
from diffkit.training import read_recipe


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


def test_paths_lose_their_dots_unless_a_link_lies_between(make_recipe, tmp_path: Path) -> None:
    make_recipe()
    recipes = tmp_path / "recipes"
    recipes.mkdir()
    path = recipes / "made.yaml"
    fields = {"output": "../weights/cake", "data": [{"path": "../texts.jsonl"}]}
    path.write_text(make_recipe(**fields).read_text())
    recipe = read_recipe(path)
    assert str(recipe.folder) == f"{tmp_path}/weights/cake"
    assert recipe.data[0].place(recipe.root) == tmp_path / "texts.jsonl"
    recipe = read_recipe(make_recipe(output="../weights/cake", data=[{"path": "../no.jsonl"}]))
    with pytest.raises(BadFile, match=f"^{tmp_path.parent}/no.jsonl: cannot be read"):
        recipe.digest("start")
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere" / "deep")
    (tmp_path / "link" / "made.yaml").write_text(path.read_text())
    folder = read_recipe(tmp_path / "link" / "made.yaml").folder
    assert folder.resolve() == tmp_path / "elsewhere" / "weights" / "cake"


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


def test_options_that_are_not_set_are_in_no_digest_and_no_record(make_recipe) -> None:
    plain = read_recipe(make_recipe()).model_dump(mode="json")
    assert not {"save_dtype", "products", "attention", "add_eos"} & set(plain)
    given = {"save_dtype": "float16", "products": "bfloat16", "attention": "eager"}
    given |= {"add_eos": False}
    recipe = read_recipe(make_recipe(**given))
    assert recipe.model_dump(mode="json") == plain | given
    assert recipe.digest("start") != read_recipe(make_recipe()).digest("start")


def test_missing_data_names_the_file(make_recipe) -> None:
    recipe = read_recipe(make_recipe(data=[{"path": "nowhere.jsonl"}]))
    with pytest.raises(BadFile, match=r"nowhere\.jsonl"):
        recipe.digest("start")
