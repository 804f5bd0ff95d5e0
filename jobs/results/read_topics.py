"""Which topics the results of a database go with: of others, nothing may stand beside them."""

from __future__ import annotations

from typing import Literal

from ingest.kafka.topic_identity import TopicIdentity, as_kafka_writes, find_topic_identity
from jobs.pipeline.result_tables import RESULT_TABLES
from model.registry.database import SQL, Connection, Identifier
from udfs.errors import ConfigError

Role = Literal["messages", "dead letters"]


def has_results(database: Connection) -> bool:
    """Tell whether a database has a row of results."""
    any_rows = [SQL("(SELECT 1 FROM {} LIMIT 1)").format(Identifier(table)) for table in RESULT_TABLES]
    with database.cursor() as cursor:
        cursor.execute(SQL(" UNION ALL ").join(any_rows))
        return bool(cursor.rowcount)


def known_topic(database: Connection, role: Role) -> TopicIdentity | None:
    """Return the topic that the results of a database go with, None if none has been noted."""
    with database.cursor() as cursor:
        cursor.execute("SELECT topic, topic_id, cluster_id FROM read_topics WHERE role = %s", (role,))
        row = cursor.fetchone()
    return None if row is None else TopicIdentity(topic=row[0], topic_id=as_kafka_writes(row[1]), cluster_id=row[2])


def note_topic(database: Connection, role: Role, topic: TopicIdentity) -> None:
    """Note the topic that the results of a database go with from now on."""
    with database.cursor() as cursor:
        cursor.execute(
            "INSERT INTO read_topics (role, topic, topic_id, cluster_id) VALUES (%s, %s, %s, %s) "
            "ON CONFLICT (role) DO UPDATE SET topic = excluded.topic, topic_id = excluded.topic_id, "
            "cluster_id = excluded.cluster_id, noted_at = clock_timestamp()",
            (role, topic.topic, topic.topic_id, topic.cluster_id),
        )


def check_same_topic(database: Connection, topic: str, found: TopicIdentity | None) -> None:
    """Refuse a topic of messages that is another one than the results are of, by Kafka's ids.

    Parameters
    ----------
    database : psycopg2 connection
        Knows which topic its results are of.
    topic : str
        The name.
    found : TopicIdentity or None
        What has the name now, None if nothing has.

    Raises
    ------
    ConfigError
        If it is gone, was made anew under the same name, or is on another Kafka cluster.
    """
    known = known_topic(database, "messages")
    if known is None or known.topic != topic or known == found:
        return
    if found is None:
        what = "that it is gone; of one that is made anew under its name the"
    elif known.cluster_id != found.cluster_id:
        what = f"one on another Kafka cluster ({found.cluster_id} instead of {known.cluster_id}), whose"
    else:
        what = f"one that was made anew under its name ({found.topic_id} instead of {known.topic_id}), whose"
    raise ConfigError(
        f"Expected the topic {topic} that the results in this database are of, found {what} offsets mean other "
        "records: name a database without results with --database-url, bring it up to date with `fingerprint migrate`, "
        "and submit without --resume"
    )


def check_results_are_of(database: Connection, kafka: str, topic: str) -> None:
    """Ask Kafka which topic has a name now, and raise as `check_same_topic` unless the results are of that one."""
    if has_results(database):
        check_same_topic(database, topic, find_topic_identity(kafka, topic))


def note_dead_letter_topic(database: Connection, topic: TopicIdentity) -> str | None:
    """Note where dead letters go; return what to say if the topic was made anew: what was in it before is gone."""
    known = known_topic(database, "dead letters")
    if known == topic:
        return None
    note_topic(database, "dead letters", topic)
    if known is None or known.topic != topic.topic:
        return None
    return f"The topic {topic.topic} was made anew: dead-letter records of before are not in it"
