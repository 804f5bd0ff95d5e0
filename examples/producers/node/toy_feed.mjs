// Writes a toy feed to the topic: npm install && node toy_feed.mjs localhost:9092 raw_messages
import { setTimeout as sleep } from "node:timers/promises";
import { Kafka, Partitioners, logLevel } from "kafkajs";

const [broker, topic] = process.argv.slice(2);
const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.ERROR });
const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
const id = "toy-node";

await producer.connect();
const began = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();
for (let number = 0; number < 200; number++) {
  // A number of JavaScript holds no nanoseconds since 1970, so the JSON is written by hand.
  const received = began + process.hrtime.bigint();
  const type = number % 10 === 0 ? "HEARTBEAT" : "NEW";
  const value = `{"connection_id": "${id}", "recv_ts_ns": ${received}, "msg_type": "${type}"}`;
  await producer.send({ topic, messages: [{ key: id, value }] });
  await sleep(10);
}
await producer.disconnect();
