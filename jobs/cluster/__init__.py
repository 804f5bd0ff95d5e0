"""The job on a Flink cluster: submitted, stopped, resumed, and its models changed."""
