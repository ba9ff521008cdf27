"""``changedet simulate`` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from changedet.cli import main


def test_a_town_is_made_and_its_truth_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "town"
    words = ["simulate", "-o", str(out), "--size", "96x64", "--seed", "4", "--prevalence", "0.3"]
    assert main(words) == 0
    printed = capsys.readouterr()
    assert "built destroyed" in printed.out
    # One line a stage, as with any command, where stderr is not a terminal.
    assert [line.split(",")[0] for line in printed.err.splitlines()] == [
        "changedet: open", "changedet: lay out", "changedet: render",
    ]  # fmt: skip
    truth = json.loads((out / "truth.json").read_text("utf-8"))
    assert (truth["grid"]["width"], truth["grid"]["height"]) == (96, 64)
    assert truth["options"]["events"]["prevalence"] == 0.3
    assert main(words) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert main([*words, "--overwrite", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == truth


def test_a_dry_run_prints_the_scenario_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "town"
    assert main(["simulate", "-o", str(out), "--preset", "hard", "--dry-run", "--json"]) == 0
    scenario = json.loads(capsys.readouterr().out)
    assert scenario["preset"] == "hard"
    assert scenario["after"]["off_nadir"] == 20
    assert not out.exists()


def test_file_environment_and_flags_in_this_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "town.toml"
    config.write_text("seed = 1\nwidth = 80\npreset = 'village'\n[after]\nhaze = 0.4\n")
    monkeypatch.setenv("CHANGEDET_SEED", "2")
    words = ["simulate", "--config", str(config), "--dry-run", "--json"]
    assert main(words) == 0
    scenario = json.loads(capsys.readouterr().out)
    assert (scenario["seed"], scenario["width"], scenario["preset"]) == (2, 80, "village")
    assert scenario["after"]["haze"] == 0.4
    assert scenario["after"]["off_nadir"] == 12  # what the preset says stays
    assert main([*words, "--seed", "3"]) == 0
    assert json.loads(capsys.readouterr().out)["seed"] == 3


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--preset", "moon"], "known: bakhmut"),
        (["--seed", "x"], "seed"),
        (["--size", "10"], "width"),
        (["--size", "axb"], "width"),
        (["--prevalence", "2"], "prevalence"),
        (["--prevalence", "much"], "--prevalence"),
        (["--gsd", "-1"], "gsd"),
        (["--jobs", "0"], "--jobs"),
    ],
)
def test_a_wrong_wish_is_one_line_and_exit_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    out = tmp_path / "town"
    assert main(["simulate", "-o", str(out), *words]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert not out.exists()


def test_without_a_folder_there_is_no_work(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate"]) == 2
    assert "-o FOLDER" in capsys.readouterr().err
