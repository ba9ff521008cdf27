"""Images by address: a server that misbehaves in every way, and what is said of it."""

from __future__ import annotations

import base64
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from changedet.core.errors import ChangedetError, EnvironmentFault, InputError
from changedet.core.redaction import without_secrets
from changedet.io import connection, remote
from changedet.io.connection import is_public
from changedet.io.raster import inspect_raster
from changedet.io.remote import fetch, fetched
from tests.serving import BODY, HOST, Server, served


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with served() as server:
        yield server


@pytest.fixture
def server(running: Server) -> Server:
    running.asked.clear()
    running.body = BODY
    return running


def test_a_file_comes_whole_and_is_named_by_its_address(server: Server, tmp_path: Path) -> None:
    done: list[float] = []
    with fetched(
        (f"{server.address}/image?key=secret", "local.tif"),
        place=tmp_path, allow_hosts=HOST, tell=done.append,
    ) as (first, second):  # fmt: skip
        assert str(first) == f"{server.address}/image?***"
        assert Path(first).read_bytes() == BODY
        assert second == "local.tif"
    assert list(tmp_path.iterdir()) == []
    assert done == sorted(done)
    assert done[-1] == 1.0


def test_nothing_is_asked_and_no_folder_made_for_files(tmp_path: Path) -> None:
    with fetched(("a.tif", Path("b.tif")), place=tmp_path) as paths:
        assert paths == ("a.tif", Path("b.tif"))
        assert list(tmp_path.iterdir()) == []


def test_what_was_fetched_goes_with_an_error(server: Server, tmp_path: Path) -> None:
    def use() -> None:
        with fetched((f"{server.address}/image",), place=tmp_path, allow_hosts=HOST):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        use()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("404", "answers 404: there is no such file"),
        ("403", "answers 403: access is denied"),
        ("500", "answers 500"),
        ("loop", "redirects without end"),
        ("to-file", "only http:// and https://"),
        ("short", r"ends too early \(102,400 of 204,800 bytes came\)"),
        ("huge", "will not fit"),
        ("lies", "does not say how long"),
        ("packed", "sent packed"),
        ("broken-chunks", "lost on the way"),
        ("no-http", "does not speak HTTP"),
    ],
)
def test_what_a_server_does_wrong_is_said(
    server: Server, tmp_path: Path, path: str, words: str
) -> None:
    with pytest.raises(EnvironmentFault, match=words) as told:
        fetch(f"{server.address}/{path}", tmp_path / "image", allow_hosts=HOST)
    assert told.value.exit_code == 5
    assert "\n" not in str(told.value)
    assert server.address in str(told.value)


@pytest.mark.parametrize("path", ["silent", "slow-head", "stall", "drip"])
def test_a_server_that_takes_too_long_is_given_up(
    server: Server, tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert connection.HEAD_S + remote.WINDOW_S <= 90
    assert connection.HEAD_S + connection.IDLE_S <= 90
    for place, name in (
        (connection, "HEAD_S"), (remote, "HEAD_S"), (connection, "IDLE_S"), (remote, "WINDOW_S"),
    ):  # fmt: skip
        monkeypatch.setattr(place, name, 1.0)
    began = time.monotonic()
    with pytest.raises(EnvironmentFault, match=r"in time|stalls"):
        fetch(f"{server.address}/{path}", tmp_path / "image", allow_hosts=HOST)
    assert time.monotonic() - began < 15


def test_a_body_without_end_stops_at_the_room_there_is(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "MAX_BYTES", 1_000_000)
    with pytest.raises(EnvironmentFault, match=r"more will not fit \(1,000,000 bytes"):
        fetch(f"{server.address}/endless", tmp_path / "image", allow_hosts=HOST)
    assert (tmp_path / "image").stat().st_size <= 1_000_000


def test_redirects_are_followed_and_secrets_stay_with_their_host(
    server: Server, tmp_path: Path
) -> None:
    address = server.address.replace("//", "//ann:p%40ss@")
    name = fetch(f"{address}/moved", tmp_path / "image", allow_hosts=HOST)
    assert name == f"{server.address.replace('//', '//***@')}/moved"
    assert (tmp_path / "image").read_bytes() == BODY
    known = "Basic " + base64.b64encode(b"ann:p@ss").decode()
    assert server.asked == [("/moved", known), ("/image", known)]
    server.asked.clear()
    fetch(f"{address}/to-private", tmp_path / "other", allow_hosts=(*HOST, "localhost"))
    assert server.asked == [("/to-private", known), ("/image", None)]


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "[::1]",
     "[::ffff:127.0.0.1]", "0.0.0.0", "LOCALHOST."],  # noqa: S104
)  # fmt: skip
def test_private_hosts_are_not_asked_in_any_spelling(
    server: Server, tmp_path: Path, host: str
) -> None:
    address = f"http://{host}:{server.http.server_port}/image"
    with pytest.raises(ChangedetError, match=r"private host .*--allow-host|no host") as told:
        fetch(address, tmp_path / "image")
    assert told.value.exit_code == (3 if "private" in str(told.value) else 5)
    assert server.asked == []


