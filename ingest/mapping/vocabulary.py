"""The words that venues share in their frames, and what each says about a message.

Every table is used for every connection alike: none belongs to a venue, for a mapping that knew the venue would
leak the answer into the features. Sources are the public interface documentation of some forty venues; a word is
here when at least two interfaces, or a protocol layer such as JSON-RPC or SignalR, give it the same meaning, or when
it can have no other. Keys of more than two characters are compared without case, dashes and underscores.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final

from udfs.schema import MsgType

HEARTBEAT_WORDS: Final = frozenset({"heartbeat", "heartbeats", "hb", "ping", "pong", "keepalive", "alive", "ka"})
"""Say only that the line lives, whichever side asked."""

HEARTBEAT_KEYS: Final = ("ping", "pong", "heartbeat")
"""Name a heartbeat by being there, as in `{"ping": 1492420473027}`."""

PINGS: Final = frozenset({"ping", "pong"})
"""What a yes to a ping says."""

ENDS_OF_LINE: Final = frozenset({b"\n", b"\r\n"})
"""Heartbeats of STOMP."""

PACKETS_ALIVE: Final = frozenset({2, 3})
"""Ping and pong of Engine.IO, as frames of one digit."""

NACK_WORDS: Final = frozenset(
    {
        *("error", "errors", "reject", "rejected", "nack", "fail", "failed", "failure", "alert"),
        *("invalid", "denied", "refused", "unauthorized", "unsupported", "forbidden"),
    }
)
"""The answer is no. `alert` is how one generation of interfaces names a refused request."""

ACK_WORDS: Final = frozenset(
    {
        *("ack", "response", "succeeded", "success", "ok"),
        *("subscribe", "subscribed", "subscription", "subscriptions", "subbed", "sub"),
        *("unsubscribe", "unsubscribed", "unsub", "unsubbed"),
        *("auth", "authenticated", "authorized", "login", "logon"),
    }
)
"""The answer to a request. The bare verbs are here because many interfaces answer with the verb they were sent."""

OTHER_WORDS: Final = frozenset(
    {
        *("info", "welcome", "hello", "system", "status", "notice", "maintenance", "shutdown"),
        *("connect", "connected", "disconnect", "disconnecting", "disconnected", "reconnect", "established"),
    }
)
"""The venue speaks of itself: greetings, its state, its version."""

VERB_KEYS: Final = (
    *("event", "type", "method", "op", "action", "command", "request"),
    *("message_type", "msg_type", "event_type", "response_type"),
)
"""Name what a frame does; any word of their value counts, as in `subscriptionStatus` or `subscription_succeeded`."""

SHORT_VERB_KEYS: Final = ("e", "ev", "m", "T")
"""Name what a frame does if their value is a word; that a part of it is the word `status` is not enough."""

TOPIC_KEYS: Final = ("channel", "topic", "ch", "feed", "result", "msg", "ret_msg", "message")
"""Name what a frame is about, so they may contain instruments: only the whole value or its last part counts, and
only where no verb has a meaning (an acknowledged subscription *to* heartbeats is not a heartbeat)."""

ERROR_KEYS: Final = ("error", "errors", "err")
"""Say what went wrong; empty or one of `NO_ERRORS` if nothing did."""

NO_ERRORS: Final = frozenset({"0", "none", "null", "no error", "ok", "success", "false"})

OUTCOME_KEYS: Final = (*ERROR_KEYS, "status", "success", "successful", "ok")
"""Carry the outcome of a request: what went wrong, or a word, a boolean or an HTTP-like number."""

STATUS_MEANINGS: Final = MappingProxyType(
    {
        **dict.fromkeys(("ok", "success", "successful", "subscribed", "unsubscribed"), MsgType.ACK),
        **dict.fromkeys(("error", "err", "fail", "failed", "failure", "rejected"), MsgType.NACK),
        "up": MsgType.HEARTBEAT,
    }
)
"""Outcomes as words, also as the last of several (`auth_failed`); `up` answers a ping, and a status such as `online`
is no outcome at all."""

HTTP_OK: Final = 200
HTTP_NO: Final = 400
HTTP_END: Final = 600
"""Numeric outcomes follow HTTP: from `HTTP_OK` a yes, from `HTTP_NO` a no, outside of them something else."""

CODE_KEYS: Final = ("code", "ret_code", "error_code", "err_code", "s_code")
"""Carry the outcome as a number (or its digits): `CODES_YES` is a yes, any other number a no."""

CODES_YES: Final = frozenset({0, 200})
"""Zero, and HTTP's OK."""

TEXT_KEYS: Final = (
    *("error", "error_message", "error_msg", "err_msg", "reason", "message", "msg", "ret_msg", "res_msg", "s_msg"),
    *("description", "detail", "details", "data", "result", "E"),
)
"""Say in words why an answer is what it is."""

