"""Traps: a file that tells whether it was read, a server that counts who knocked."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


class Watched:
    """A file that must stay unread: its time of access is set back, and looked at again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._set_back()
        path.read_bytes()
        if not self.was_read():
            pytest.skip("this file system keeps no times of access")
        self._set_back()

    def _set_back(self) -> None:
        # older than the content: file systems with relatime note the next reading
        os.utime(self.path, (1_000_000_000, 1_600_000_000))

    def was_read(self) -> bool:
        return self.path.stat().st_atime != 1_000_000_000


class Listener:
    """A port of this machine that answers nobody and counts the connections."""

    def __init__(self) -> None:
        self.knocks = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.knocks += 1
            connection.close()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def watch() -> Callable[[Path], Watched]:
    """Return what makes a file a trap."""
    return Watched


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Return a counting port."""
    made = Listener()
    yield made
    made.close()
