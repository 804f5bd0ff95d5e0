"""What every peer has in common: the same messages, features and model. How windows come about is each one's own."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson

from model.artifact.artifact_folder import load_predictor
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT
from udfs.rows import score_rows
from udfs.schema import MISSING, WINDOW_SIZE, WINDOW_SLIDE, MsgType
from udfs.scoring import score_windows
from udfs.windows import WIRE_COLUMNS, decode_windows

COLUMNS: Final = (
    *("connection_id", "kafka_partition", "declared_exchange", "last_offset", "first_offset"),
    *("window_start_at", "window_end_at", "predicted_exchange", "confidence", "probabilities", "unknown_score"),
    *("signature", "features", "model_version"),
)
"""Of `window_scores`, in the order in which they are written."""

_CODES: Final = {t.name: t.value for t in MsgType}
_WIDTH: Final = len(WIRE_COLUMNS)


class Window(NamedTuple):
    """A complete window: whose it is, and its messages as `udfs.windows` lays them out."""

    connection_id: str
    kafka_partition: int
    declared_exchange: str | None
    data: bytes


def numbers_of(message: Mapping[str, Any], offset: int) -> tuple[int, ...]:
    """Return what a window has of a message: the numbers of `WIRE_COLUMNS`."""
    exchange_ts_ns, seq, request_id = message["exchange_ts_ns"], message["seq"], message["request_id"]
    return (
        message["recv_ts_ns"],
        MISSING if exchange_ts_ns is None else exchange_ts_ns,
        MISSING if seq is None else seq,
        MISSING if request_id is None else request_id,
        _CODES[message["msg_type"]],
        message["payload_bytes"],
        offset,
    )


class Gatherer:
    """Gathers the windows of a partition's connections in memory; idle gaps, of which the topic has none, apart."""

    def __init__(self, kafka_partition: int) -> None:
        self.kafka_partition = kafka_partition
        self.buffers: dict[str, array[int]] = {}

    def add(self, value: bytes, offset: int) -> Window | None:
        """Add a message, and return the window that it completes."""
        message = orjson.loads(value)
        connection_id = message["connection_id"]
        buffer = self.buffers.get(connection_id)
        if buffer is None:
            buffer = self.buffers[connection_id] = array("q")
        buffer.extend(numbers_of(message, offset))
        if len(buffer) < WINDOW_SIZE * _WIDTH:
            return None
        data = buffer.tobytes()
        del buffer[: WINDOW_SLIDE * _WIDTH]
        return Window(connection_id, self.kafka_partition, message["declared_exchange"], data)


class Scorer:
    """Scores windows with the product's features and model, and lays them out as rows of `window_scores`."""

    def __init__(self) -> None:
        self._predictor = load_predictor(DEFAULT_ARTIFACT)

    def rows(self, windows: Sequence[Window]) -> list[tuple[object, ...]]:
        """Score a batch: a row of `COLUMNS` for each window."""
        decoded, offsets = decode_windows(b"".join(window.data for window in windows))
        scored = score_rows(decoded, offsets, score_windows(decoded, self._predictor), self._predictor.model_version)
        scored["last_offset"] = offsets[:, -1]
        whose = [[getattr(window, name) for window in windows] for name in COLUMNS[:3]]
        return list(zip(*whose, *(scored[name].tolist() for name in COLUMNS[3:]), strict=True))
