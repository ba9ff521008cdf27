"""Secrets that an address may carry, kept out of what is printed and recorded."""

from __future__ import annotations

import re

_SECRET = re.compile(r"(?P<scheme>\b[A-Za-z][A-Za-z0-9+.-]*://)[^/@\s]+@")


def without_secrets(text: str) -> str:
    """Return ``text`` with the user and password of each address in it replaced by ``***``.

    Examples
    --------
    >>> without_secrets("changedet run b.tif a.tif --scheduler tls://ann:secret@10.0.0.7:8786")
    'changedet run b.tif a.tif --scheduler tls://***@10.0.0.7:8786'
    """
    return _SECRET.sub(r"\g<scheme>***@", text)
