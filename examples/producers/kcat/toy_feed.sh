#!/usr/bin/env bash
# Writes a toy feed to the topic: ./toy_feed.sh localhost:9092 raw_messages
set -euo pipefail

for number in $(seq 0 199); do
    type=NEW
    [ $((number % 10)) -ne 0 ] || type=HEARTBEAT
    printf 'toy-kcat\t{"connection_id": "toy-kcat", "recv_ts_ns": %s, "msg_type": "%s"}\n' "$(date +%s%N)" "$type"
    sleep 0.01
done | kcat -P -b "$1" -t "$2" -K '\t' -X partitioner=murmur2_random
