package exchangefingerprint.flink.messages;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import java.util.Set;
import org.apache.flink.table.factories.DeserializationFormatFactory;
import org.apache.flink.table.factories.FactoryUtil;
import org.junit.jupiter.api.Test;

class MessageFormatTest {
    @Test
    void flinkFindsItByItsName() {
        DeserializationFormatFactory found = FactoryUtil.discoverFactory(
                getClass().getClassLoader(), DeserializationFormatFactory.class, "fingerprint-message");
        assertInstanceOf(MessageFormat.class, found);
        assertEquals(Set.of(), found.requiredOptions());
        assertEquals(Set.of(), found.optionalOptions());
    }
}
