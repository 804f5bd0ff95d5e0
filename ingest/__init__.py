"""Frames from outside become messages, and messages go to Kafka.

Live: `adapters` describe a `feed`, `websocket` connects, `session` and `live` keep it running, `sinks` take its frames.
Recorded: `recorder` writes what `capture` reads; `convert` reads `foreign` formats.
Frames to messages: `mapping`, with `kinds`, `layers`, `values` and `vocabulary`; `messages` encodes them.
Into Kafka: `publish` for what is recorded, `producer` for all, with its `backlog` and `broker`.
"""