REFUSAL: Final = re.compile(
    r"\b(not|no|never|cannot|\w+n['’]t|invalid|unknown|unsupported|unrecogni[sz]ed|unauthori[sz]ed|unexpected"
    r"|unavailable|undefined|unable|fail(ed|s|ure)?|errors?|denied|refused|rejected|blocked|banned|forbidden"
    r"|disallowed|disabled|prohibited|restricted|suspended|delisted|exceed(ed|s)?|limit reached|too many"
    r"|insufficient|missing|required|mismatch|expired|time(d )?out|illegal|malformed|incorrect|wrong|bad|duplicate"
    r"|already)\b",
    re.IGNORECASE,
)
"""A sentence with one of these refuses, whatever the code beside it, unless it says that there is `no error`."""

NO_REFUSAL: Final = re.compile(r"\b(no|without|0) (errors?|problems?)\b", re.IGNORECASE)

FAILED: Final = re.compile(r"(fail|reject|invalid|unknown)", re.IGNORECASE)
"""Begins the key of a list of what was refused beside what was not."""

GREETING: Final = re.compile(r"\b(connected|welcome|connection established)\b", re.IGNORECASE)
"""A yes that nobody asked for and that says this is a greeting."""

ANSWER_KEYS: Final = ("req_id", "request_id")
"""Stand in a received frame only if it answers a request, or if a subscription's data name what asked for them."""

ID_KEYS: Final = ("id", "I")
"""Data carry ids too, so these make a frame an answer only beside one of the `RESULT_KEYS`."""

RESULT_KEYS: Final = ("result", "R", "rep", "code", "ret_code")
"""What an id answers with (JSON-RPC, SignalR and their kin)."""

RESULT_BESIDE_ID_KEYS: Final = ("response",)
"""The same beside an id alone: elsewhere it is an envelope."""

NO_REQUEST: Final = -1
"""The id of frames that have the form of an answer but come unasked."""

REQUEST_ID_KEYS: Final = (
    *("id", "req_id", "request_id", "I", "invocation_id"),
    *("new_client_order_id", "client_order_id", "cl_ord_id"),
    *("client_oid", "cid", "userref"),
)
"""Link an answer to its request, the protocol's own id before an order's client id."""

SEQ_KEYS: Final = (
    *("sequence_num", "sequence", "sequence_no", "seq_num", "seq_no", "seq_id", "socket_sequence", "message_id"),
    *("sequence_number", "seq_number", "sequence_id", "sequence_end", "u", "seq"),
    *("last_update_id", "update_id", "change_id", "nonce"),
)
"""The venue's count of a stream; of a range of updates the last (`u` of `U..u`), which is what the next continues.
`u` counts the updates of one book, where `seq` beside it counts what happens in the whole market."""

RANGES: Final = (
    *(("u", "U"), ("sequence_end", "sequence_start"), ("to_version", "from_version")),
    *(("final_update_id", "first_update_id"), ("last_update_id", "first_update_id"), ("li", "fi"), ("i", "fi")),
)
"""The last and the first number of a range of updates."""

PREDECESSORS: Final = ("prev_", "previous_", "past_", "p")
"""Before the name of a counter: the number that the same stream had before."""

CHAINED: Final = (
    *("u", "seq", "seq_id", "seq_num", "seq_no", "sequence", "sequence_num", "sequence_number", "change_id"),
    *("update_id", "version", "nonce"),
)
"""Counters that occur with a predecessor beside them."""

LAST_IDS: Final = (("id", "last_id"),)
"""A counter and its predecessor, which elsewhere are called so for other reasons."""

TIME_KEYS: Final = (
    *("E", "T", "microtimestamp", "timestamp", "timestampms", "time_ms", "ts", "time"),
    *("time_out", "time_in", "current_time", "creation_time", "exec_date", "ttms", "tms", "t"),
)
"""The venue's clock, the time of the event in the interface before the time of the trade, the finer of two
clocks before the coarser; `t` last, for in some interfaces it counts trades (then `E` stands beside it)."""

WRAPPER_KEYS: Final = (
    *("response", "data", "params", "result", "R", "tick", "event", "events", "message", "messages", "contents"),
    *("args", "payload", "content", "arguments"),
)
"""Hold the payload of an enveloped message, as an object, as a list whose first object stands for it, or as either
one's text."""

TEXT_WRAPPER_KEYS: Final = ("o",)
"""Hold a payload only as text: an object under such a key is a part of an event."""

ENVELOPE_KEYS: Final = (
    *("data", "params", "result", "tick", "events", "contents", "changes", "updates", "update", "snapshot", "M"),
    *("payload", "content"),
)
MARKET_KEYS: Final = (
    *("symbol", "s", "product_id", "pair", "market", "instrument_id", "inst_id", "cd"),
    *("price", "p", "bids", "asks", "b", "a", "B", "book", "trades", "o", "k"),
)
DATA_KEYS: Final = (*ENVELOPE_KEYS, *MARKET_KEYS)
"""A frame that carries one of these, and answers nothing, tells about a market or an account."""

MOST_MARKET_KEYS: Final = 2
"""An object with as many of the `MARKET_KEYS` is no answer in an envelope."""
