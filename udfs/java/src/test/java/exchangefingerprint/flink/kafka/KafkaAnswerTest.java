package exchangefingerprint.flink.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import org.junit.jupiter.api.Test;

class KafkaAnswerTest {
    @Test
    void anAnswerStandsWithinASentence() {
        assertEquals("Topic authorization failed", KafkaAnswer.of(new IOException("Topic authorization failed.")));
        assertEquals("no, 1.5 of it", KafkaAnswer.of(new IOException("no,\n  1.5 of it ")));
        assertEquals("IOException", KafkaAnswer.of(new IOException()));
    }
}
