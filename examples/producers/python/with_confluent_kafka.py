"""Writes a toy feed to the topic with confluent-kafka: python with_confluent_kafka.py localhost:9092 raw_messages."""

import json
import sys
import time

from confluent_kafka import Producer

broker, topic = sys.argv[1:]
producer = Producer({"bootstrap.servers": broker, "partitioner": "murmur2_random", "linger.ms": 5})
for number in range(200):
    message = {
        "connection_id": "toy-confluent-kafka",
        "recv_ts_ns": time.time_ns(),
        "msg_type": "HEARTBEAT" if number % 10 == 0 else "NEW",
    }
    producer.produce(topic, key=message["connection_id"], value=json.dumps(message))
    producer.poll(0)
    time.sleep(0.01)
producer.flush()
