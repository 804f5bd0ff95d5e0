"""Builds the job: tables, queries, the scoring function, and names that a person reads in Flink's web UI."""

from __future__ import annotations

from collections.abc import Callable

from pyflink.common import Configuration
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.table import StatementSet, StreamTableEnvironment
from pyflink.util.java_utils import get_field_value, get_j_env_configuration

from jobs.config import JobSettings
from jobs.pipeline.operator_names import name_operators
from jobs.pipeline.own_operators import put_own_operators
from jobs.pipeline.queries import (
    EXPLAIN_FUNCTION,
    GATHERED,
    JAVA_FUNCTIONS,
    JUDGED,
    MESSAGES,
    REJECTED,
    SCORE_FUNCTION,
    SCORED,
    connection_activity_query,
    connection_events_query,
    connection_verdicts_query,
    dead_letter_records_query,
    dead_letters_query,
    gathered_view,
    health_events_query,
    judged_view,
    messages_view,
    rejected_view,
    scored_view,
    window_scores_query,
)
from jobs.pipeline.result_tables import RESULT_TABLES
from jobs.pipeline.tables import dead_letter_records_ddl, raw_messages_ddl, result_table_ddl
from udfs.model_schedule import Models
from udfs.pandas_udfs import build_explain_udf, build_score_udf

_SAVEPOINT_KEYS = ("execution.state-recovery.path", "execution.savepoint.path")
_TABLES = (raw_messages_ddl, dead_letter_records_ddl)
_VIEWS = {
    MESSAGES: messages_view,
    REJECTED: rejected_view,
    GATHERED: gathered_view,
    SCORED: scored_view,
    JUDGED: judged_view,
}
_INSERTS = (
    window_scores_query,
    connection_verdicts_query,
    connection_events_query,
    health_events_query,
    connection_activity_query,
    dead_letter_records_query,
    dead_letters_query,
)


def build_pipeline(
    environment: StreamExecutionEnvironment,
    settings: JobSettings,
    open_models: Callable[[], Models],
) -> None:
    """Add the whole job to `environment`, ready to be executed.

    Parameters
    ----------
    environment : StreamExecutionEnvironment
        Gets parallelism, checkpoints and the job's operators.
    settings : JobSettings
        What the user asked for.
    open_models : callable
        Called in each Python worker.
    """
    environment.set_parallelism(settings.parallelism)
    environment.enable_checkpointing(settings.checkpoint_ms)
    configuration = Configuration()
    for key, value in job_options(settings).items():
        configuration.set_string(key, value)
    # On the environment, not on the tables: those of the running operators would be passed over in silence there.
    environment.configure(configuration)
    statements = build_statements(StreamTableEnvironment.create(environment), settings, open_models)
    statements.attach_as_datastream()
    name_operators(environment)
    put_own_operators(environment)


def is_from_savepoint(environment: StreamExecutionEnvironment) -> bool:
    """Tell whether the job that is being submitted goes on from a savepoint or checkpoint."""
    configuration = get_j_env_configuration(environment._j_stream_execution_environment)
    return any(configuration.getString(key, None) for key in _SAVEPOINT_KEYS)


def is_application(environment: StreamExecutionEnvironment) -> bool:
    """Tell whether the cluster runs the job's main itself, in its JobManager: an application cluster."""
    configuration = get_j_env_configuration(environment._j_stream_execution_environment)
    return bool(configuration.getString("execution.target", "") == "embedded")


def is_recovered(environment: StreamExecutionEnvironment) -> bool:
    """Tell whether the job of an application cluster is there already: its JobManager took over from another.

    Then what the main builds is thrown away, and the job goes on from its last checkpoint. Flink tells it nowhere else.
    """
    loader = get_field_value(environment._j_stream_execution_environment, "executorServiceLoader")
    return not get_field_value(loader, "suspendedJobIds").isEmpty()


def build_statements(
    tables: StreamTableEnvironment,
    settings: JobSettings,
    open_models: Callable[[], Models],
) -> StatementSet:
    """Declare functions, tables and views, and gather the INSERTs that share them."""
    tables.create_temporary_function(SCORE_FUNCTION, build_score_udf(open_models))
    tables.create_temporary_function(EXPLAIN_FUNCTION, build_explain_udf(open_models))
    for name, java_class in JAVA_FUNCTIONS.items():
        tables.execute_sql(f"CREATE TEMPORARY SYSTEM FUNCTION {name} AS '{java_class}' LANGUAGE JAVA")
    for ddl in _TABLES:
        tables.execute_sql(ddl(settings))
    for table in RESULT_TABLES.values():
        tables.execute_sql(result_table_ddl(settings, table))
    for view, query in _VIEWS.items():
        tables.execute_sql(f"CREATE TEMPORARY VIEW {view} AS {query(settings)}")
    statements = tables.create_statement_set()
    for insert in _INSERTS:
        statements.add_insert_sql(insert(settings))
    return statements


def job_options(settings: JobSettings) -> dict[str, str]:
    """List Flink's options that the job sets."""
    return _state_options(settings) | {
        "table.exec.state.ttl": f"{settings.state_ttl_s} s",
        "table.local-time-zone": "UTC",
        # What several INSERTs read runs once for all: without it, each would prune its own columns and score anew.
        "table.optimizer.reuse-optimize-block-with-digest-enabled": "true",
        "pipeline.object-reuse": "true",
        "execution.buffer-timeout.interval": "5 ms",
        # A bundle is one call of Python. Of a large one, half goes on its way while the rest is gathered.
        "python.fn-execution.bundle.time": str(settings.bundle_ms),
        "python.fn-execution.bundle.size": "2400",
        "python.fn-execution.arrow.batch.size": "1200",
    }


def _state_options(settings: JobSettings) -> dict[str, str]:
    if settings.state_backend is None:
        return {}
    # Of RocksDB, a checkpoint holds what has changed since the last one.
    is_incremental = settings.state_backend == "rocksdb"
    return {
        "state.backend.type": settings.state_backend,
        "execution.checkpointing.incremental": str(is_incremental).lower(),
    }