def test_a_redirect_into_a_private_network_is_not_followed(server: Server, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match=r"private host \(localhost\)"):
        fetch(f"{server.address}/to-private", tmp_path / "image", allow_hosts=HOST)
    assert [path for path, _ in server.asked] == ["/to-private"]


def test_a_name_is_looked_up_once(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that leads elsewhere at the second look leads nowhere: there is none."""
    looked = []
    real = socket.getaddrinfo

    def look_up(host: str, *args: Any, **more: Any) -> Any:
        looked.append(host)
        return real("127.0.0.1", *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    port = server.http.server_port
    fetch(f"http://town.example:{port}/image", tmp_path / "image", allow_hosts=("town.example",))
    assert looked == ["town.example"]


@pytest.mark.parametrize(
    "address",
    ["10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "127.8.8.8",
     "0.0.0.0", "224.0.0.1", "255.255.255.255", "::", "::1", "fe80::1%eth0",  # noqa: S104
     "fc00::1",
     "::ffff:10.0.0.1", "2002:7f00:1::", "64:ff9b::a00:1", "ff02::1"],
)  # fmt: skip
def test_addresses_of_private_networks(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700:4700::1111", "64:ff9b::808:808"])
def test_addresses_of_the_open_internet(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("s3://bucket/a.tif", "only http:// and https://"),
        ("file:///etc/passwd", "only http:// and https://"),
        ("ftp://example.org/a.tif", "only http:// and https://"),
        ("http://", "not an address"),
        ("http://[::1/a.tif", "not an address"),
        ("http://example.org/a b.tif", "not an address"),
        ("http://example.org:99999/a.tif", "not an address"),
        ("http://example.org/a\r\nX-Evil: 1", "not an address"),
    ],
)
def test_what_is_no_address_of_an_image(tmp_path: Path, address: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as told:
        fetch(address, tmp_path / "image")
    assert "\n" not in str(told.value)


def test_nobody_listens(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(EnvironmentFault, match="refuses the connection"):
        fetch(f"http://127.0.0.1:{port}/a.tif", tmp_path / "image", allow_hosts=HOST)
    with pytest.raises(EnvironmentFault, match="no host"):
        fetch("http://no.such.host.invalid/a.tif", tmp_path / "image")


def test_a_server_without_a_certificate_is_not_believed(server: Server, tmp_path: Path) -> None:
    address = server.address.replace("http:", "https:")
    with pytest.raises(EnvironmentFault, match="no safe connection"):
        fetch(f"{address}/image", tmp_path / "image", allow_hosts=HOST)


def test_a_page_in_place_of_an_image_is_told_by_its_address(server: Server, tmp_path: Path) -> None:
    server.body = b"<!DOCTYPE html><title>Log in</title>"
    with (
        fetched((f"{server.address}/a?k=secret",), place=tmp_path, allow_hosts=HOST) as (page,),
        pytest.raises(InputError, match=r"before http://127.0.0.1:\d+/a\?\*\*\*: .* HTML") as told,
    ):
        inspect_raster(page, role="before")
    assert str(tmp_path) not in str(told.value)
    assert "secret" not in str(told.value)


def test_an_image_is_described_as_one_of_this_machine(
    server: Server, tmp_path: Path, save: Callable[..., Path], scene: Callable[..., Any],
    utm: dict[str, Any],
) -> None:  # fmt: skip
    path = save(scene(), **utm)
    server.body = path.read_bytes()
    here = inspect_raster(path, role="before")
    with fetched((f"{server.address}/a.tif",), place=tmp_path, allow_hosts=HOST) as (image,):
        there = inspect_raster(image, role="before")
    assert there.name == f"{server.address}/a.tif"
    assert (there.sha256, there.grid, there.roles) == (here.sha256, here.grid, here.roles)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("https://u:p@h/a.tif", "https://***@h/a.tif"),
        ("https:/u:p@h/a.tif?t=1", "https:/***@h/a.tif?***"),  # as a Path spells it
        ("HTTPS://h/a.tif?sig=x#y 'http://h/b?z'", "HTTPS://h/a.tif?*** 'http://h/b?***'"),
        ("https://h/a@2x.tif", "https://h/a@2x.tif"),
        ("C:/towns/a?b.tif", "C:/towns/a?b.tif"),
    ],
)
def test_secrets_of_addresses(text: str, clean: str) -> None:
    assert without_secrets(text) == clean
