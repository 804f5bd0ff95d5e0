"""What the routes ask: the scoring processes, the models, the results; begun and ended together."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Final, ParamSpec, TypeVar

from api.metrics import ApiMetrics
from api.models import ServedModels, given_model
from api.problems import come_again
from api.results import Results
from api.scoring import ModelSource
from api.scoring_pool import ScoringPool, Slots
from api.settings import ServeSettings
from model.artifact.shipped_artifacts import DEFAULT_ARTIFACT
from udfs.errors import PipelineError

P = ParamSpec("P")
Answer = TypeVar("Answer")

_READERS: Final = 4
_MOST_READS: Final = 16

_log = logging.getLogger(__name__)


class Service:
    """All that answers are made of.

    Parameters
    ----------
    settings : ServeSettings
        What the API was told.

    Raises
    ------
    ArtifactError
        If the given model does not load.
    """

    def __init__(self, settings: ServeSettings) -> None:
        version, source = given_model(settings.model or DEFAULT_ARTIFACT)
        self.settings, self.metrics = settings, ApiMetrics()
        self.results = None if settings.database_url is None else Results(settings.database_url)
        self.pool = ScoringPool(settings.workers, source)
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="results")
        self._reads = Slots(_MOST_READS)
        self.models = ServedModels(
            version,
            source,
            pool=self.pool,
            results=self.results,
            topic=settings.topic if settings.model is None and self.results is not None else None,
            beside=self._beside,
            tell=self.metrics.show_model,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow the active model meanwhile; afterwards everything is closed."""
        self.metrics.in_flight.set_function(lambda: self.pool.slots.taken)
        following = asyncio.create_task(self.models.follow())
        try:
            await self.pool.change_model(self.pool.source)
            yield
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
            self._readers.shutdown()
            self.pool.close()
            self.models.close()

    async def score(
        self,
        caller: str,
        body: Callable[[], Awaitable[bytes]],
        model_version: str | None,
        work: Callable[[bytes, ModelSource], tuple[bytes, int]],
    ) -> bytes:
        """Read a body and let it be scored, within the bounds of how many are at a time.

        Raises
        ------
        Refused
            If the bounds are reached, or something is wrong with the request.
        """
        with self.pool.slots.take(caller):
            try:
                _, source = await self.models.find(model_version)
                answer, n_windows = await self.pool.run(work, await body(), source)
            except PipelineError as error:
                _log.warning("%s", error)
                raise come_again(HTTPStatus.SERVICE_UNAVAILABLE, "The model cannot be loaded now") from None
            self.metrics.windows.inc(n_windows)
            return answer

    async def read(self, caller: str, question: Callable[[Results], Answer]) -> Answer:
        """Ask the database.

        Raises
        ------
        Refused
            If there is none, or it does not answer; the log says more.
        """
        if self.results is None:
            raise come_again(HTTPStatus.SERVICE_UNAVAILABLE, "This API was started without a database of results")
        with self._reads.take(caller):
            try:
                return await self._beside(question, self.results)
            except PipelineError as error:
                _log.warning("%s", error)
                raise come_again(HTTPStatus.SERVICE_UNAVAILABLE, "The database of results does not answer") from None

    async def _beside(self, work: Callable[P, Answer], *args: P.args, **kwargs: P.kwargs) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._readers, functools.partial(work, *args, **kwargs))
