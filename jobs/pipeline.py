"""Builds the job: tables, queries, the scoring function, and names that a person reads in Flink's web UI."""

from __future__ import annotations

from collections.abc import Callable

from pyflink.common import Configuration
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.table import StreamTableEnvironment

from jobs.config import JobSettings
from jobs.operators import name_operators
from jobs.queries import SCORE_FUNCTION, dead_letters_query, window_scores_query
from jobs.tables import dead_letters_ddl, messages_ddl, raw_records_ddl, window_scores_ddl
from udfs.flink import build_score_udf
from udfs.scoring import Predictor


def build_pipeline(
    environment: StreamExecutionEnvironment, settings: JobSettings, load_predictor: Callable[[], Predictor]
) -> None:
    """Add the whole job to `environment`, ready to be executed.

    Parameters
    ----------
    environment : StreamExecutionEnvironment
        Gets parallelism, checkpoints and the job's operators.
    settings : JobSettings
        What the user asked for.
    load_predictor : callable
        Called in each Python worker.
    """
    environment.set_parallelism(settings.parallelism)
    environment.enable_checkpointing(settings.checkpoint_ms)
    configuration = Configuration()
    for key, value in _options(settings).items():
        configuration.set_string(key, value)
    # On the environment, not on the tables: those of the running operators would be passed over in silence there.
    environment.configure(configuration)
    tables = StreamTableEnvironment.create(environment)
    tables.create_temporary_function(SCORE_FUNCTION, build_score_udf(load_predictor))
    for ddl in (messages_ddl, raw_records_ddl, dead_letters_ddl, window_scores_ddl):
        tables.execute_sql(ddl(settings))
    statements = tables.create_statement_set()
    statements.add_insert_sql(window_scores_query())
    statements.add_insert_sql(dead_letters_query())
    statements.attach_as_datastream()
    name_operators(environment)


def _options(settings: JobSettings) -> dict[str, str]:
    return {
        "table.exec.state.ttl": f"{round(settings.state_ttl_hours * 3600)} s",
        "table.local-time-zone": "UTC",
        "pipeline.object-reuse": "true",
        "execution.buffer-timeout.interval": "5 ms",
        # One bundle is one Python call and one Arrow batch, however many windows it holds.
        "python.fn-execution.bundle.time": str(settings.bundle_ms),
        "python.fn-execution.bundle.size": "2000",
        "python.fn-execution.arrow.batch.size": "2000",
    }
