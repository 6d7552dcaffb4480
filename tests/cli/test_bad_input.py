"""Bad input: one line that says what, which value and what to do next, and nothing lost."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from dk_fixtures import BASE, ORGANISM

from diffkit.errors import StoreUnwritable
from diffkit.runs.files import explain_write_errors

RUN = ("run", "echo", "--organism", "birds")
SUITE = "organisms: [birds]\nmethods: {echo: {steps: 1}}\n"


@pytest.fixture
def own(stranger, world, tmp_path, monkeypatch):
    """A copy of the world that a test may break."""
    folder = tmp_path / "world"
    shutil.copytree(world, folder)
    monkeypatch.setenv("DK_WORLD", str(folder))
    return folder


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "suite.yaml: is empty."),
        ("organisms: [birds\nmethods: x", "suite.yaml:2: is not YAML"),
        ("organisms: [birds]\n\tmethods: x", "suite.yaml:2: is not YAML"),
        ("- birds", "suite.yaml:1: Input should be a valid dictionary"),
        (SUITE + "organism: x\n", "suite.yaml:3: organism: there is no such field. Did you mean"),
        ("organisms: [birds]\n", "suite.yaml:1: methods: this field is required."),
        ("organisms: []\nmethods: [echo]", "suite.yaml:1: organisms: Tuple should have at least 1"),
        (SUITE + "seeds: [0, x]", "suite.yaml:3: seeds.1: Input should be a valid integer"),
        (
            SUITE + "seeds: [-1]",
            "suite.yaml:3: seeds.0: Input should be greater than or equal to 0",
        ),
        (
            SUITE + "seeds: 3",
            "suite.yaml:3: seeds: Input should be a list, such as [one, another], got 3.",
        ),
        (SUITE + "name: ../x", "suite.yaml:3: name: String should match pattern"),
        ("organisms: [birds]\nmethods: [{echo: {}}]", "suite.yaml:2: methods: Input should be"),
        ("organisms: [birds]\nmethods: {echo: 3}", "suite.yaml:2: methods.echo: Input should be"),
        ("organisms: [birds]\nmethods:\n  echo:\n    step: 3", "suite.yaml:4: methods.echo.step: "),
        ("organisms: [birds]\nmethods:\n  echo:\n    steps: 0", "suite.yaml:4: methods.echo.steps"),
        (SUITE + "investigators: {blunt: {change: odd}}", "yaml:3: investigators.blunt.change: "),
        (SUITE + "texts: nowhere.jsonl", "nowhere.jsonl: cannot be read (No such file"),
    ],
)
def test_a_bad_suite(cli, stranger, content, words):
    Path("suite.yaml").write_text(content)
    said = cli("evaluate", "suite.yaml")
    assert said.code == 2
    assert words in said.error
    assert stranger.lines() == []


def test_a_suite_that_is_missing_a_folder_or_no_text(cli, tmp_path):
    assert "nope.yaml: cannot be read (No such file" in cli("evaluate", "nope.yaml").error
    assert "cannot be read (Is a directory)" in cli("evaluate", tmp_path).error
    Path("latin.yaml").write_bytes(b"name: \xff")
    assert "latin.yaml: is not UTF-8" in cli("evaluate", "latin.yaml").error


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "family: test\n",
            "famly: test\n",
            "birds.yaml:3: famly: there is no such field (and 1 more). Did you mean 'family'?",
        ),
        ("truth: targeted", "truth: odd", "birds.yaml:4: truth: Input should be 'none'"),
        ("truth: targeted", "truth: none", "an answer_key if, and only if"),
        ("at: ../", "to: ../", "birds.yaml:6: models.mini.default.adapter.source"),
        ("kind: adapter", "kind: lora", "birds.yaml:6: models.mini.default: "),
        ("models:", "models: [", "birds.yaml:7: is not YAML"),
    ],
)
def test_a_bad_organism_costs_a_line_and_the_others_work(cli, own, old, new, words):
    path = own / "organisms" / "birds.yaml"
    path.write_text(path.read_text().replace(old, new))
    said = cli("organisms", "list")
    assert said.code == 0
    (line,) = said.err.splitlines()
    assert words in line
    assert "ships" in said.out
    assert cli("run", "echo", "--organism", "ships").code == 0
    said = cli(*RUN)
    assert (said.code, "no organism named 'birds'" in said.error) == (2, True)
    said = cli("organisms", "show", path)
    assert (said.code, words in said.error) == (2, True)


def test_an_organism_on_a_base_or_variant_that_is_not_there(cli, own):
    said = cli(*RUN, "--variant", "defalt")
    assert "no variant of 'birds' on 'mini' named 'defalt'. Did you mean 'default'?" in said.error
    said = cli(*RUN, "--base", "mimi")
    assert "no base model of 'birds' named 'mimi'. Did you mean 'mini'?" in said.error
    (own / "bases" / "mini.yaml").unlink()
    assert "There is no base model named 'mini'" in cli(*RUN).error


def adapter_config(own):
    return own / "weights" / "birds" / "adapter_config.json"


def break_missing_folder(own):
    shutil.rmtree(own / "weights" / "birds")


def break_missing_weights(own):
    (own / "weights" / "birds" / "adapter_model.safetensors").unlink()


def break_truncated(own):
    path = own / "weights" / "birds" / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def break_truncated_base(own):
    path = own / "weights" / "base" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])


def break_header(own):
    path = own / "weights" / "birds" / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:8] + b"x" * 2000)


def break_config(own):
    adapter_config(own).write_text("{")


def break_other_base(own):
    from safetensors.torch import load_file, save_file

    path = own / "weights" / "birds" / "adapter_model.safetensors"
    deeper = {k.replace("layers.1.", "layers.9."): v for k, v in load_file(path).items()}
    save_file(deeper, path)


def break_tokenizer(own):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(own / "weights" / "base" / name, own / "weights" / "birds" / name)
    path = own / "weights" / "birds" / "tokenizer.json"
    content = json.loads(path.read_text())
    vocabulary = content["model"]["vocab"]
    vocabulary["a"], vocabulary["b"] = vocabulary["b"], vocabulary["a"]
    path.write_text(json.dumps(content))


def break_base_texts(own):
    (own / "texts.jsonl").write_text('{"text": "fine"}\n{"words": 3}\n')


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (break_missing_folder, ["no model folder", "weights/birds"]),
        (break_missing_weights, ["weights/birds", "no .safetensors weights"]),
        (break_truncated, ["adapter_model.safetensors", "bytes where its header promises"]),
        (break_truncated_base, ["model.safetensors", "bytes where its header"]),
        (break_header, ["adapter_model.safetensors", "safetensors header"]),
        (break_config, ["adapter_config.json:1: is not JSON"]),
        (break_other_base, ["weights/birds does not fit this base"]),
        (break_tokenizer, ["The tokenizers differ at id"]),
        (break_base_texts, ["texts.jsonl:2: ", "words"]),
    ],
)
def test_models_that_cannot_be_used(cli, own, stranger, break_it, words):
    assert cli("run", "echo", "--organism", "ships").code == 0
    break_it(own)
    said = cli(*RUN)
    assert said.code == 2
    for word in words:
        assert word in said.error
    assert len(list(Path("diffkit-runs/runs").iterdir())) == 1
    assert not list(Path("diffkit-runs/work").iterdir())


def test_models_by_path_that_are_not_there(cli, own):
    base, adapter = own / "weights" / "base", own / "weights" / "birds"
    assert cli("run", "echo", "--base", base, "--finetuned", adapter).code == 0
    assert cli("run", "echo", "--base", "mini", "--finetuned", adapter).code == 0
    said = cli("run", "echo", "--base", base, "--finetuned", "./nothing")
    assert (said.code, "no model folder 'nothing'" in said.error) == (2, True)
    said = cli("run", "echo", "--base", adapter, "--finetuned", adapter)
    assert (said.code, "is an adapter" in said.error) == (2, True)
    said = cli("run", "echo", "--base", base)
    assert f"compares two models, and --base {base} is one. Try: diffkit run echo" in said.error
    assert "either --organism, or both --base" in cli("run", "echo").error


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["run", "ecko", "--organism", "birds"], "no method named 'ecko'. Did you mean 'echo'?"),
        (["run", "echo", "--organism", "bird"], "named 'bird'. Did you mean 'birds'?"),
        ([*RUN, "--set", "stepps=3"], "named 'stepps'. Did you mean 'steps'?"),
        ([*RUN, "--set", "steps"], "--set 'steps' is not key=value. Try: --set top=5"),
        ([*RUN, "--set", "steps=[1"], "is not YAML"),
        ([*RUN, "--set", "steps=0"], "'steps' of 'echo': Input should be greater than or equal"),
        ([*RUN, "--set", "steps=many"], "got 'many'. See `diffkit methods echo`."),
        ([*RUN, "--config", "none.yaml"], "none.yaml: cannot be read (No such file"),
        ([*RUN, "--device", "tpux"], "The device 'tpux' cannot be used here. Take cpu"),
        ([*RUN, "--device", "cuda:99"], "The device 'cuda:99' cannot be used here."),
        ([*RUN, "--dtype", "float23"], "named 'float23'. Did you mean 'float32'?"),
        ([*RUN, "--seed", "-1"], "'--seed': Input should be greater than or equal to 0"),
        ([*RUN, "--sed", "1"], "No such option: --sed (Possible options: --base, --seed, --set)"),
        ([*RUN, "--texts", "none.jsonl"], "none.jsonl: cannot be read"),
        (["frobnicate"], "No such command 'frobnicate'"),
        (["runs", "show", "zzz"], "No runs, attempts, grades in diffkit-runs start with 'zzz'."),
        (["report"], "either a run or --leaderboard"),
        (["leaderboard"], "holds no evaluation. It has: none. Make one"),
        (["--no-plugin", "strangr", "methods"], "'strangr'. Did you mean 'stranger'?"),
        (["evaluate", "--organisms", "birds"], "There is nothing to evaluate. Give a suite YAML"),
        (
            ["evaluate", "--organisms", "birds", "--methods", "echo", "--investigators", "blont"],
            "no investigator named 'blont'. Did you mean 'blunt'?",
        ),
        (
            ["evaluate", "--organisms", "birds", "--methods", "echo", "--seeds", "x"],
            "--seeds: Input should be a valid integer",
        ),
        (
            ["evaluate", "--organisms", "birds", "--methods", "echo", "--calibrate", "noise:x"],
            "--calibrate 'noise:x': 'x' is no count. Try: NULL:19",
        ),
        (
            ["evaluate", "--organisms", "birds", "--methods", "echo", "--calibrate", "ships"],
            "'ships' cannot be a calibration null: its truth class",
        ),
        (
            ["evaluate", "--organisms", "birds", "--methods", "echo", "--controls", "empty,full"],
            "--controls: Input should be 'no-evidence', 'base-only', 'evidence-swap', 'random' or "
            "'ceiling'",
        ),
    ],
)
def test_a_mistake_on_the_command_line(cli, stranger, args, words):
    said = cli(*args)
    assert said.code == 2
    assert words in said.error
    assert stranger.lines() == []


def test_an_option_in_a_file_is_refused_with_its_line(cli, stranger):
    Path("options.yaml").write_text("word: a\nstep: 3\n")
    said = cli(*RUN, "--config", "options.yaml")
    assert said.code == 2
    assert "options.yaml:2: step: There is no option" in said.error
    Path("options.yaml").write_text("word: a\nsteps: 3\n")
    said = cli(*RUN, "--config", "options.yaml", "--set", "steps=0")
    assert "options.yaml" not in said.error
    assert cli(*RUN, "--config", "options.yaml").code == 0
    assert len(stranger.lines("step")) == 3


def test_a_method_that_raises_is_one_line_and_its_traceback_is_kept(cli, stranger):
    said = cli("run", "raises", "--organism", "birds")
    assert said.code == 1
    assert "The method 'raises' failed: ArithmeticError: no good. Its traceback is" in said.error
    (failure,) = Path("diffkit-runs/work").glob("*/failure.json")
    assert str(failure) in said.error
    assert "in run\n    raise ArithmeticError" in json.loads(failure.read_text())["traceback"]
    listed = cli("runs", "list")
    named = f"{failure.parent.name[:12]}: raises, birds on mini: failed: ArithmeticError: no good"
    assert named in listed.out
    assert "to try again: diffkit run raises --organism birds" in listed.out
    assert cli("runs", "rm", failure.parent.name[:12]).code == 0
    assert not list(Path("diffkit-runs/work").iterdir())


def test_debug_shows_the_traceback_and_keeps_the_code(cli):
    for args, code in ((["run", "raises"], 1), (["run", "ecko"], 2)):
        said = cli("--debug", *args, "--organism", "birds")
        assert said.code == code
        assert "Traceback (most recent call last)" in said.err
        assert said.err.splitlines()[-1].startswith("error: ")
    assert cli("run", "ecko", "--organism", "birds", "--debug").err.startswith("Traceback")


def test_a_newer_store_is_left_alone(cli, stranger):
    Path("store").mkdir()
    Path("store/store.json").write_text('{"format": 2}')
    for args in (RUN, ("runs", "list"), ("leaderboard",)):
        said = cli(*args, "--store", "store")
        assert said.code == 1
        assert "has format 2; this diffkit reads 1. Upgrade diffkit" in said.error
    assert [path.name for path in Path("store").iterdir()] == ["store.json"]


def test_a_damaged_manifest_is_told_and_the_others_are_listed(cli, stranger):
    for seed in (0, 1):
        cli(*RUN, "--seed", seed)
    damaged = next(Path("diffkit-runs/runs").iterdir())
    (damaged / "manifest.json").write_text("{")
    said = cli("runs", "list", "--json")
    assert len(said.json()) == 1
    assert f"warning: The run {damaged.name[:12]} has no readable manifest.json." in said.err
    said = cli("runs", "show", damaged.name[:12])
    assert (said.code, "no readable manifest" in said.error) == (1, True)
    seed = 1 - said_seed(cli)
    said = cli(*RUN, "--seed", seed)
    assert (said.code, "Compute it anew with --fresh" in said.error) == (1, True)
    assert cli(*RUN, "--seed", seed, "--fresh").code == 0
    assert cli("runs", "list").err == ""


def said_seed(cli):
    return cli("runs", "list", "--json").json()[0]["identity"]["seed"]


def test_damaged_evaluations_attempts_and_grades(cli, stranger):
    pair = ("--organisms", "birds", "--methods", "echo")
    evaluate = ("evaluate", *pair, "--controls", "none")
    assert cli(*evaluate).code == 0
    for kind in ("attempts", "grades"):
        (path,) = Path("diffkit-runs", kind).glob("*/*.json")
        whole = path.read_text()
        path.write_text(whole[:20])
        said = cli("leaderboard")
        assert said.code == 1
        assert f"{path} is missing or damaged. Remove {path.parent}" in said.error
        path.write_text(whole)
    Path("diffkit-runs/evaluations/evaluation.json").write_text("{")
    said = cli("leaderboard")
    assert said.code == 1
    assert "evaluation.json is damaged. Run `diffkit evaluate` again" in said.error
    assert cli(*evaluate).code == 0
    assert cli("leaderboard").code == 0
    assert len(stranger.lines("end")) == 1


def test_a_store_below_a_file_or_that_is_one(cli, stranger):
    Path("file").write_text("")
    said = cli(*RUN, "--store", "file/store")
    assert (said.code, "The store file/store lies below a file." in said.error) == (1, True)
    said = cli(*RUN, "--store", "file")
    assert (said.code, "The store file is not a folder." in said.error) == (1, True)
    assert stranger.lines() == []


def test_a_full_disk_in_words():
    """The kernel's own error, without a disk to fill."""
    with pytest.raises(StoreUnwritable, match=r"has no space left.*Finished runs are safe"):
        fill(Path("/dev/full"))


