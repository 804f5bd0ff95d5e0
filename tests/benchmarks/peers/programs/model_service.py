"""The model service that `worker` asks: FastAPI on uvicorn, a window per request."""

from __future__ import annotations

from array import array
from typing import Any

import uvicorn
from fastapi import FastAPI
from place import PORTS
from scoring import Scorer, Window, numbers_of

app = FastAPI()
scorer = Scorer()


@app.post("/score")
def score(asked: dict[str, Any]) -> list[Any]:
    """Score one window, and return its row."""
    messages = asked["messages"]
    numbers = array("q")
    for message in messages:
        numbers.extend(numbers_of(message, message["offset"]))
    whose = messages[-1]
    window = Window(whose["connection_id"], asked["kafka_partition"], whose["declared_exchange"], numbers.tobytes())
    (row,) = scorer.rows([window])
    return list(row)


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=PORTS[0], log_level="warning")
