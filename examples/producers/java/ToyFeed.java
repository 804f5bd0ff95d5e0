/** Writes a toy feed to the topic: java -cp 'jars/*' ToyFeed.java localhost:9092 raw_messages. */
import java.time.Instant;
import java.util.Map;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

public class ToyFeed {
    public static void main(String[] arguments) throws Exception {
        String broker = arguments[0], topic = arguments[1], id = "toy-java";
        Map<String, Object> settings = Map.of("bootstrap.servers", broker);
        try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
            for (int number = 0; number < 200; number++) {
                Instant now = Instant.now();
                long receivedNs = now.getEpochSecond() * 1_000_000_000L + now.getNano();
                String type = number % 10 == 0 ? "HEARTBEAT" : "NEW";
                String message = "{\"connection_id\": \"%s\", \"recv_ts_ns\": %d, \"msg_type\": \"%s\"}";
                producer.send(new ProducerRecord<>(topic, id, message.formatted(id, receivedNs, type)));
                Thread.sleep(10);
            }
        }
    }
}
