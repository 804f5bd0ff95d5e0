package exchangefingerprint.flink.deadletters;

import java.util.HashMap;
import java.util.Map;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.table.data.RowData;

/** Sends dead letters, each at least once, and goes on whatever becomes of one. */
final class DeadLetterSink implements Sink<RowData> {
    private static final long serialVersionUID = 1L;

    private final HashMap<String, String> kafka;
    private final String topic;
    private final String sourceTopic;
    private final String url;

    DeadLetterSink(Map<String, String> kafka, String topic, String sourceTopic, String url) {
        this.kafka = new HashMap<>(kafka);
        this.topic = topic;
        this.sourceTopic = sourceTopic;
        this.url = url;
    }

    @Override
    public SinkWriter<RowData> createWriter(WriterInitContext context) {
        Losses losses = new Losses(topic, url, context.metricGroup());
        return new DeadLetterWriter(new DeadLetterProducer(kafka, topic), sourceTopic, losses);
    }
}
