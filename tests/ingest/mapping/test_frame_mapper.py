"""Literal frames of public interface documentation, and what each must become."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ingest
from ingest.mapping.frame_mapper import Message, map_frame
from udfs.schema import MISSING, SESSION_COLUMNS, MsgType

NEW, ACK, NACK, HEARTBEAT, OTHER = MsgType
NOW = 1_700_000_000_000_000_000

MARKET_DATA = [
    # (frame, type, seq, exchange_ts_ns)
    pytest.param(
        '{"e":"trade","E":1672515782136,"s":"BNBBTC","t":12345,"p":"0.001","q":"100","T":1672515782130,"m":true}',
        *(NEW, MISSING, 1672515782136000000),
        id="binance spot trade",
    ),
    pytest.param(
        '{"e":"depthUpdate","E":1672515782136,"s":"BNBBTC","U":157,"u":160,"b":[["0.0024","10"]],"a":[]}',
        *(NEW, 160, 1672515782136000000),
        id="binance spot depth",
    ),
    pytest.param(
        '{"stream":"bnbusdt@bookTicker","data":{"u":400900217,"s":"BNBUSDT","b":"25.3","B":"31.2","a":"25.4","A":"40"}}',
        *(NEW, 400900217, MISSING),
        id="binance combined bookTicker",
    ),
    pytest.param(
        '{"lastUpdateId":160,"bids":[["0.0024","10"]],"asks":[["0.0026","100"]]}',
        *(NEW, 160, MISSING),
        id="binance partial depth",
    ),
    pytest.param(
        '{"subscriptionId":0,"event":{"e":"executionReport","E":1499405658658,"s":"ETHBTC","c":"mUvoqJxFIILMdfAW5iGSOW"}}',
        *(NEW, MISSING, 1499405658658000000),
        id="binance user data event",
    ),
    pytest.param(
        '{"type":"ticker","sequence":37475248783,"product_id":"ETH-USD","price":"1285.22","time":"2022-10-19T23:28:22.061769Z"}',
        *(NEW, 37475248783, 1666222102061769000),
        id="coinbase exchange ticker",
    ),
    pytest.param(
        '{"channel":"l2_data","client_id":"","timestamp":"2023-02-09T20:32:50.714964855Z","sequence_num":7,'
        '"events":[{"type":"snapshot","product_id":"BTC-USD","updates":[{"side":"bid","price_level":"21921.73"}]}]}',
        *(NEW, 7, 1675974770714964855),
        id="coinbase advanced trade l2_data",
    ),
    pytest.param(
        '[0,{"a":["5525.40000",1,"1.000"],"b":["5525.10000",1,"1.000"]},"ticker","XBT/USD"]',
        *(NEW, MISSING, MISSING),
        id="kraken v1 ticker",
    ),
    pytest.param(
        '[[{"OGTT3Y-C6I3P-XRI6HX":{"status":"open"}}],"openTrades",{"sequence":234}]',
        *(NEW, 234, MISSING),
        id="kraken v1 private",
    ),
    pytest.param(
        '{"channel":"book","type":"update","data":[{"symbol":"MATIC/USD","bids":[{"price":0.5657,"qty":1098.39}],'
        '"asks":[],"checksum":2114181697,"timestamp":"2023-10-06T17:35:55.440295Z"}]}',
        *(NEW, MISSING, 1696613755440295000),
        id="kraken v2 book",
    ),
    pytest.param(
        '{"channel":"executions","type":"snapshot","data":[{"order_id":"OK4GJX"}],"sequence":1}',
        *(NEW, 1, MISSING),
        id="kraken v2 executions",
    ),
    pytest.param(
        '{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[{"asks":[],"bids":[["8446","95","0","3"]],'
        '"ts":"1597026383085","checksum":-855196043,"prevSeqId":123456,"seqId":123457}]}',
        *(NEW, 123457, 1597026383085000000),
        id="okx books",
    ),
    pytest.param(
        '{"jsonrpc":"2.0","method":"subscription","params":{"channel":"book.BTC-PERPETUAL.100ms",'
        '"data":{"timestamp":1554373962454,"change_id":297217,"bids":[],"asks":[]}}}',
        *(NEW, 297217, 1554373962454000000),
        id="deribit notification, though its method is subscription",
    ),
    pytest.param(
        '{"id":-1,"method":"subscribe","code":0,"result":{"channel":"ticker","data":[{"t":1613580710768}]}}',
        *(NEW, MISSING, 1613580710768000000),
        id="crypto.com push in the form of an answer",
    ),
    pytest.param('[229,30387406,[["o",0,"0.00001687","14.6"]]]', NEW, 30387406, MISSING, id="poloniex v1 book"),
    pytest.param(
        '{"type":"message","topic":"/market/level2:BTC-USDT","subject":"trade.l2update","data":{"sequenceStart":49,'
        '"sequenceEnd":51,"time":1663747970273}}',
        *(NEW, 51, 1663747970273000000),
        id="kucoin level2",
    ),
    pytest.param(
        '{"channel":"ticker","market":"BTC/USD","type":"update","data":{"bid":1.0,"time":1617645008.5}}',
        *(NEW, MISSING, 1617645008500000000),
        id="ftx seconds with a fraction",
    ),
    pytest.param(
        '{"data":{"timestamp":"1617654352","microtimestamp":"1617654352932234","bids":[],"asks":[["1.0","2.0"]]},'
        '"channel":"diff_order_book_ethgbp","event":"data"}',
        *(NEW, MISSING, 1617654352932234000),
        id="bitstamp, the finer of two clocks",
    ),
    pytest.param('{"C":"d-6CDB573A-B,0","M":[{"H":"C2","M":"uE","A":["hY/B"]}]}', NEW, MISSING, MISSING, id="signalr"),
]

ANSWERS = [
    # (frame, type, request_id)
    pytest.param('{"result":null,"id":312}', ACK, 312, id="binance stream subscription"),
    pytest.param('{"error":{"code":2,"msg":"Invalid request"},"id":7}', NACK, 7, id="binance stream error"),
    pytest.param('{"id":3,"status":200,"result":{"orderId":12569099453},"rateLimits":[]}', ACK, 3, id="binance ws-api"),
    pytest.param('{"id":4,"status":400,"error":{"code":-2010,"msg":"x"}}', NACK, 4, id="binance ws-api refusal"),
    pytest.param(
        '{"type":"subscriptions","channels":[{"name":"level2","product_ids":["ETH-USD"]}]}',
        *(ACK, MISSING),
        id="coinbase exchange subscriptions",
    ),
    pytest.param(
        '{"channel":"subscriptions","client_id":"","timestamp":"2023-02-09T20:33:57.609931463Z","sequence_num":0,'
        '"events":[{"subscriptions":{"heartbeats":["heartbeats"]}}]}',
        *(ACK, MISSING),
        id="coinbase advanced trade subscriptions, to heartbeats",
    ),
    pytest.param('{"type":"error","message":"error message"}', NACK, MISSING, id="coinbase error"),
    pytest.param(
        '{"channelID":10001,"channelName":"ticker","event":"subscriptionStatus","pair":"XBT/EUR","reqid":42,'
        '"status":"subscribed","subscription":{"name":"ticker"}}',
        *(ACK, 42),
        id="kraken v1 subscribed",
    ),
    pytest.param(
        '{"errorMessage":"Subscription depth not supported","event":"subscriptionStatus","status":"error","reqid":43}',
        *(NACK, 43),
        id="kraken v1 subscription refused",
    ),
    pytest.param(
        '{"descr":"buy 0.01770000 XBTUSD","event":"addOrderStatus","reqid":5,"status":"ok","txid":"ONPNXH"}',
        *(ACK, 5),
        id="kraken v1 order",
    ),
    pytest.param(
        '{"errorMessage":"EOrder:Order minimum not met","event":"addOrderStatus","reqid":6,"status":"error"}',
        *(NACK, 6),
        id="kraken v1 order refused",
    ),
    pytest.param(
        '{"method":"add_order","req_id":123456789,"result":{"order_id":"AA5"},"success":true,'
        '"time_in":"2023-09-21T14:15:07.197274Z","time_out":"2023-09-21T14:15:07.205301Z"}',
        *(ACK, 123456789),
        id="kraken v2 order",
    ),
    pytest.param(
        '{"error":"EOrder:Insufficient funds","method":"add_order","req_id":8,"success":false}',
        *(NACK, 8),
        id="kraken v2 order refused",
    ),
    pytest.param('{"id":"1512","op":"order","data":[{"sCode":"0"}],"code":"0","msg":""}', ACK, 1512, id="okx order"),
    pytest.param('{"id":"1512","op":"order","data":[{"sCode":"51"}],"code":"1"}', NACK, 1512, id="okx order refused"),
    pytest.param('{"event":"subscribe","arg":{"channel":"heartbeat"}}', ACK, MISSING, id="verb before topic"),
    pytest.param('{"success":true,"ret_msg":"","op":"subscribe","req_id":"9"}', ACK, 9, id="bybit subscription"),
    pytest.param('{"reqId":"10","retCode":10001,"retMsg":"x","op":"order.create"}', NACK, 10, id="bybit order refused"),
    pytest.param('{"event":"bts:subscription_succeeded","channel":"live","data":{}}', ACK, MISSING, id="bitstamp"),
    pytest.param('{"R":true,"I":"6"}', ACK, 6, id="signalr result"),
    pytest.param('{"jsonrpc":"2.0","id":2,"error":{"code":10009}}', NACK, 2, id="json-rpc error"),
    pytest.param('{"time":1,"channel":"spot.trades","event":"subscribe","error":null,"id":3}', ACK, 3, id="gate.io"),
    pytest.param('{"action":"sub","code":2001,"ch":"orders","message":"x"}', NACK, MISSING, id="htx code"),
]

HEARTBEATS = [
    *(
        '{"event":"heartbeat"}',
        '{"channel":"heartbeat"}',
        '{"event":"pong","reqid":42}',
        '{"method":"pong","req_id":101}',
    ),
    '{"type":"heartbeat","sequence":90,"last_trade_id":20,"product_id":"BTC-USD","time":"2014-11-07T08:19:28.464459Z"}',
    '{"channel":"heartbeats","sequence_num":0,"events":[{"current_time":"2023-06-23","heartbeat_counter":"3049"}]}',
    *('[1234,"hb"]', "[1010]", "{}", "ping", "pong", ' "pong" ', "PONG\n"),
    *('{"ping":1492420473027}', '{"op":"pong"}', '{"success":true,"ret_msg":"pong","op":"ping"}'),
    *('{"time":1,"channel":"spot.pong","event":"","result":null}', '{"id":0,"code":0,"msg":"PONG"}'),
    *('{"id":1,"method":"public/heartbeat","code":0}', '{"error":null,"id":1,"result":"pong"}', '{"status":"UP"}'),
    '{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"test_request"}}',
    '{"feed":"heartbeat","time":1534262350627}',
]

OTHERS = [
    '{"connectionID":8628615390848610000,"event":"systemStatus","status":"online","version":"1.0.0"}',
    '{"channel":"status","type":"update","data":[{"system":"online","api_version":"v2"}]}',
    '{"type":"status","products":[{"id":"BTC-USD"}],"currencies":[]}',
    '{"event":"info","version":2,"platform":{"status":1}}',
    '{"event":"info","code":20051,"msg":"Stopping"}',
    '{"info":"Welcome","version":"1","timestamp":"2015-01-18T10:14:06.802Z","docs":"d","limit":{"remaining":39}}',
    '{"id":"hQvf8jkno","type":"welcome"}',
    '{"type":"connected","connection_id":"87b25218","message_id":0}',
    *('{"C":"d-6CDB573A-B,0","S":1,"M":[]}', "not json", "NaN", "", "5", "null", "true", '"text"', "[1002,1]"),
]

REQUESTS = [
    # (sent frame, type, request_id)
    pytest.param('{"method":"SUBSCRIBE","params":["btcusdt@aggTrade"],"id":1}', NEW, 1, id="binance"),
    pytest.param('{"type":"subscribe","channel":"heartbeats","product_ids":["ETH-USD"]}', NEW, MISSING, id="coinbase"),
    pytest.param('{"event":"addOrder","reqid":5,"pair":"XBT/USD","price":"9000"}', NEW, 5, id="kraken v1"),
    pytest.param('{"method":"add_order","params":{"cl_ord_id":"77","symbol":"BTC/USD"}}', NEW, 77, id="client id"),
    pytest.param('{"event":"ping","reqid":42}', HEARTBEAT, 42, id="ping"),
    pytest.param('{"pong":1492420473027}', HEARTBEAT, MISSING, id="pong"),
    pytest.param('[{"ticket":"1c3887ce"},{"type":"trade","codes":["KRW-BTC"]}]', NEW, MISSING, id="array"),
    pytest.param('{"H":"c2","M":"Subscribe","A":[],"I":0}', NEW, 0, id="signalr"),
    pytest.param("ping", HEARTBEAT, MISSING, id="text"),
    pytest.param("hello", OTHER, MISSING, id="no JSON"),
]


def test_message_has_the_columns_of_a_session() -> None:
    assert Message._fields == SESSION_COLUMNS


@pytest.mark.parametrize(("frame", "msg_type", "seq", "exchange_ts_ns"), MARKET_DATA)
def test_market_data(frame: str, msg_type: MsgType, seq: int, exchange_ts_ns: int) -> None:
    expected = Message(NOW, exchange_ts_ns, msg_type, seq, MISSING, len(frame))
    assert map_frame(frame, "recv", NOW)._replace(prev_seq=MISSING) == expected
    assert map_frame(frame.encode(), "recv", NOW)._replace(prev_seq=MISSING) == expected


@pytest.mark.parametrize(("frame", "msg_type", "request_id"), ANSWERS)
def test_answers(frame: str, msg_type: MsgType, request_id: int) -> None:
    message = map_frame(frame, "recv", NOW)
    assert (message.msg_type, message.request_id) == (msg_type, request_id)


@pytest.mark.parametrize("frame", HEARTBEATS)
def test_heartbeats(frame: str) -> None:
    assert map_frame(frame, "recv", NOW).msg_type is HEARTBEAT


@pytest.mark.parametrize("frame", OTHERS)
def test_others(frame: str) -> None:
    assert map_frame(frame, "recv", NOW).msg_type is OTHER


@pytest.mark.parametrize(("frame", "msg_type", "request_id"), REQUESTS)
def test_sent_frames(frame: str, msg_type: MsgType, request_id: int) -> None:
    assert map_frame(frame, "send", NOW) == Message(NOW, MISSING, msg_type, MISSING, request_id, len(frame))


def test_heartbeats_keep_sequence_and_time() -> None:
    message = map_frame(HEARTBEATS[4], "recv", NOW)
    assert (message.seq, message.exchange_ts_ns) == (90, 1415348368464459000)


def test_payload_bytes_are_utf8_bytes() -> None:
    assert map_frame('{"s":"é€"}', "recv", NOW).payload_bytes == 8 + 2 + 3


@pytest.mark.parametrize(
    "number", ["9223372036854775808", "18446744073709551616", "1" * 40, "true", "1.5", "null", '""']
)
def test_what_int64_cannot_hold_is_missing(number: str) -> None:
    message = map_frame(f'{{"sequence":{number},"E":{number},"s":"A"}}', "recv", NOW)
    assert (message.msg_type, message.seq, message.exchange_ts_ns) == (NEW, MISSING, MISSING)
    is_integer = number.isdigit()  # such ids are hashed: test_ids_that_int64_cannot_hold_are_linked
    assert (map_frame(f'{{"id":{number},"result":1}}', "recv", NOW).request_id == MISSING) is not is_integer


def test_deep_nesting_and_broken_text() -> None:
    for frame in (
        "[" * 100_000,
        '{"data":' * 5_000 + "1" + "}" * 5_000,
        '{"a":1',
        "\ud800",
        b"\xff\xfe",
    ):
        assert map_frame(frame, "recv", NOW).msg_type is OTHER


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["id", "type", "event", "channel", "data", "result", "status", "error", "code", "E", "ts", "u", "seq"]
            )
            | st.text(max_size=4),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


def _fits_int64(message: Message) -> bool:
    return all(-(2**63) <= value < 2**63 for value in message)


@given(body=json_values, direction=st.sampled_from(["recv", "send"]), recv_ts_ns=st.integers(0, 2**63 - 1))
def test_any_json_maps(body: Any, direction: Any, recv_ts_ns: int) -> None:
    frame = json.dumps(body)  # writes what the JSON of venues may not hold, too: NaN, integers of any size
    message = map_frame(frame, direction, recv_ts_ns)
    assert message.recv_ts_ns == recv_ts_ns
    assert isinstance(message.msg_type, MsgType)
    assert _fits_int64(message)


@given(frame=st.text() | st.binary(), direction=st.sampled_from(["recv", "send"]))
def test_any_text_maps(frame: str | bytes, direction: Any) -> None:
    assert _fits_int64(map_frame(frame, direction, NOW))


def test_no_venue_is_named_in_the_mapper() -> None:
    venues = "binance coinbase kraken bitstamp bitmex okex okx okcoin ftx bittrex upbit bitflyer poloniex bybit kucoin"
    pattern = re.compile(rf"\b({venues.replace(' ', '|')})", re.IGNORECASE)
    for module in (Path(ingest.__file__).parent / "mapping").glob("*.py"):
        assert pattern.findall(module.read_text("utf-8")) == []
