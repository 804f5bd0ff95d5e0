"""The services of the local stack: Kafka, Flink, PostgreSQL, ZooKeeper and Prometheus."""
