package exchangefingerprint.flink.messages;

import org.apache.flink.table.data.StringData;

/**
 * Why a record is invalid, in the order in which it is looked at: of several faults, a dead letter names the first.
 */
enum RejectionReason {
    NULL_VALUE("null value"),
    TOO_LARGE("larger than 64 KiB"),
    NOT_UTF8("not UTF-8"),
    NOT_JSON("not JSON"),
    MORE_THAN_ONE_VALUE("more than one JSON value"),
    NO_OBJECT("not a JSON object"),
    NO_CONNECTION_ID("no connection_id"),
    BAD_CONNECTION_ID("connection_id is not a string of 1 to 128 printable characters"),
    NO_RECV_TS_NS("no recv_ts_ns"),
    BAD_RECV_TS_NS("recv_ts_ns is not an integer of nanoseconds from 2000 to 2099"),
    NO_MSG_TYPE("no msg_type"),
    BAD_MSG_TYPE("msg_type is not NEW, ACK, NACK, HEARTBEAT or OTHER"),
    BAD_EXCHANGE_TS_NS("exchange_ts_ns is not a 64-bit integer"),
    BAD_SEQ("seq is not a 64-bit integer"),
    BAD_PREV_SEQ("prev_seq is not a 64-bit integer"),
    BAD_REQUEST_ID("request_id is not a 64-bit integer"),
    BAD_PAYLOAD_BYTES("payload_bytes is not an integer of 0 or more"),
    BAD_DECLARED_EXCHANGE("declared_exchange is not a string of 1 to 64 printable characters"),
    NO_KEY("no key"),
    OTHER_KEY("key is not the connection_id");

    final String text;
    final StringData sql;

    RejectionReason(String text) {
        this.text = text;
        this.sql = StringData.fromString(text);
    }
}
