"""The words that venues share in their frames, and what each says about a message.

Every table is used for every connection alike: none belongs to a venue, for a mapping that knew the venue would
leak the answer into the features. Sources are the public interface documentation of some thirty venues; a word is
here when at least two interfaces, or a protocol layer such as JSON-RPC or SignalR, give it the same meaning, or when
it can have no other.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from udfs.schema import MsgType

HEARTBEAT_WORDS: Final = frozenset({"heartbeat", "heartbeats", "hb", "ping", "pong", "keepalive"})
"""Say only that the line lives, whichever side asked."""

HEARTBEAT_KEYS: Final = frozenset({"ping", "pong", "heartbeat"})
"""Name a heartbeat by being there, as in `{"ping": 1492420473027}`."""

NACK_WORDS: Final = frozenset({"error", "errors", "reject", "rejected", "nack", "fail", "failed", "failure", "alert"})
"""The answer is no. `alert` is how one generation of interfaces names a refused request."""

ACK_WORDS: Final = frozenset(
    {
        *("ack", "response", "succeeded", "success", "ok"),
        *("subscribe", "subscribed", "subscription", "subscriptions", "subbed", "sub"),
        *("unsubscribe", "unsubscribed", "unsub", "unsubbed"),
        *("auth", "authenticated", "login", "logon"),
    }
)
"""The answer to a request. The bare verbs are here because many interfaces answer with the verb they were sent."""

OTHER_WORDS: Final = frozenset({"info", "welcome", "hello", "connected", "system", "status", "notice", "maintenance"})
"""The venue speaks of itself: greetings, its state, its version."""

VERB_KEYS: Final = ("event", "type", "method", "op", "action", "command", "request")
"""Name what a frame does; any word of their value counts, as in `subscriptionStatus` or `subscription_succeeded`."""

TOPIC_KEYS: Final = ("channel", "topic", "ch", "feed", "result", "msg", "ret_msg")
"""Name what a frame is about, so they may contain instruments: only the whole value or its last part counts, and
only where no verb has a meaning (an acknowledged subscription *to* heartbeats is not a heartbeat)."""

OUTCOME_KEYS: Final = ("error", "Error", "status", "success", "Success")
"""Carry the outcome of a request: what went wrong (null or empty if nothing), or a word, a boolean or an HTTP-like
number."""

STATUS_MEANINGS: Final = MappingProxyType(
    {
        **dict.fromkeys(("ok", "success", "successful", "subscribed", "unsubscribed"), MsgType.ACK),
        **dict.fromkeys(("error", "err", "fail", "failed", "rejected"), MsgType.NACK),
        "up": MsgType.HEARTBEAT,
    }
)
"""Outcomes as words; `up` answers a ping, and a status such as `online` is no outcome at all."""

HTTP_OK: Final = 200
HTTP_NO: Final = 400
HTTP_END: Final = 600
"""Numeric outcomes follow HTTP: from `HTTP_OK` a yes, from `HTTP_NO` a no, outside of them something else."""

CODE_KEYS: Final = frozenset({"code", "retCode", "ret_code", "errorCode", "error_code", "err-code", "ErrorCode"})
"""Carry the outcome as a number (or its digits): `CODES_YES` is a yes, any other number a no."""

CODES_YES: Final = frozenset({0, 200})
"""Zero, and HTTP's OK."""

ANSWER_KEYS: Final = frozenset({"req_id", "reqid", "request_id", "requestId", "reqId"})
"""Stand in a received frame only if it answers a request."""

ID_KEYS: Final = frozenset({"id", "I"})
"""Data carry ids too, so these make a frame an answer only beside one of the `RESULT_KEYS`."""

RESULT_KEYS: Final = frozenset({"result", "R", "rep", "code", "retCode"})
"""What an id answers with (JSON-RPC, SignalR and their kin)."""

NO_REQUEST: Final = -1
"""The id of frames that have the form of an answer but come unasked."""

REQUEST_ID_KEYS: Final = (
    *("id", "req_id", "reqid", "request_id", "requestId", "reqId", "I"),
    *("newClientOrderId", "clientOrderId", "client_order_id", "clOrdId", "clOrdID", "cl_ord_id"),
    *("client_oid", "clientOid", "cid", "userref"),
)
"""Link an answer to its request, the protocol's own id before an order's client id."""

SEQ_KEYS: Final = (
    *("sequence_num", "sequence", "seqNum", "seq_num", "seqId", "seq", "socket_sequence", "message_id"),
    *("sequenceEnd", "u", "lastUpdateId", "change_id"),
)
"""The venue's count of a stream; of a range of updates the last (`u` of `U..u`), which is what the next continues."""

TIME_KEYS: Final = (
    *("E", "T", "microtimestamp", "timestamp", "timestampms", "timestamp_ms", "time_ms", "ts", "time"),
    *("time_out", "time_in", "current_time", "creationTime", "exec_date", "ttms", "tms", "t"),
)
"""The venue's clock, the time of the event in the interface before the time of the trade, the finer of two
clocks before the coarser; `t` last, for in some interfaces it counts trades (then `E` stands beside it)."""

WRAPPER_KEYS: Final = ("data", "params", "result", "tick", "event", "events", "message", "contents", "args")
"""Hold the payload of an enveloped message, as an object or as a list whose first item stands for it."""

DATA_KEYS: Final = frozenset(
    {
        *("data", "params", "result", "tick", "events", "contents", "changes", "updates", "update", "snapshot", "M"),
        *("symbol", "s", "product_id", "pair", "market", "instrument_id", "instId", "cd"),
        *("price", "p", "bids", "asks", "b", "a", "B", "book", "trades", "o", "k"),
    }
)
"""A frame that carries one of these, and answers nothing, tells about a market or an account."""
