"""Which model scores: the one that is active in the database, or the one that was given; and which may be named."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import Final, ParamSpec, Protocol, TypeVar

from api.problems import Refused, come_again
from api.results import Results
from api.scoring import ModelSource
from api.scoring_pool import ScoringPool
from model.artifact.artifact_folder import load_manifest, load_predictor
from model.artifact.model_version import is_version
from model.artifact.shipped_artifacts import CATALOGUE_ARTIFACT, DEFAULT_ARTIFACT
from model.training.calibration import DEFAULT_RATE
from udfs.errors import ConfigError, PipelineError

LOOK_EVERY_S: Final = 5.0
"""So often the database is asked which model is active."""

_MOST_KEPT: Final = 8

_log = logging.getLogger(__name__)

P = ParamSpec("P")
Answer = TypeVar("Answer")


class Beside(Protocol):
    """Runs a function that reads the database, beside the loop."""

    def __call__(self, work: Callable[P, Answer], *args: P.args, **kwargs: P.kwargs) -> Awaitable[Answer]:
        """Return what it returns."""


def given_model(folder: Path) -> tuple[str, ModelSource]:
    """Load an artifact once, which tries its booster: its version, and where it is; raise as `load_predictor`."""
    predictor = load_predictor(folder)
    source = ModelSource(folder=folder.resolve(), false_unknown_rate=predictor.false_unknown_rate, is_tried=True)
    return predictor.model_version, source


@lru_cache(maxsize=1)
def shipped_models() -> dict[str, ModelSource]:
    """Return the models that come along, by version."""
    return {
        load_manifest(folder).model_version: ModelSource(folder=folder, false_unknown_rate=DEFAULT_RATE, is_tried=True)
        for folder in (DEFAULT_ARTIFACT, CATALOGUE_ARTIFACT)
    }


class ServedModels:
    """The model that scores, and those that may be named instead.

    Parameters
    ----------
    version, source
        The model that was given, or the one that comes along.
    pool : ScoringPool
        Loads a model before it becomes the one that scores.
    results : Results or None
        Where registered models are.
    topic : str or None
        Whose active model is followed; None for the given one, for ever.
    beside : Beside
        For what reads the database.
    tell : callable
        Told the version of a model that begins to score.
    """

    def __init__(
        self,
        version: str,
        source: ModelSource,
        *,
        pool: ScoringPool,
        results: Results | None,
        topic: str | None,
        beside: Beside,
        tell: Callable[[str], None],
    ) -> None:
        self._given = version, source
        self._pool, self._results, self._topic, self._beside = pool, results, topic, beside
        self._current: tuple[str, ModelSource] | None = self._given if topic is None else None
        self._tell = tell
        if topic is None:
            tell(version)
        self._folder = tempfile.TemporaryDirectory(prefix="fingerprint-models-")
        self._registered: OrderedDict[str, ModelSource] = OrderedDict()

    @property
    def topic(self) -> str | None:
        """Whose active model is followed."""
        return self._topic

    def current(self) -> tuple[str, ModelSource]:
        """Return the model that scores.

        Raises
        ------
        Refused
            If the database has not yet been asked.
        """
        if self._current is None:
            raise come_again(HTTPStatus.SERVICE_UNAVAILABLE, "The database has not yet said which model is active")
        return self._current

    async def find(self, version: str | None) -> tuple[str, ModelSource]:
        """Find the model that a request names, or the one that scores.

        Raises
        ------
        Refused
            If it is neither the one that scores, nor registered, nor one that comes along.
        """
        if version is None or (self._current is not None and version == self._current[0]):
            return self.current()
        if version in shipped_models():
            return version, shipped_models()[version]
        if self._results is not None and is_version(version.partition("@")[0]):
            try:
                return version, await self._fetch(version)
            except ConfigError:
                pass
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "model_version is no model that is registered or comes along")

    async def look(self) -> None:
        """Ask the database which model is active, and let that one score once it is loaded."""
        if self._results is None or self._topic is None:
            return
        version = await self._beside(self._results.active_model, self._topic)
        wanted = self._given if version is None else (version, await self._fetch(version))
        if wanted != self._current:
            await self._pool.change_model(wanted[1])
            self._current = wanted
            self._tell(wanted[0])
            _log.warning("The model %s scores from now on", wanted[0])

    async def follow(self) -> None:
        """Look again and again, for ever; what goes wrong is logged once, and the model that scored goes on."""
        said = ""
        while self._topic is not None:
            try:
                await self.look()
                said = ""
            except (PipelineError, Refused) as error:
                if str(error) != said:
                    _log.warning("%s", error)
                said = str(error)
            await asyncio.sleep(LOOK_EVERY_S)

    def close(self) -> None:
        """Remove what was fetched."""
        self._folder.cleanup()

    async def _fetch(self, version: str) -> ModelSource:
        if version not in self._registered and self._results is not None:
            folder = Path(tempfile.mkdtemp(dir=self._folder.name))
            rate = await self._beside(self._results.fetch_model, version, folder)
            self._registered[version] = ModelSource(folder=folder, false_unknown_rate=rate, is_tried=True)
            if len(self._registered) > _MOST_KEPT:
                self._registered.popitem(last=False)
        self._registered.move_to_end(version)
        return self._registered[version]
