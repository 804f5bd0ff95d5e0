"""Writes a toy feed to the topic with kafka-python: python with_kafka_python.py localhost:9092 raw_messages."""

import json
import sys
import time

from kafka import KafkaProducer

broker, topic = sys.argv[1:]
with KafkaProducer(bootstrap_servers=broker) as producer:
    for number in range(200):
        message = {
            "connection_id": "toy-kafka-python",
            "recv_ts_ns": time.time_ns(),
            "msg_type": "HEARTBEAT" if number % 10 == 0 else "NEW",
        }
        producer.send(topic, key=message["connection_id"].encode(), value=json.dumps(message).encode())
        time.sleep(0.01)
