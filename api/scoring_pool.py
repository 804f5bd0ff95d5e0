"""The processes that score, beside the one that answers: bounded, and made anew when one of them dies."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from http import HTTPStatus
from multiprocessing import get_context
from typing import Any, Final, ParamSpec, TypeVar

from api.problems import come_again
from api.scoring import ModelSource, begin, load

P = ParamSpec("P")
Answer = TypeVar("Answer")

_WAITING_FOR_EACH_WORKER: Final = 15
"""So many requests wait while one is scored: a second's work of small ones, and some seconds' of the largest."""


class Slots:
    """How many requests are answered at a time: of all callers, and of one.

    Parameters
    ----------
    most : int
        Of all; one caller gets half of them.
    """

    def __init__(self, most: int) -> None:
        self._most, self._most_of_one = most, max(1, most // 2)
        self._taken = Counter[str]()

    @property
    def taken(self) -> int:
        """How many are answered now."""
        return self._taken.total()

    @contextmanager
    def take(self, caller: str) -> Iterator[None]:
        """Take one meanwhile.

        Raises
        ------
        Refused
            If the caller has its share, or there is none left.
        """
        if self._taken[caller] >= self._most_of_one:
            raise come_again(
                HTTPStatus.TOO_MANY_REQUESTS, f"{self._most_of_one} requests of this caller are being answered already"
            )
        if self.taken >= self._most:
            raise come_again(HTTPStatus.SERVICE_UNAVAILABLE, f"{self._most} requests are being answered already")
        self._taken[caller] += 1
        try:
            yield
        finally:
            self._taken[caller] -= 1
            self._taken += Counter()  # forgets who has none


class ScoringPool:
    """Scores in processes of its own.

    Parameters
    ----------
    workers : int
        How many processes.
    source : ModelSource
        What a new process loads first.
    """

    def __init__(self, workers: int, source: ModelSource) -> None:
        self._workers, self.source = workers, source
        self.slots = Slots(workers * (1 + _WAITING_FOR_EACH_WORKER))
        self._executor = self._start()

    async def run(self, work: Callable[P, Answer], *args: P.args, **kwargs: P.kwargs) -> Answer:
        """Let a process do some work.

        Raises
        ------
        Refused
            What the work raises, or if the process died: the next one is started.
        """
        executor = self._executor
        try:
            return await asyncio.wrap_future(executor.submit(work, *args, **kwargs))
        except BrokenProcessPool:
            if executor is self._executor:
                self._executor = self._start()
            executor.shutdown(wait=False)
            raise come_again(HTTPStatus.SERVICE_UNAVAILABLE, "The scoring process ended and is started anew") from None

    async def change_model(self, source: ModelSource) -> None:
        """Load a model in the processes that are there, before it is asked for; raise what is wrong with it."""
        await asyncio.gather(*(self.run(load, source) for _ in range(self._workers)))
        self.source = source

    def close(self) -> None:
        """End the processes, after what they do now."""
        self._executor.shutdown(cancel_futures=True)

    def _start(self) -> ProcessPoolExecutor:
        options: dict[str, Any] = {"mp_context": get_context("spawn"), "initializer": begin}
        return ProcessPoolExecutor(self._workers, **options, initargs=(self.source,))
