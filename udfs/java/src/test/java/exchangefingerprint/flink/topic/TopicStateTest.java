package exchangefingerprint.flink.topic;

import static org.junit.jupiter.api.Assertions.assertEquals;

import exchangefingerprint.flink.topic.TopicState.Identity;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Properties;
import org.junit.jupiter.api.Test;

class TopicStateTest {
    private static final Identity NONE = new Identity("", 0);
    private static final Identity FOUND = new Identity("AAAA", 4);

    @Test
    void aBrokerThatDoesNotKnowTheTopicYetIsAskedAgain() throws IOException {
        assertEquals(FOUND, answered(3, NONE, FOUND));
        assertEquals(FOUND, answered(3, NONE, NONE, FOUND));
    }

    @Test
    void aTopicThatIsNotThereIsGone() throws IOException {
        assertEquals(NONE, answered(3, NONE, NONE, NONE, FOUND));
    }

    private static Identity answered(int mostLooks, Identity... answers) throws IOException {
        Deque<Identity> left = new ArrayDeque<>(List.of(answers));
        TopicState topic =
                new TopicState(new Properties(), "messages") {
                    private static final long serialVersionUID = 1L;

                    @Override
                    Identity identity() {
                        return left.remove();
                    }
                };
        return topic.confirmedIdentity(mostLooks, 0);
    }
}
