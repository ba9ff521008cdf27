"""Pairs by http(s) address: compared as files are, with no secret in any of what is left."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import rasterio

import changedet as cd
from changedet import api
from changedet.core.errors import EnvironmentFault
from tests.serving import HOST, Server, served

KEY = "s3cr3t"


@pytest.fixture
def server() -> Iterator[Server]:
    with served() as server:
        yield server


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "noise.tif"
    place = rasterio.Affine(0.5, 0, 600_000, 0, -0.5, 5_400_000)
    values = np.random.default_rng(5).integers(1, 255, (96, 96)).astype(np.uint8)
    with rasterio.open(path, "w", driver="GTiff", count=1, dtype="uint8", crs="EPSG:32637",
                       transform=place, width=96, height=96) as file:  # fmt: skip
        file.write(values, 1)
    return path


def with_secrets(address: str) -> str:
    return address.replace("//", f"//ann:{KEY}@") + f"/before.tif?key={KEY}"


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_pair_by_address(server: Server, image: Path, tmp_path: Path) -> None:
    server.body = image.read_bytes()
    out, stages = tmp_path / "out", []
    result = cd.run(
        with_secrets(server.address), image, output=out, allow_host=HOST,
        progress=lambda stage, _: stages.append(stage),
    )  # fmt: skip
    assert stages[0] == "fetch"
    inputs = result.record.inputs
    assert inputs.before.path == server.address.replace("//", "//***@") + "/before.tif?***"
    assert inputs.before.sha256 == inputs.after.sha256
    assert result.record.title == "before.tif / noise.tif"
    assert KEY.encode() not in everything_in(out)
    assert not (out / ".work").exists()
    plan = api.describe(f"{server.address}/a.tif", image, options=cd.RunOptions(allow_host=HOST))
    assert plan["before"]["width"] == 96


def test_a_server_that_gives_nothing_leaves_nothing(server: Server, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(EnvironmentFault, match="404"):
        cd.run(f"{server.address}/404", "a.tif", output=out, allow_host=HOST)
    assert not out.exists()


def test_towns_by_address(server: Server, image: Path, tmp_path: Path) -> None:
    """Without a query an address is taken to hold what it held; with one it is asked again."""
    server.body = image.read_bytes()
    signed = with_secrets(server.address)
    (tmp_path / "towns.toml").write_text(
        "[defaults]\nallow_host = ['127.0.0.1']\n"
        f"[[town]]\nname = 'Plain'\nafter = 'noise.tif'\nbefore = '{server.address}/b.tif'\n"
        f"[[town]]\nname = 'Signed'\nafter = 'noise.tif'\nbefore = '{signed}'\n"
        f"[[town]]\nname = 'Gone'\nafter = 'noise.tif'\nbefore = '{server.address}/404?key={KEY}'\n"
    )
    out = tmp_path / "out"
    with ThreadPoolExecutor(1) as executor:
        first = cd.run_batch(tmp_path / "towns.toml", out, executor=executor)
        again = cd.run_batch(tmp_path / "towns.toml", out, executor=executor)
    assert [town.skipped for town in first.towns] == [False, False, False]
    assert [town.skipped for town in again.towns] == [True, False, False]
    assert [town.status for town in first.towns][2] == "failed"
    assert "404?***: the server answers 404" in first.towns[2].reason
    assert KEY.encode() not in everything_in(out)
    listed = json.loads((out / "index.json").read_text("utf-8"))
    assert listed["towns"][2]["exit_code"] == 5
