"""The models of a topic as those who score it have them: from the registry, never more than a moment old."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

import tenacity

from model.artifact.artifact_folder import BoosterPredictor, explainer_of
from model.artifact.booster_explainer import BoosterExplainer
from model.registry.database import Connection, LastingConnection
from model.registry.model_registry import RegistryState, read_state, withdraw_overdue
from model.registry.registered_models import load_registered
from udfs.errors import ConfigError, ServiceUnavailable
from udfs.explanations import Explainer
from udfs.model_schedule import Activation, Schedule
from udfs.scoring import Predictor

REFRESH_AFTER_S: Final = 0.5
"""So often the registry is asked while windows are scored."""

STALE_AFTER_S: Final = 1.5
"""What was scored by an older answer is scored again before it is handed on."""

SETTLED_AFTER_S: Final = 2.0
"""So long after its announcement nobody hands on what knows nothing of a change: longer than `STALE_AFTER_S`."""

Answer = TypeVar("Answer")

_APPLICATION_NAME: Final = "fingerprint-worker"
_WAIT_S: Final = 0.1
_GIVE_UP_AFTER_S: Final = 20


class RegistryModels:
    """The models of one topic, in one worker.

    A window that is appended after a change has settled cannot be scored by the schedule before it: the answer would be
    older than `STALE_AFTER_S` when it is handed on.

    Parameters
    ----------
    database_url : str
        Of the registry.
    topic : str
        Whose windows are scored.

    Raises
    ------
    ServiceUnavailable
        If the registry stays away for `_GIVE_UP_AFTER_S`; also by every method.
    """

    def __init__(self, database_url: str, topic: str) -> None:
        self._topic = topic
        self._database = LastingConnection(database_url, application_name=_APPLICATION_NAME)
        self._predictors: dict[str, BoosterPredictor] = {}
        self._explainers: dict[str, BoosterExplainer] = {}
        self._refresh()

    def schedule(self) -> Schedule:
        """Return the schedule, at most `REFRESH_AFTER_S` old; wait while a change is announced.

        Raises
        ------
        ConfigError
            If no model is activated for the topic.
        """
        if time.monotonic() - self._read_at_s > REFRESH_AFTER_S:
            self._refresh()
        if self._state.schedule is None:
            raise ConfigError(
                f"Expected an active model for the topic {self._topic}, found none in the registry: submit the job "
                "with `fingerprint submit`, which activates one"
            )
        return self._state.schedule

    def still_holds(self, schedule: Schedule) -> bool:
        """Tell whether the schedule was read at most `STALE_AFTER_S` ago, or is read again as the same."""
        if time.monotonic() - self._read_at_s > STALE_AFTER_S:
            self._refresh()
        return self._state.schedule == schedule

    def predictor(self, model_version: str) -> Predictor:
        """Return a registered model, fetched when it is first needed."""
        return self._load(model_version)

    def explainer(self, model_version: str) -> Explainer:
        """Return what explains a registered model's verdicts."""
        if model_version not in self._explainers:
            self._explainers[model_version] = explainer_of(self._load(model_version))
        return self._explainers[model_version]

    def _load(self, model_version: str) -> BoosterPredictor:
        if model_version not in self._predictors:
            # Who registered and who submitted it has tried it: a worker would hold the job up for a second.
            self._predictors[model_version] = self._ask(
                lambda connection: load_registered(connection, model_version, is_tried=True)
            )
        return self._predictors[model_version]

    def _refresh(self) -> None:
        """Read until no change is announced."""
        self._state, self._read_at_s = self._read()
        while self._state.announced is not None:
            time.sleep(_WAIT_S)
            self._state, self._read_at_s = self._read()

    def _read(self) -> tuple[RegistryState, float]:
        asked_at_s = time.monotonic()
        state = self._ask(lambda connection: read_state(connection, self._topic))
        if state.announced is not None and state.is_overdue:
            self._ask(lambda connection: withdraw_overdue(connection, self._topic))
        return state, asked_at_s

    def _ask(self, question: Callable[[Connection], Answer]) -> Answer:
        """Ask the database, again on a new connection if it has gone: a restarted one is back within seconds."""
        for attempt in tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(ServiceUnavailable),
            stop=tenacity.stop_after_delay(_GIVE_UP_AFTER_S),
            wait=tenacity.wait_fixed(_WAIT_S),
            reraise=True,
        ):
            with attempt, self._database.use() as connection:
                return question(connection)
        raise AssertionError("tenacity returns or raises")


class OneModel:
    """One model for all windows of whatever topic.

    Parameters
    ----------
    predictor, explainer
        Of the model.
    """

    def __init__(self, predictor: Predictor, explainer: Explainer) -> None:
        self._predictor, self._explainer = predictor, explainer

    def schedule(self) -> Schedule:
        """Return the schedule that has only this model."""
        return Schedule(activations=(Activation(model_version=self._predictor.model_version),))

    def still_holds(self, schedule: Schedule) -> bool:
        """Tell that it does: nothing changes."""
        return schedule == self.schedule()

    def predictor(self, _model_version: str) -> Predictor:
        """Return the model."""
        return self._predictor

    def explainer(self, _model_version: str) -> Explainer:
        """Return what explains its verdicts."""
        return self._explainer