def fill(path):
    with explain_write_errors(path), path.open("w") as file:
        file.write("x")


@pytest.fixture
def small_disk(tmp_path):
    """A filesystem of one mebibyte, mounted at the store."""
    place = tmp_path / "store"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(place)]
    if shutil.which("mount") is None or _fails(mount):
        pytest.skip("mounting a small tmpfs needs root; /dev/full stands in for it above")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def _fails(command):
    return subprocess.run(command, capture_output=True, check=False).returncode != 0


def test_a_full_disk_loses_nothing_and_the_same_command_goes_on(cli, small_disk, stranger):
    assert cli(*RUN, "--store", "store").code == 0
    filler = small_disk / "filler"
    with pytest.raises(OSError, match=r"No space left"):
        filler.write_bytes(bytes(2**21))
    for room in range(6):  # one page more each time: the disk is full at another step
        with filler.open("r+b") as file:
            file.truncate(filler.stat().st_size - 4096 * min(room, 1))
        args = ("--methods", "echo", "--seeds", "0,1,2", "--store", "store")
        said = cli("evaluate", "--organisms", "birds", *args)
        if said.code == 0:
            break
        assert said.code == 1
        assert "The store store has no space left. Free some" in said.error
        assert len(cli("runs", "list", "--json", "--store", "store").json()) >= 1
    assert room >= 2
    filler.unlink()
    assert cli("evaluate", "--organisms", "birds", *args).code == 0
    assert len(cli("runs", "list", "--json", "--store", "store").json()) == 3
    assert not list((small_disk / "work").iterdir())


