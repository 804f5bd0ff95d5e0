"""What the job computes, without Flink.

Of recordings in `captures`; of a topic's partitions in `windows` and `rows`, and what was wrong with their connections
in `health`.
"""
