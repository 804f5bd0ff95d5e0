"""Bodies of requests as JSON Schema with examples, for the OpenAPI description; `api.requests` is what checks them."""

from __future__ import annotations

from typing import Any, Final

from api.requests import MAX_BODY_BYTES, MAX_MESSAGES, MAX_WINDOWS
from ingest.kafka.record_validity import END_NS, MAX_EXCHANGE_CHARACTERS, MAX_ID_CHARACTERS, START_NS
from udfs.schema import WINDOW_SIZE, MsgType

_INT64: Final = {"type": ["integer", "null"], "minimum": -(2**63) + 1, "maximum": 2**63 - 1}
_TIME: Final = {"type": "integer", "minimum": START_NS, "maximum": END_NS - 1, "description": "ns since the epoch"}
_PRINTABLE: Final = r"^[^\u0000-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]*$"
_ID: Final = {"type": "string", "minLength": 1, "maxLength": MAX_ID_CHARACTERS, "pattern": _PRINTABLE}
_CLAIM: Final = {**_ID, "type": ["string", "null"], "maxLength": MAX_EXCHANGE_CHARACTERS}

MESSAGE: Final[dict[str, Any]] = {
    "type": "object",
    "title": "Message",
    "description": "A message as in the topic (docs/messages.md). Further fields may be there.",
    "required": ["connection_id", "recv_ts_ns", "msg_type"],
    "properties": {
        "connection_id": _ID,
        "recv_ts_ns": _TIME,
        "msg_type": {"enum": [kind.name for kind in MsgType]},
        "exchange_ts_ns": _INT64,
        "seq": _INT64,
        "prev_seq": _INT64,
        "request_id": _INT64,
        "payload_bytes": {"type": ["integer", "null"], "minimum": 0, "maximum": 2**63 - 1},
        "declared_exchange": _CLAIM,
    },
}
FRAME: Final[dict[str, Any]] = {
    "type": "object",
    "title": "Frame",
    "description": "A frame as it was received or sent, and when.",
    "required": ["ts_ns", "dir", "frame"],
    "additionalProperties": False,
    "properties": {"ts_ns": _TIME, "dir": {"enum": ["recv", "send"]}, "frame": {"type": "string"}},
}

_BEGAN_NS: Final = 1_760_000_000_000_000_000
_STEP_NS: Final = 20_000_000


def _example_message(number: int) -> dict[str, Any]:
    return {
        "connection_id": "example-1",
        "recv_ts_ns": _BEGAN_NS + number * _STEP_NS,
        "msg_type": "NEW",
        "exchange_ts_ns": _BEGAN_NS + number * _STEP_NS - 4_000_000,
        "seq": 1000 + number,
        "payload_bytes": 180,
        "declared_exchange": "kraken",
    }


def _example_frame(number: int) -> dict[str, Any]:
    text = f'{{"e":"trade","E":{(_BEGAN_NS + number * _STEP_NS) // 10**6},"t":{1000 + number}}}'
    return {"ts_ns": _BEGAN_NS + number * _STEP_NS, "dir": "recv", "frame": text}


MESSAGES_EXAMPLE: Final = {"messages": [_example_message(number) for number in range(WINDOW_SIZE)]}
FRAMES_EXAMPLE: Final = {
    "connection_id": "example-2",
    "frames": [_example_frame(number) for number in range(WINDOW_SIZE)],
}
WINDOWS_EXAMPLE: Final = {"windows": [MESSAGES_EXAMPLE["messages"]]}

_MESSAGE_REF: Final = {"$ref": "#/components/schemas/Message"}
_FRAME_REF: Final = {"$ref": "#/components/schemas/Frame"}

_SCORE: Final = {
    "oneOf": [
        {
            "type": "object",
            "title": "Messages of one connection, in the order of arrival",
            "required": ["messages"],
            "additionalProperties": False,
            "properties": {
                "messages": {"type": "array", "minItems": 1, "maxItems": MAX_MESSAGES, "items": _MESSAGE_REF}
            },
        },
        {
            "type": "object",
            "title": "Raw frames of one connection, in order",
            "required": ["frames"],
            "additionalProperties": False,
            "properties": {
                "frames": {"type": "array", "minItems": 1, "maxItems": MAX_MESSAGES, "items": _FRAME_REF},
                "connection_id": {**_ID, "type": ["string", "null"]},
                "declared_exchange": _CLAIM,
            },
        },
    ]
}
_WINDOWS: Final = {
    "type": "object",
    "required": ["windows"],
    "additionalProperties": False,
    "properties": {
        "windows": {
            "type": "array",
            "minItems": 1,
            "maxItems": MAX_WINDOWS,
            "items": {"type": "array", "minItems": WINDOW_SIZE, "maxItems": WINDOW_SIZE, "items": _MESSAGE_REF},
        }
    },
}


def _body(schema: dict[str, Any], examples: dict[str, Any]) -> dict[str, Any]:
    return {
        "requestBody": {
            "required": True,
            "description": f"At most {MAX_BODY_BYTES // 2**20} MiB of JSON in UTF-8, not compressed.",
            "content": {
                "application/json": {
                    "schema": schema,
                    "examples": {name: {"value": value} for name, value in examples.items()},
                }
            },
        }
    }


SCORE_BODY: Final = _body(_SCORE, {"messages": MESSAGES_EXAMPLE, "frames": FRAMES_EXAMPLE})
WINDOWS_BODY: Final = _body(_WINDOWS, {"one": WINDOWS_EXAMPLE})