def test_a_read_only_store_can_be_read_and_not_written(cli, small_disk, stranger):
    evaluate = ("evaluate", "--organisms", "birds", "--methods", "echo", "--store", "store")
    assert cli(*evaluate).code == 0
    remount = ["mount", "-o", "remount,ro", str(small_disk)]
    subprocess.run(remount, check=True)
    (run,) = cli("runs", "list", "--json", "--store", "store").json()
    reading = (
        ["runs", "list"],
        ["runs", "show", run["digest"][:12]],
        ["leaderboard"],
        ["report", run["digest"][:12]],
        ["report", "--leaderboard"],
        list(RUN),
    )
    for args in reading:
        said = cli(*args, "--store", "store")
        assert said.code == 0, said.err
    for args in ([*RUN, "--seed", "5"], evaluate, ["runs", "rm", run["digest"][:12]]):
        said = cli(*args, "--store", "store")
        assert said.code == 1
        assert "The store store is read-only. Choose another: --store DIR." in said.error
    assert len(stranger.lines("end")) == 1


def test_a_report_that_cannot_be_written(cli):
    cli(*RUN)
    run = cli("runs", "list", "--json").json()[0]["digest"]
    said = cli("report", run, "--out", "nowhere/x.html")
    assert said.code == 2
    assert "nowhere/x.html cannot be written (No such file or directory). Choose" in said.error


def test_two_organisms_of_one_name(cli, own):
    path = own / "organisms" / "again.yaml"
    answer = "answer_key: {statement: Other.}"
    words = {"name": "birds", "truth": "targeted", "finetuned": "{kind: identical}"}
    path.write_text(ORGANISM.format(**words, answer=answer))
    (own / "bases" / "more.yaml").write_text(BASE.replace("mini", "midi"))
    said = cli("organisms", "list")
    assert said.code == 0
    assert "again.yaml" in said.err
    assert "birds.yaml both define 'birds'; neither is used" in said.err
    assert "ships" in said.out
    assert cli(*RUN).code == 2
