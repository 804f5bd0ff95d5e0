"""FIX messages, laid out by hand."""

from __future__ import annotations

SOH = b"\x01"


def fix(fields: str, version: str = "FIX.4.4") -> bytes:
    """Lay out a message: `35=0|34=7`, without what frames it; `|` stands for the separator, so for no other thing."""
    body = fields.encode().replace(b"|", SOH) + SOH
    return framed(body, version)


def framed(body: bytes, version: str = "FIX.4.4") -> bytes:
    """Put version, length and checksum around a body that ends with a separator."""
    text = f"8={version}|9={len(body)}|".encode().replace(b"|", SOH) + body
    return text + b"10=%03d\x01" % (sum(text) % 256)
