"""Of which topics a database has results, and which are refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ingest.kafka.topic_identity import TopicIdentity
from jobs.results.read_topics import check_same_topic, has_results, known_topic, note_dead_letter_topic, note_topic
from model.registry.database import Connection
from udfs.errors import ConfigError

NAME = "raw_messages"
TOPIC = TopicIdentity(topic=NAME, topic_id="AAAA", cluster_id="one")
ANEW = replace(TOPIC, topic_id="BBBB")
ELSEWHERE = replace(ANEW, cluster_id="two")


def test_a_topic_that_was_made_anew_is_refused(database: Connection) -> None:
    assert known_topic(database, "messages") is None
    check_same_topic(database, NAME, TOPIC)
    note_topic(database, "messages", TOPIC)
    assert known_topic(database, "messages") == TOPIC
    check_same_topic(database, NAME, TOPIC)
    check_same_topic(database, "other", replace(ANEW, topic="other"))
    with pytest.raises(ConfigError, match=r"found one that was made anew under its name \(BBBB instead of AAAA\)"):
        check_same_topic(database, NAME, ANEW)
    with pytest.raises(ConfigError, match=r"found one on another Kafka cluster \(two instead of one\)"):
        check_same_topic(database, NAME, ELSEWHERE)
    with pytest.raises(ConfigError, match=r"raw_messages that .* found that it is gone"):
        check_same_topic(database, NAME, None)
    check_same_topic(database, "other", None)
    note_topic(database, "messages", ANEW)
    check_same_topic(database, NAME, ANEW)


def test_a_dead_letter_topic_that_was_made_anew_is_told_once(database: Connection) -> None:
    assert note_dead_letter_topic(database, TOPIC) is None
    assert note_dead_letter_topic(database, TOPIC) is None
    said = note_dead_letter_topic(database, ANEW)
    assert said == "The topic raw_messages was made anew: dead-letter records of before are not in it"
    assert note_dead_letter_topic(database, ANEW) is None
    assert note_dead_letter_topic(database, replace(ANEW, topic="other")) is None


def test_a_row_of_any_table_is_a_result(database: Connection) -> None:
    assert not has_results(database)
    with database.cursor() as cursor:
        cursor.execute("INSERT INTO dead_letters (kafka_partition, kafka_offset, reason) VALUES (0, 7, 'not JSON')")
    assert has_results(database)
