"""Records that are nearly messages: good ones, each with one of the faults that a topic may meet.

Not every fault is fatal: some of the records are still messages, because a rule is best tried on both sides of its
edges. What they are is for `ingest.kafka.record_validity` to say.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from typing import Any, Final

Corrupt = tuple[bytes | None, bytes | None]
"""Key and value."""

Fault = Callable[[random.Random, bytes, bytes], Corrupt]

_INTEGERS: Final = (
    *(0, -1, 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) + 1, -(2**63) - 1),
    *(946_684_800_000_000_000 - 1, 946_684_800_000_000_000, 1_790_000_000, 1_790_000_000_000, 1_790_000_000_000_000),
    *(4_102_444_800_000_000_000 - 1, 4_102_444_800_000_000_000, -1_790_000_000_000_000_000, 10**30),
)
_TEXTS: Final = (
    *("", "x", "x" * 64, "x" * 65, "x" * 128, "x" * 129, "\U0001f600" * 64, "\U0001f600" * 65, "\U0001f600" * 128),
    *("\U0001f600" * 129, "x\x00", "\x00", "x\ny", "\x7f", "\x80", "\x9f", "\xa0", "\u2028", "\ufeff", "\ud800"),
    *("\udfff", "\ude00\ud83d", "x\ud83dx", "NEW", "new", "NEW ", "N\u0415W", "MAYBE", "1", "null", "Börse"),
)
_OTHERS: Final[tuple[Any, ...]] = (None, True, False, 1.0, 0.5, -0.0, 1e300, 1e17, [], [1], {}, {"seq": 1})
_VALUES: Final[tuple[Any, ...]] = (*_INTEGERS, *_TEXTS, *_OTHERS)
_FIELDS: Final = (
    *("connection_id", "recv_ts_ns", "msg_type", "exchange_ts_ns", "seq", "prev_seq", "request_id", "payload_bytes"),
    *("declared_exchange", "further"),
)
_NO_UTF8: Final = (b"\xff", b"\xc0\x80", b"\xc1\xbf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\x80")
_ENCODINGS: Final = ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")
_SNIPPETS: Final = (
    *(b"\x00", b"\x01", b"\x1f", b"\x7f", b"\n", b" ", b"\x0c", b",", b":", b"{", b"}", b"[", b"]", b"\\", b'"', b"'"),
    *(b"NaN", b"-", b"/*x*/", b"\\u0000", b"\\ud800", b"\\x41", b"\\u12", b"\xc2\xa0", b"\xef\xbb\xbf"),
)
_TAILS: Final = (
    *(b" ", b"\n\t\r ", b"\x0c", b"{", b"}", b"[", b"]", b",", b":", b"1", b" 1x", b"-", b"01", b'"', b'"x"', b"{}"),
    *(b"true", b"tru", b"null", b"nul", b"NaN", b"x", b"\x00", b"//", b"\xef\xbb\xbf", b"\xc2\xa0", b"}{", b" []x"),
)
_NO_OBJECTS: Final = (
    *(b"", b" ", b"null", b"true", b"truex", b"tru", b"1", b"-0", b"12x", b"01", b"1 2", b"1e5", b"NaN", b'"x"', b'"'),
    *(b"[]", b"[] []", b"[1", b"[1,]", b"]", b"[]x", b"{}", b"{", b"}", b'{"a"}', b"{,}", b"{'a':1}", b"{a:1}"),
    *(
        b'{"a":1,}',
        b"{}{}",
        b"{}1",
        b"{}x",
        b"no json",
        b"\x00",
        b"\x1f{}",
        b"\t{}",
        b"\xef\xbb\xbf{}",
        b"\xef\xbb\xbf",
    ),
)
_LITERALS: Final = (
    *(b"1.0", b"1e3", b"1E0", b"1e-1", b"01", b"-01", b"+1", b".5", b"1.", b"-", b"-0", b"-0.0", b"0x1", b"1_0", b"1e"),
    *(b"Infinity", b"-Infinity", b"NaN", b"1e999", b"-1e999", b"9" * 19, b"9" * 20, b"9" * 400, b"-" + b"9" * 5_000),
    *(b"tRue", b"nul", b"undefined", b"1 2", b"9223372036854775807", b"9223372036854775808", b"-9223372036854775808"),
)
_DEPTHS: Final = (1, 20, 498, 499, 500, 501, 502, 5_000)
_SIZES: Final = (60_000, 65_535, 65_536, 65_537, 70_000)
_LARGEST: Final = 1_000_001


def corrupt(rng: random.Random, key: bytes, value: bytes) -> Corrupt:
    """Give a message one fault of any kind.

    Parameters
    ----------
    rng : random.Random
        Draws kind and place of the fault.
    key, value : bytes
        The message.
    """
    (fault,) = rng.choices(_KINDS, cum_weights=_CUMULATED)
    return fault(rng, key, value)


def edges(key: bytes, value: bytes) -> Iterator[Corrupt]:
    """Yield what stands at the edges of the rule, one after the other: some hundred records, always the same ones."""
    yield from ((key, odd) for odd in (None, *_NO_OBJECTS, b"[" + value + b"]", json.dumps(value.decode()).encode()))
    yield from ((key, value + tail) for tail in (*_TAILS, value))
    yield from ((key, value[:-2] + odd + value[-2:]) for odd in (*_SNIPPETS, *_NO_UTF8))
    yield from ((key, value.decode().encode(encoding)) for encoding in _ENCODINGS)
    yield from ((other, value) for other in _other_keys(key))
    fields = json.loads(value)
    for name in _FIELDS:
        yield key, json.dumps({other: field for other, field in fields.items() if other != name}).encode()
        yield from ((key, json.dumps(fields | {name: odd}).encode()) for odd in _VALUES)
        yield from ((key, value[:-1] + b',"%s":%s}' % (name.encode(), literal)) for literal in _LITERALS)
    for name in _TEXTS:
        yield name.encode("utf-8", "surrogatepass"), json.dumps(fields | {"connection_id": name}).encode()
    yield from ((key, value[:-1] + b',"further":' + b"[" * n + b"]" * n + b"}") for n in _DEPTHS)
    yield from ((key, value[:1] + b" " * (size - len(value)) + value[1:]) for size in (*_SIZES, _LARGEST))


def _no_value(_rng: random.Random, key: bytes, _value: bytes) -> Corrupt:
    return key, None


def _no_object(rng: random.Random, key: bytes, value: bytes) -> Corrupt:
    return key, rng.choice((*_NO_OBJECTS, b"[" + value + b"]", json.dumps(value.decode()).encode()))


def _noise(rng: random.Random, key: bytes, _value: bytes) -> Corrupt:
    if rng.random() < 0.5:
        return key, rng.randbytes(rng.randrange(80))
    return key, "".join(rng.choices('{}[]",:0-.eE\\tnul ', k=rng.randrange(40))).encode()


def _truncated(rng: random.Random, key: bytes, value: bytes) -> Corrupt:
    return key, value[: rng.randrange(len(value))]


def _changed_bytes(rng: random.Random, key: bytes, value: bytes) -> Corrupt:
    data = bytearray(value)
    for _ in range(rng.randint(1, 3)):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return key, bytes(data)


def _inserted(rng: random.Random, key: bytes, value: bytes) -> Corrupt:
    at = rng.randrange(len(value) + 1)
    return key, value[:at] + rng.choice(_SNIPPETS) + value[at:]


def _not_utf8(rng: random.Random, key: bytes, value: bytes) -> Corrupt:
    at = rng.randrange(len(value) + 1)
    return key, value[:at] + rng.choice(_NO_UTF8) + value[at:]


def _encoded(rng: random.Random, key: bytes, value: bytes) -> Corrupt:
    return key, value.decode().encode(rng.choice(_ENCODINGS))


def _followed(rng: random.Random, key: bytes, value: bytes) -> Corrupt:
    return key, value + rng.choice((*_TAILS, value, b" " + value, b"," + value))


def _literal(rng: random.Random, key: bytes, value: bytes) -> Corrupt:
    return key, _with_member(rng, value, rng.choice(_FIELDS), rng.choice(_LITERALS))


def _twice(rng: random.Random, key: bytes, value: bytes) -> Corrupt:
    return key, _with_member(rng, value, rng.choice(_FIELDS), _dump(rng, rng.choice(_VALUES)))


def _mistyped(rng: random.Random, key: bytes, value: bytes) -> Corrupt:
    return key, _dump(rng, json.loads(value) | {rng.choice(_FIELDS): rng.choice(_VALUES)})


def _missing(rng: random.Random, key: bytes, value: bytes) -> Corrupt:
    left_out = rng.sample(_FIELDS, rng.randint(1, 3))
    return key, _dump(rng, {name: field for name, field in json.loads(value).items() if name not in left_out})


def _renamed(rng: random.Random, _key: bytes, value: bytes) -> Corrupt:
    name = rng.choice(_TEXTS)
    return name.encode("utf-8", "surrogatepass"), _dump(rng, json.loads(value) | {"connection_id": name})


def _other_key(rng: random.Random, key: bytes, value: bytes) -> Corrupt:
    return rng.choice(_other_keys(key)), value


def _other_keys(key: bytes) -> tuple[bytes | None, ...]:
    return (None, b"", key + b"x", key[:-1], key.swapcase(), b"\xff", key + b"\x00", key.decode().encode("utf-16"))


def _nested(rng: random.Random, key: bytes, value: bytes) -> Corrupt:
    opened = rng.choices((b"[", b'{"seq":'), k=rng.choice(_DEPTHS))
    closed = [b"]" if bracket == b"[" else b"}" for bracket in reversed(opened)]
    inside = b"".join([*opened, b"1", *closed[: None if rng.random() < 0.8 else -1]])
    if rng.random() < 0.1:
        inside += rng.choice(_NO_UTF8)
    return key, _with_member(rng, value, "further", inside)


def _oversized(rng: random.Random, key: bytes, value: bytes) -> Corrupt:
    size = _LARGEST if rng.random() < 0.02 else rng.choice(_SIZES)
    padding = b" " * (size - len(value))
    return key, value[:1] + padding + value[1:] if rng.random() < 0.8 else padding + rng.randbytes(len(value))


def _long_key(_rng: random.Random, key: bytes, value: bytes) -> Corrupt:
    return key + b"k" * 10_001, value


def _dump(rng: random.Random, value: object) -> bytes:
    """Write JSON, with characters as they are or escaped; lone surrogates may end as what is not UTF-8."""
    return json.dumps(value, ensure_ascii=rng.random() < 0.7).encode("utf-8", "surrogatepass")


def _with_member(rng: random.Random, value: bytes, name: str, literal: bytes) -> bytes:
    """Put a further member before or behind the others of an object, sometimes with an escape in its name."""
    written = name if rng.random() < 0.7 else f"\\u{ord(name[0]):04x}{name[1:]}"
    member = b'"%s":%s' % (written.encode(), literal)
    return b"{" + member + b"," + value[1:] if rng.random() < 0.5 else value[:-1] + b"," + member + b"}"


FAULTS: Final[dict[str, tuple[Fault, float]]] = {
    "no value": (_no_value, 1),
    "no object": (_no_object, 3),
    "noise": (_noise, 2),
    "truncated": (_truncated, 4),
    "changed bytes": (_changed_bytes, 4),
    "inserted": (_inserted, 4),
    "not UTF-8": (_not_utf8, 3),
    "other encoding": (_encoded, 1),
    "followed by more": (_followed, 4),
    "odd literal": (_literal, 6),
    "name twice": (_twice, 6),
    "mistyped": (_mistyped, 12),
    "missing": (_missing, 4),
    "renamed": (_renamed, 3),
    "other key": (_other_key, 4),
    "nested": (_nested, 1),
    "oversized": (_oversized, 0.05),
    "long key": (_long_key, 0.02),
}
"""Every kind of fault, with how often it is drawn."""

_KINDS: Final = [fault for fault, _ in FAULTS.values()]
_CUMULATED: Final = [sum(weight for _, weight in list(FAULTS.values())[: n + 1]) for n in range(len(FAULTS))]
