"""Images by http(s) address: fetched whole into a private file, never left to GDAL.

GDAL has no deadline of its own, follows redirects wherever they lead, and looks for neighbours on
the server. Here each step is ours: the address and every redirect are resolved first and refused
where they lead into a private network, the connection goes to the very address that was checked,
nothing may take for ever, and a file counts only with all of its bytes.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import os
import shutil
import ssl
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from changedet.core.errors import ChangedetError, EnvironmentFault, InputError
from changedet.io.connection import HEAD_S, Plain, Secure, Watch, resolve
from changedet.io.formats import shown

WINDOW_S, WINDOW_BYTES = 60.0, 60_000
"""A server that sends less than this in such a time is given up: 1 kB/s."""
MAX_REDIRECTS = 5
MAX_BYTES = 64 * 2**30
"""No image that fits the limits of the program is larger."""
RESERVE = 256 * 2**20
"""Bytes of the disk that a download leaves free."""
_CHUNK = 2**18
_REDIRECTS = {301, 302, 303, 307, 308}
_ADVICE = {
    401: "it asks for a user and a password",
    403: "access is denied",
    404: "there is no such file",
    410: "the file is gone",
    429: "too many requests",
}

Tell = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Download(os.PathLike[str]):
    """A file that was fetched: opened by its path, named by its address.

    Parameters
    ----------
    path : Path
        Where it lies.
    address : str
        Where it came from, without secrets.
    """

    path: Path
    address: str

    def __fspath__(self) -> str:
        """Return where it lies."""
        return str(self.path)

    def __str__(self) -> str:
        """Return where it came from."""
        return self.address


def is_address(path: str | os.PathLike[str]) -> bool:
    """Say whether this is an address and not a file of this machine.

    Examples
    --------
    >>> is_address("https://example.org/before.tif"), is_address("before.tif")
    (True, False)
    """
    return "://" in str(path)


@contextmanager
def fetched(
    paths: tuple[str | os.PathLike[str], ...],
    *,
    place: Path | None = None,
    allow_hosts: tuple[str, ...] = (),
    tell: Tell = lambda _: None,
) -> Iterator[tuple[str | os.PathLike[str], ...]]:
    """Yield paths with each http(s) address replaced by what was fetched from it.

    Parameters
    ----------
    paths : tuple of path-like
        Paths of files are yielded as they are.
    place : Path, optional
        Folder on the disk that is to take the files; else that for temporary files. They are
        removed when the block ends, however it ends.
    allow_hosts : tuple of str
        Hosts that may lie in a private network.
    tell : callable
        Takes the fraction that is done.

    Raises
    ------
    InputError
        Where an address cannot be used, or leads into a private network.
    EnvironmentFault
        Where the server does not give the file.
    """
    if not any(is_address(path) for path in paths):
        yield paths
        return
    folder = Path(tempfile.mkdtemp(prefix="new-", dir=place))
    try:
        found: list[str | os.PathLike[str]] = []
        for number, path in enumerate(paths):
            share = number / len(paths)
            tell(share)
            if not is_address(path):
                found.append(path)
                continue

            def tell_part(fraction: float, share: float = share) -> None:
                tell(share + fraction / len(paths))

            target = folder / f"image-{number}"
            address = fetch(str(path), target, allow_hosts=allow_hosts, tell=tell_part)
            found.append(Download(target, address))
        tell(1.0)
        yield tuple(found)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def fetch(
    address: str,
    target: Path,
    *,
    allow_hosts: tuple[str, ...] = (),
    tell: Tell = lambda _: None,
) -> str:
    """Fetch one file, whole; return its address without secrets.

    Parameters
    ----------
    address : str
        ``http://`` or ``https://``; a user and password in it are sent to this host alone.
    target : Path
        File to write, new.
    allow_hosts, tell :
        As in :func:`fetched`.
    """
    name = shown(address)
    url = _read(address, name)
    first = url
    for _ in range(MAX_REDIRECTS + 1):
        secret, typed = _same_origin(url, first), url is first
        with _answer(url, name, allow_hosts, secret=secret, typed=typed) as (answer, watch):
            if answer.status not in _REDIRECTS:
                _receive(answer, watch, name, target, tell)
                return name
            url = _redirected(url, answer.getheader("Location"), name)
    raise EnvironmentFault(f"{name}: redirects without end ({MAX_REDIRECTS} followed); check it")


def _read(address: str, name: str) -> SplitResult:
    """Take an address apart."""
    try:
        url = urlsplit(address)
        host, _ = url.hostname, url.port
    except ValueError:
        raise InputError(f"{name}: not an address; check it") from None
    if url.scheme.lower() not in ("http", "https"):
        raise InputError(f"{name}: only http:// and https:// addresses are read; fetch it yourself")
    if not host or any(ord(c) < 33 or ord(c) == 127 for c in address):
        raise InputError(f"{name}: not an address; check it")
    return url


def _redirected(url: SplitResult, to: str | None, name: str) -> SplitResult:
    if not to:
        raise EnvironmentFault(f"{name}: a redirect to nowhere; check the address")
    try:
        found = _read(urljoin(url.geturl(), to), shown(to)[:200])
    except InputError as fault:
        raise EnvironmentFault(f"{name}: redirected to {fault}") from None
    if url.scheme == "https" and found.scheme != "https":
        raise EnvironmentFault(f"{name}: redirected from https to http; give an https address")
    return found


def _same_origin(one: SplitResult, other: SplitResult) -> bool:
    return (one.scheme, one.hostname, one.port) == (other.scheme, other.hostname, other.port)


@contextmanager
def _answer(
    url: SplitResult, name: str, allow_hosts: tuple[str, ...], *, secret: bool, typed: bool
) -> Iterator[tuple[http.client.HTTPResponse, Watch]]:
    """Ask for a file and yield the answer, its head read; all errors become ours."""
    host = str(url.hostname)
    port = url.port or (443 if url.scheme == "https" else 80)
    until = time.monotonic() + HEAD_S
    watch: Watch | None = None
    with contextlib.ExitStack() as open_:
        try:
            where = resolve(host, port, name, allow_hosts, typed=typed)
            kind = Secure if url.scheme == "https" else Plain
            connection = kind(host, port, where)
            open_.callback(connection.close)
            watch = open_.enter_context(Watch(connection, until))
            connection.connect()
            connection.request("GET", _target(url), headers=_headers(url, secret=secret))
            answer = connection.getresponse()
            open_.callback(answer.close)
            yield answer, watch
        except ChangedetError:
            raise
        except TimeoutError:
            raise EnvironmentFault(
                f"{name}: the server does not answer in time; {_LATER}"
            ) from None
        except ssl.SSLError as fault:
            reason = getattr(fault, "verify_message", "") or fault.reason or "TLS"
            raise EnvironmentFault(
                f"{name}: no safe connection to {shown(host)} ({shown(str(reason))}); check it"
            ) from None
        except (OSError, http.client.HTTPException) as fault:
            late = watch is not None and watch.late
            fact = "the server does not answer in time" if late else _lost(fault)
            raise EnvironmentFault(f"{name}: {fact}; {_LATER}") from None


_LATER = "try again later, or fetch the file yourself"


def _lost(fault: Exception) -> str:
    if isinstance(fault, ConnectionRefusedError):
        return "the server refuses the connection"
    if isinstance(fault, http.client.IncompleteRead):
        return "the connection was lost on the way"
    if isinstance(fault, http.client.HTTPException):
        return f"the server does not speak HTTP as it should ({type(fault).__name__})"
    return f"the connection was lost ({shown(str(fault))[:100] or type(fault).__name__})"


_SAFE = "/%:@!$&'()*+,;=~-._"


def _target(url: SplitResult) -> str:
    path = quote(url.path or "/", safe=_SAFE)
    return f"{path}?{quote(url.query, safe=_SAFE + '?')}" if url.query else path


def _headers(url: SplitResult, *, secret: bool) -> dict[str, str]:
    headers = {
        "User-Agent": "changedet",
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Connection": "close",
    }
    if secret and url.username is not None:
        pair = f"{unquote(url.username)}:{unquote(url.password or '')}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    return headers


def _receive(
    answer: http.client.HTTPResponse, watch: Watch, name: str, target: Path, tell: Tell
) -> None:
    """Write the body of an answer into a file, all of it or an error."""
    if answer.status != 200:
        fact = _ADVICE.get(answer.status, "it does not give the file")
        raise EnvironmentFault(f"{name}: the server answers {answer.status}: {fact}; check it")
    if (answer.getheader("Content-Encoding") or "identity").lower() != "identity":
        raise EnvironmentFault(f"{name}: sent packed, though it was not asked for; {_LATER}")
    wanted = _length(answer, name)
    room = min(MAX_BYTES, shutil.disk_usage(target.parent).free - RESERVE)
    if wanted is not None and wanted > room:
        raise EnvironmentFault(_too_large(name, f"{wanted:,} bytes", room))
    got = 0
    try:
        with target.open("xb") as file:
            for chunk in _chunks(answer, watch):
                got += len(chunk)
                if got > room:
                    raise EnvironmentFault(_too_large(name, "more", room))
                file.write(chunk)
                if wanted:
                    tell(got / wanted)
    except TimeoutError:
        of = "" if wanted is None else f" of {wanted:,}"
        fact = f"the server stalls (after {got:,}{of} bytes)"
        raise EnvironmentFault(f"{name}: {fact}; {_LATER}") from None
    if wanted is not None and got != wanted:
        raise EnvironmentFault(
            f"{name}: ends too early ({got:,} of {wanted:,} bytes came); {_LATER}"
        )


def _chunks(answer: http.client.HTTPResponse, watch: Watch) -> Iterator[bytes]:
    """Yield a body as it comes; TimeoutError where too little comes in too long a time."""
    since, few = time.monotonic(), 0
    watch.extend(WINDOW_S)
    while chunk := answer.read1(_CHUNK):
        yield chunk
        few += len(chunk)
        if few >= WINDOW_BYTES:
            watch.extend(WINDOW_S)
            since, few = time.monotonic(), 0
        elif time.monotonic() - since > WINDOW_S:
            raise TimeoutError
    if watch.late:
        raise TimeoutError


def _length(answer: http.client.HTTPResponse, name: str) -> int | None:
    """Return how long the body is said to be; None where it comes in chunks or until the end."""
    text = answer.getheader("Content-Length")
    if text is None:
        return None
    if not text.strip().isdecimal() or len(text) > 30:
        raise EnvironmentFault(f"{name}: the server does not say how long the file is; {_LATER}")
    return int(text)


def _too_large(name: str, size: str, room: int) -> str:
    return (
        f"{name}: {size} will not fit ({max(room, 0):,} bytes are free for it); "
        "free some space, or check the address"
    )
