"""Publishes what is in grafana/ to a running Grafana through its API, and tries every panel there."""
