package exchangefingerprint.flink.letters;

import java.util.Properties;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.table.data.RowData;

/** Sends dead letters, each at least once, and goes on whatever becomes of one. */
final class LetterSink implements Sink<RowData> {
    private static final long serialVersionUID = 1L;

    private final String kafka;
    private final String topic;
    private final String sourceTopic;
    private final String url;
    private final Properties login;

    LetterSink(String kafka, String topic, String sourceTopic, String url, Properties login) {
        this.kafka = kafka;
        this.topic = topic;
        this.sourceTopic = sourceTopic;
        this.url = url;
        this.login = login;
    }

    @Override
    public SinkWriter<RowData> createWriter(WriterInitContext context) {
        Losses losses = new Losses(topic, url, login, context.metricGroup());
        return new LetterWriter(new Mailbox(kafka, topic), sourceTopic, losses);
    }
}
