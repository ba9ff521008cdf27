"""Secrets that an address may carry, kept out of what is printed and recorded."""

from __future__ import annotations

import re

_USER = re.compile(r"(?P<scheme>\b[A-Za-z][A-Za-z0-9+.-]+:/{1,2})[^/@\s'\"]+@")
_QUERY = re.compile(r"(?P<rest>\bhttps?:/{1,2}[^\s?#'\"]*)[?#][^\s'\"]*", re.IGNORECASE)


def without_secrets(text: str) -> str:
    """Return ``text`` with what may be secret in each address of it replaced by ``***``.

    That is user and password, and all behind the path of an http(s) address: signed addresses
    carry their key there.

    Examples
    --------
    >>> without_secrets("changedet run b.tif a.tif --scheduler tls://ann:secret@10.0.0.7:8786")
    'changedet run b.tif a.tif --scheduler tls://***@10.0.0.7:8786'
    >>> without_secrets("https://example.org/a.tif?X-Signature=12ab&X-Date=today")
    'https://example.org/a.tif?***'
    """
    return _QUERY.sub(r"\g<rest>?***", _USER.sub(r"\g<scheme>***@", text))
