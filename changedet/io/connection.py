"""Connections to servers: looked up once, checked, and ended when they take too long."""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from typing import Any

from changedet.core.errors import EnvironmentFault, InputError
from changedet.io.formats import shown

HEAD_S = 30.0
"""Seconds from looking up a name to the end of the answer's head."""
IDLE_S = 30.0
"""Seconds without a byte after which a server is given up."""


def resolve(
    host: str, port: int, name: str, allow_hosts: tuple[str, ...], *, typed: bool
) -> tuple[Any, ...]:
    """Look a host up; return the first of its addresses, all of which were checked."""
    found: list[Any] = []

    def look_up() -> None:
        with contextlib.suppress(OSError, UnicodeError):
            found.extend(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))

    # The resolver of the system has no deadline either.
    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(HEAD_S / 2)
    if not found:
        raise EnvironmentFault(f"{name}: no host {shown(host)} is found; check the address")
    if host.lower().rstrip(".") not in {allowed.lower().rstrip(".") for allowed in allow_hosts}:
        for *_, place in found:
            if not is_public(str(place[0])):
                # where the user's own address leads is the user's; where a server leads is not
                kind = InputError if typed else EnvironmentFault
                raise kind(
                    f"{name}: a private host ({shown(host)}) is not asked; where it is meant, "
                    f"allow it with --allow-host {shown(host)}"
                )
    return tuple(found[0])


def is_public(address: str) -> bool:
    """Say whether an IP address is one of the open internet.

    Addresses that hold another one (IPv4 in IPv6, 6to4, NAT64, Teredo) are judged by that one, too.

    Examples
    --------
    >>> [is_public(a) for a in ("8.8.8.8", "10.0.0.7", "169.254.169.254", "::ffff:127.0.0.1")]
    [True, False, False, False]
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if ip in _NAT64:
        return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
    if not ip.is_global or ip.is_multicast or ip.is_reserved or ip.is_unspecified:
        return False
    if isinstance(ip, ipaddress.IPv4Address):
        return True
    inner = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
    return all(part is None or is_public(str(part)) for part in inner)


_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Plain(http.client.HTTPConnection):
    """A connection to an address that was looked up and checked before."""

    def __init__(self, host: str, port: int, where: tuple[Any, ...]) -> None:
        super().__init__(host, port, timeout=HEAD_S / 2)
        self._where = where
        self.wire: socket.socket | None = None
        """The socket; ``sock`` is taken away once the head of an answer is read."""

    def connect(self) -> None:
        """Connect to the checked address; the name is not looked up again."""
        family, kind, protocol, _, place = self._where
        self.sock = self.wire = socket.socket(family, kind, protocol)
        self.sock.settimeout(self.timeout)
        self.sock.connect(place)


class Secure(Plain):
    """The same over TLS, with the certificate checked against the host's name."""

    def connect(self) -> None:
        """Connect, then agree on TLS."""
        super().connect()
        context = ssl.create_default_context()
        # The handshake comes after: the watch must know the new socket while it is under way.
        self.sock = self.wire = context.wrap_socket(
            self.sock, server_hostname=self.host, do_handshake_on_connect=False
        )
        self.sock.do_handshake()


class Watch:
    """Ends a connection that takes too long: a time-out of a socket counts from the last byte."""

    def __init__(self, connection: Plain, until: float) -> None:
        self._connection, self._until, self.late = connection, until, False
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True, name="changedet-fetch")

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join(5)

    def extend(self, seconds: float) -> None:
        """Give the connection so many more seconds from now, at most."""
        self._until = time.monotonic() + seconds
        if self._connection.wire is not None:
            self._connection.wire.settimeout(IDLE_S)

    def _look(self) -> None:
        while not self._done.wait(0.2):
            if time.monotonic() > self._until:
                self.late = True
                wire = self._connection.wire
                if wire is not None:
                    with contextlib.suppress(OSError):
                        # That of TLS would take its state from under the reading thread.
                        socket.socket.shutdown(wire, socket.SHUT_RDWR)
                return
