"""The plain PyFlink program: a DataStream, `count_window`, and a Python function that scores each window by itself."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

from place import GROUP, JARS, JDBC_URL, KAFKA, N_PROCESSES, TOPIC
from pyflink.common import Row, Types
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.datastream.functions import ProcessWindowFunction, RuntimeContext
from pyflink.datastream.window import CountWindow
from pyflink.table import Schema, StreamTableEnvironment
from scoring import COLUMNS, Scorer, Window, numbers_of

from udfs.schema import WINDOW_SIZE, WINDOW_SLIDE

CHECKPOINT_MS = 5_000
FLUSH_MS = 20
READ = (
    *("connection_id", "recv_ts_ns", "exchange_ts_ns", "msg_type", "seq", "request_id", "payload_bytes"),
    *("declared_exchange", "kafka_partition", "kafka_offset"),
)
FLINK_TYPES = {"kafka_partition": "INT", "last_offset": "BIGINT", "first_offset": "BIGINT"} | dict.fromkeys(
    ("confidence", "unknown_score"), "DOUBLE"
)
TYPES = {"INT": Types.INT(), "BIGINT": Types.LONG(), "DOUBLE": Types.DOUBLE(), "STRING": Types.STRING()}


class ScoreWindow(ProcessWindowFunction):
    """Scores one window."""

    def open(self, _context: RuntimeContext) -> None:
        """Load the model, once a worker."""
        self._scorer = Scorer()

    def process(
        self, key: str, _context: ProcessWindowFunction.Context[CountWindow], elements: Iterable[Row]
    ) -> Iterable[Row]:
        """Emit the window's row."""
        numbers = array("q")
        for element in elements:
            message = dict(zip(READ, element, strict=True))
            numbers.extend(numbers_of(message, message["kafka_offset"]))
        window = Window(key, message["kafka_partition"], message["declared_exchange"], numbers.tobytes())
        (row,) = self._scorer.rows([window])
        yield Row(*row)


def main() -> None:
    """Submit the job."""
    environment = StreamExecutionEnvironment.get_execution_environment()
    environment.add_jars(*JARS)
    environment.set_parallelism(N_PROCESSES)
    environment.enable_checkpointing(CHECKPOINT_MS)
    tables = StreamTableEnvironment.create(environment)
    tables.get_config().set(
        "table.exec.sink.upsert-materialize", "NONE"
    )  # a window comes once, but for what is read again
    tables.execute_sql(
        "CREATE TEMPORARY TABLE messages (connection_id STRING, recv_ts_ns BIGINT, exchange_ts_ns BIGINT, "
        "msg_type STRING, seq BIGINT, request_id BIGINT, payload_bytes BIGINT, declared_exchange STRING, "
        "kafka_partition INT METADATA FROM 'partition' VIRTUAL, kafka_offset BIGINT METADATA FROM 'offset' VIRTUAL) "
        f"WITH ('connector' = 'kafka', 'topic' = '{TOPIC}', 'properties.bootstrap.servers' = '{KAFKA}', "
        f"'properties.group.id' = '{GROUP}', 'scan.startup.mode' = 'earliest-offset', 'format' = 'json')"
    )
    scores = (
        tables.to_data_stream(tables.from_path("messages"))
        .key_by(lambda message: message[0], key_type=Types.STRING())
        .count_window(WINDOW_SIZE, WINDOW_SLIDE)
        .process(
            ScoreWindow(),
            Types.ROW_NAMED(list(COLUMNS), [TYPES[FLINK_TYPES.get(name, "STRING")] for name in COLUMNS]),
        )
    )
    schema = Schema.new_builder()
    for name in COLUMNS:
        schema.column(name, FLINK_TYPES.get(name, "STRING"))
    tables.create_temporary_view("scores", tables.from_data_stream(scores, schema.build()))
    declared = ", ".join(f"{name} {FLINK_TYPES.get(name, 'STRING')}" for name in COLUMNS)
    tables.execute_sql(
        f"CREATE TEMPORARY TABLE window_scores ({declared}, "
        "PRIMARY KEY (connection_id, kafka_partition, last_offset, window_end_at) NOT ENFORCED) WITH ("
        f"'connector' = 'jdbc', 'table-name' = 'window_scores', 'driver' = 'org.postgresql.Driver', "
        f"'url' = '{JDBC_URL}', "
        f"'sink.buffer-flush.interval' = '{FLUSH_MS} ms', 'sink.buffer-flush.max-rows' = '5000')"
    )
    tables.execute_sql("INSERT INTO window_scores SELECT * FROM scores ON CONFLICT DO DEDUPLICATE")


if __name__ == "__main__":
    main()
