"""Messages to and from Kafka: the producer, the topic's readers, and the rule of what a message is."""
