"""Models that are changed while everything around them fails."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from typing import Final

import tenacity

from jobs.cluster.model_activation import activate
from jobs.cluster.service_addresses import Addresses
from model.artifact.artifact_folder import load_predictor
from model.artifact.shipped_artifacts import CATALOGUE_ARTIFACT, DEFAULT_ARTIFACT
from model.registry.database import connect
from model.registry.model_registry import activate_everywhere, announce, read_state, register, settle
from stack.roles import Role
from udfs.errors import PipelineError, ServiceUnavailable

_GIVE_UP_S: Final = 300.0
_POLL_S: Final = 1.0


class ModelChanges:
    """Lets the two models that come along score a topic in turn; the job begins with the default one.

    Parameters
    ----------
    addresses : Addresses
        Of the job.
    topic : str
        Of the messages.
    progress : callable
        Is told what keeps a change from being made.
    """

    def __init__(self, addresses: Addresses, topic: str, progress: Callable[[str], None]) -> None:
        self._addresses, self._topic, self._progress = addresses, topic, progress
        self._folders = cycle((CATALOGUE_ARTIFACT, DEFAULT_ARTIFACT))

    def change(self) -> None:
        """Activate the other model, as often as it takes: who asks again need not know how far he came."""
        folder = next(self._folders)
        version = load_predictor(folder).model_version
        for attempt in tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(ServiceUnavailable),
            stop=tenacity.stop_after_delay(_GIVE_UP_S),
            wait=tenacity.wait_fixed(_POLL_S),
            reraise=True,
        ):
            with attempt:
                if self._active() != version:
                    self._activate(str(folder))

    def copy_to(self, database_url: str) -> None:
        """Let the topic have the same models from the same offsets on in another database, which has none for it."""
        with connect(self._url) as database:
            schedule = read_state(database, self._topic).schedule
        if schedule is None:
            raise PipelineError(f"Expected models that score {self._topic}, found none: the job was never submitted")
        with connect(database_url) as database:
            for folder in (DEFAULT_ARTIFACT, CATALOGUE_ARTIFACT):
                register(database, folder, load_predictor(folder))
            first, *later = schedule.activations
            activate_everywhere(database, self._topic, first.model_version)
            for activation in later:
                number = announce(database, self._topic, activation.model_version)
                settle(database, number, list(activation.from_offsets))

    @property
    def _url(self) -> str:
        return self._addresses.require_database_url(Role.MODEL_ADMIN)

    def _active(self) -> str:
        with connect(self._url) as database:
            schedule = read_state(database, self._topic).schedule
        return "" if schedule is None else schedule.activations[-1].model_version

    def _activate(self, model: str) -> None:
        kafka = self._addresses.require_kafka()
        try:
            activate(self._url, kafka, self._topic, model, false_unknown_rate=None, progress=lambda _: None)
        except ServiceUnavailable as error:
            self._progress(str(error))
            raise
