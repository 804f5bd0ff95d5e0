package exchangefingerprint.flink.deadletters;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.header.Header;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.flink.table.data.RowData;

/**
 * A dead letter, and how much of it is sent.
 *
 * @param partition where the record was
 * @param offset where the record was
 * @param reason why it was rejected
 * @param key its key, or null
 * @param value its value, or null
 * @param form how much of it is sent
 */
record DeadLetter(int partition, long offset, String reason, byte[] key, byte[] value, Form form) {
    /** The columns of a row, in order. */
    static final String TABLE =
            "letter_key BYTES, letter_value BYTES, reason STRING, kafka_partition INT, kafka_offset BIGINT";

    /** How much of a dead letter is sent; each is tried after the one before. */
    enum Form {
        WHOLE(""),
        /** A compacted topic takes no record without a key. */
        KEYED("no key"),
        WITHOUT_VALUE("value"),
        WITHOUT_KEY_AND_VALUE("key and value"),
        NOTHING("all");

        /** What is not sent. */
        final String lost;

        Form(String lost) {
            this.lost = lost;
        }
    }

    static DeadLetter of(RowData row) {
        return new DeadLetter(
                row.getInt(3),
                row.getLong(4),
                row.getString(2).toString(),
                row.isNullAt(0) ? null : row.getBinary(0),
                row.isNullAt(1) ? null : row.getBinary(1),
                Form.WHOLE);
    }

    /** Return it in the next form that differs from this one. */
    DeadLetter smaller() {
        Form next = Form.values()[form.ordinal() + 1];
        boolean differs =
                switch (next) {
                    // Of a batch with a record that is refused, the others are refused too: they go once more.
                    case WHOLE, KEYED, NOTHING -> true;
                    case WITHOUT_VALUE -> value != null;
                    case WITHOUT_KEY_AND_VALUE -> key != null;
                };
        DeadLetter smaller = in(next);
        return differs ? smaller : smaller.smaller();
    }

    /** Tell whether something of it is not sent. */
    boolean isCut() {
        return form.compareTo(Form.WITHOUT_VALUE) >= 0;
    }

    /** Return it in a form. */
    DeadLetter in(Form other) {
        return new DeadLetter(partition, offset, reason, key, value, other);
    }

    /** Lay it out: the bytes as they were, and as headers why and where from, and what is missing. */
    ProducerRecord<byte[], byte[]> record(String topic, String sourceTopic, String cause) {
        List<Header> headers = new ArrayList<>();
        headers.add(header("reason", reason));
        headers.add(header("source_topic", sourceTopic));
        headers.add(header("source_partition", Integer.toString(partition)));
        headers.add(header("source_offset", Long.toString(offset)));
        boolean hasKey = form.compareTo(Form.WITHOUT_KEY_AND_VALUE) < 0;
        if (isCut()) {
            headers.add(header("lost", form.lost));
            headers.add(header("lost_because", cause));
        }
        byte[] sentKey = hasKey ? key : null;
        if (sentKey == null && form != Form.WHOLE) {
            sentKey = bytes(partition + ":" + offset);
            headers.add(header("key_is", "place"));
        }
        return new ProducerRecord<>(topic, null, sentKey, isCut() ? null : value, headers);
    }

    private static Header header(String name, String text) {
        return new RecordHeader(name, bytes(text));
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
