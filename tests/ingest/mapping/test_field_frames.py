"""Frames that interfaces document, or users report, and that words alone read wrongly; expectations are read off them.

Each table is one rule of `ingest/VENUES.md`: what a frame shows and what recurs decide, not a single word.
"""

from __future__ import annotations

import json
import logging
from hashlib import blake2b
from itertools import accumulate, pairwise

import numpy as np
import pytest

from ingest.frame import Direction, Frame
from ingest.mapping import FrameMapper, Message, map_frame
from jobs.reference.health import health_events
from udfs.schema import MISSING, MsgType, Session

NOW = 1_780_000_000_000_000_000
NEW, ACK, NACK, HEARTBEAT, OTHER = MsgType
SECOND_NS = 10**9


def received(frame: str | bytes) -> Message:
    return map_frame(frame, "recv", NOW)


def hashed(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), signed=True)


ARRAYS = [
    # (frame, type, seq, time in ms)
    ('[266343,"cs",-1234567890]', OTHER, MISSING, MISSING),
    ('[266343,"cs",1234567890]', OTHER, MISSING, MISSING),
    ('[266343,"cs",-1234567890,42]', OTHER, 42, MISSING),
    ('[266343,"cs",1234567890,42]', OTHER, 42, MISSING),
    ('[266343,"cs",-1234567890,42,1780000000123]', OTHER, 42, 1_780_000_000_123),
    ('[266343,"cs",-1234567890,1780000000123]', OTHER, MISSING, 1_780_000_000_123),
    ("[266343,[7255.5,0,-1.21],1780000000123]", NEW, MISSING, 1_780_000_000_123),
    ("[266343,[7255.5,0,-1.21],43,1780000000123]", NEW, 43, 1_780_000_000_123),
    ("[266343,[[7255.5,0,-1.21]],44]", NEW, 44, MISSING),
    ('[266343,"te",[658733916,1617643611128,0.75,230890],394]', NEW, 394, MISSING),
    ('[266343,"hb",2911]', HEARTBEAT, 2911, MISSING),
    ('[266343,"hb",2911,1780000000123]', HEARTBEAT, 2911, 1_780_000_000_123),
    ('[266343,"hb",1780000000123]', HEARTBEAT, MISSING, 1_780_000_000_123),
    ('[289,14787549,[["o",0,"0.00001687","14.6"]]]', NEW, 14_787_549, MISSING),
    ("[1002,1]", OTHER, MISSING, MISSING),
    ('[1002,null,[24,"0.00458953","0.0046"]]', NEW, MISSING, MISSING),
    ("[5,240,1,0.5]", NEW, MISSING, MISSING),
    ("[5,240,1,5]", NEW, MISSING, MISSING),
    ('[5,"te","1234-BTCUSD",1443659698,236.42,0.49064538]', NEW, MISSING, MISSING),
    ('[0,{"a":[["5541.3","2.5","1534614248.12"]]},"book-10","XBT/USD"]', NEW, MISSING, MISSING),
    ("[]", OTHER, MISSING, MISSING),
    ("[[]]", OTHER, MISSING, MISSING),
    ("[{}]", OTHER, MISSING, MISSING),
    ("[1010]", HEARTBEAT, MISSING, MISSING),
    (
        '[0,"n",[1575291219660,"on-req",null,null,[1,null,1],null,"FAILURE","not enough balance"]]',
        NACK,
        MISSING,
        MISSING,
    ),
    ('[0,"n",[1575289447641,"ou-req",null,null,[1],null,"ERROR","Invalid order."]]', NACK, MISSING, MISSING),
    ('[0,"n",[1575291219660,"on-req",null,null,[1],null,"SUCCESS","Submitting."]]', ACK, MISSING, MISSING),
    ('[0,"error","bad channel"]', NACK, MISSING, MISSING),
    ('["subscribed","trades"]', ACK, MISSING, MISSING),
    ('["BTC-USD","1.5","2","buy"]', NEW, MISSING, MISSING),
    ('["BTC-USD",1.5,2.5]', NEW, MISSING, MISSING),
]


@pytest.mark.parametrize(("frame", "msg_type", "seq", "time_ms"), ARRAYS, ids=[row[0] for row in ARRAYS])
def test_arrays(frame: str, msg_type: MsgType, seq: int, time_ms: int) -> None:
    time_ns = MISSING if time_ms == MISSING else time_ms * 10**6
    assert received(frame) == Message(NOW, time_ns, msg_type, seq, MISSING, len(frame))


CONTROL = [
    ('[{"ev":"status","status":"connected","message":"Connected Successfully"}]', OTHER),
    ('[{"ev":"status","status":"auth_success","message":"authenticated"}]', ACK),
    ('[{"ev":"status","status":"auth_failed","message":"authentication failed"}]', NACK),
    ('[{"ev":"status","status":"max_connections","message":"Maximum number of connections exceeded"}]', OTHER),
    ('[{"ev":"status","status":"success","message":"subscribed to: XT.BTC-USD"}]', ACK),
    ('[{"ev":"XT","pair":"BTC-USD","p":33021.9,"t":1610462411115,"s":0.01,"c":[2],"i":"14272084","x":3}]', NEW),
    ('[{"T":"success","msg":"connected"}]', OTHER),
    ('[{"T":"success","msg":"authenticated"}]', ACK),
    ('[{"T":"subscription","trades":["AAPL"],"quotes":[],"bars":[]}]', ACK),
    ('[{"T":"error","code":402,"msg":"auth failed"}]', NACK),
    ('[{"T":"t","i":96921,"S":"AAPL","x":"D","p":126.55,"s":1,"t":"2021-02-22T15:51:44.208Z"}]', NEW),
    ('[{"channel":"/meta/subscribe","successful":true,"subscription":"/trades","id":"2"}]', ACK),
    ('[{"channel":"/meta/subscribe","successful":false,"error":"403::denied","id":"2"}]', NACK),
    ('["1","2","trades:btc","phx_reply",{"status":"ok","response":{}}]', ACK),
    ('["1","2","trades:btc","phx_reply",{"status":"error","response":{"reason":"unmatched topic"}}]', NACK),
    ('[{"event":"subscribed","channel":"book"}]', ACK),
    ('{"data":{"event":"subscribed","channel":"book"}}', ACK),
    ('{"data":{"code":4001,"msg":"invalid channel"}}', NACK),
    ('{"data":[{"success":false,"message":"unknown symbol"}]}', NACK),
    ('{"topic":"control","data":{"type":"error","message":"bad request"}}', NACK),
    ('{"timestamp":1711076847030,"payload":{"type":"subscribe-activity-ack","success":true,"details":"done"}}', ACK),
    ('{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}', OTHER),
    ('{"channel":"rs.sub.ticker","data":"success","ts":1587442022003}', ACK),
    ('{"channel":"rs.error","data":"Contract doesn\'t exist!","ts":1587442022003}', NACK),
    ('{"e":"error","E":["E-1004: invalid action"],"i":"client1","T":1678000000000}', NACK),
    ('{"e":"subscribed","s":[{"c":"book","M":"btctwd"}],"T":1678000000000}', ACK),
    ('{"e":"auth","data":{"error":"Invalid API key"},"ok":"error"}', NACK),
    ('{"m":"sub","id":"abc123","ch":"trades:BTC/USDT","code":0}', ACK),
    ('{"m":"error","id":"ab123","code":100005,"reason":"INVALID_WS_REQUEST_DATA"}', NACK),
    ('{"status":"0000","resmsg":"Connected Successfully"}', OTHER),
    ('{"status":"5100","resmsg":"Invalid Filter Syntax"}', NACK),
    ('{"response_type":"SUBSCRIBED","channel":"TICKER","data":{"quote_currency":"KRW"}}', ACK),
    ('{"response_type":"ERROR","error_code":160012,"message":"Invalid topic"}', NACK),
    ('{"messageType":"error","code":3,"message":"invalid channel names"}', NACK),
    ('{"messageType":"heartbeat","timestamp":"2019-04-08T20:50:39.658Z","channels":[{"name":"tick"}]}', HEARTBEAT),
    ('{"Event":"Subscriptions","Data":["orderbook-xbt","ticker-eth-aud"],"Time":1571214021370}', ACK),
    ('{"Event":"Heartbeat","Time":1571214021370}', HEARTBEAT),
    ('{"Event":"Error","Data":"ticker-doge-aud is no channel","Time":1571214021370}', NACK),
    ('{"type":"ka"}', HEARTBEAT),
    ('""', HEARTBEAT),
    ('{"error":{"name":"INVALID_PARAM","message":"no such code"}}', NACK),
    ('{"requestId":"1","success":{"ok":true}}', ACK),
    ('{"message":"Forbidden","connectionId":"L0SM9cOFvHcCIhw=","requestId":"L0SM9"}', NACK),
    ('["1","1","trades:btc","phx_error",{}]', NACK),
    ('[{"pong":1780000000123}]', HEARTBEAT),
    ('[[{"event":"subscribed","channel":"trades"}]]', ACK),
    ('[[{"event":"error","message":"x"}]]', NACK),
    ('{"messages":[{"event":"subscribed","channel":"trades"}]}', ACK),
    ('[{"status":"connected"}]', OTHER),
    ('{"data":{"message":"welcome"}}', OTHER),
    ('{"data":{"message":"subscription failed"}}', NACK),
    ('{"errors":["bad"]}', NACK),
    ('{"type":"next","id":"1","payload":{"errors":[{"message":"no such market"}],"data":null}}', NACK),
    ('{"messageType":"I","response":{"code":200,"message":"Success"},"data":{"subscriptionId":61}}', ACK),
    ('{"messageType":"H","response":{"code":200,"message":"HeartBeat"}}', HEARTBEAT),
    ('{"type":"KEEP_ALIVE"}', HEARTBEAT),
    ('{"id":1,"code":0,"data":{"result":"pong"},"message":"OK"}', HEARTBEAT),
    ('{"id":1,"code":0,"data":"pong"}', HEARTBEAT),
    ('{"id":1,"code":0,"result":{"channel":"heartbeat"}}', ACK),
    ('{"R":{"Success":false,"ErrorCode":"INVALID"},"I":"1"}', NACK),
    ('{"I":"1","E":"There was an error invoking Hub method"}', NACK),
    ('{"channel":"post","data":{"id":256,"response":{"type":"info","payload":{"type":"book"}}}}', ACK),
    ('{"channel":"post","data":{"id":256,"response":{"type":"error","payload":"429 Too many requests"}}}', NACK),
    ('{"type":"SETUP","channel":0,"version":"1.0-1.2.1","keepaliveTimeout":120,"acceptKeepaliveTimeout":60}', OTHER),
    ('{"notify":[{"heartbeat":"1668715930582"}]}', HEARTBEAT),
    ('{"event":"pusher:connection_established","data":"{\\"socket_id\\":\\"123.456\\"}"}', OTHER),
    ('{"m":5,"i":2,"n":"X","o":"{\\"result\\":false,\\"errormsg\\":\\"Invalid Request\\",\\"errorcode\\":100}"}', NACK),
]


@pytest.mark.parametrize(("frame", "msg_type"), CONTROL, ids=[row[0][:70] for row in CONTROL])
def test_control_answers_that_are_wrapped(frame: str, msg_type: MsgType) -> None:
    assert received(frame).msg_type is msg_type


DATA = [
    '{"type":"ticker","code":"KRW-BTC","opening_price":31883000,"trade_price":32287000,"timestamp":1676965243078}',
    '{"type":"trade","code":"KRW-BTC","trade_price":100473000.00000000,"trade_volume":0.00014208,"ask_bid":"BID"}',
    '{"type":"trade","code":"600519","price_last":1700.5,"id":17}',
    '{"type":"trade","code":600519,"last":1700.5}',
    '{"type":"trade","success":true,"last":"1700.5","qty":"2"}',
    '{"market":"BTC-USD","success":true,"bid":100,"ask":101}',
    '{"type":"ticker","content":{"symbol":"BTC_KRW","openPrice":"2302","closePrice":"2317"}}',
    '{"marketId":"BTC-AUD","timestamp":"2019-04-08T20:50:39.658Z","bestBid":"7309.12","bestAsk":"7326.88",'
    '"lastPrice":"7316.81","volume24h":"299.12936654","messageType":"tick"}',
    '{"orderId":79003,"marketId":"BTC-AUD","side":"Bid","type":"Limit","openVolume":"1","status":"Matched",'
    '"fills":[{"volume":"10","fee":"0.001"}],"messageType":"orderChange"}',
    '{"Channel":"ticker-eth-aud","Nonce":78,"Data":{"TradeGuid":"c5bdf1bb","Price":{"aud":247.0},"Volume":0.4},'
    '"Time":1571214021370,"Event":"Trade"}',
    '{"Channel":"orderbook-xbt","Nonce":2,"Data":{"OrderType":"LimitBid","OrderGuid":"dbe7b832"},'
    '"Time":1571214021370,"Event":"OrderCanceled"}',
    '{"sequence":"24352","asks":[{"id":"23298343","price":"1234.00","volume":"0.93"}],"bids":[],"status":"ACTIVE"}',
    '{"sequence":"24353","trade_updates":null,"create_update":{"order_id":"a","price":"1234.00","volume":"1.23"}}',
    '{"sequence":"24354","trade_updates":null,"create_update":null,"delete_update":{"order_id":"BXMC2CJ7HNB88U4"}}',
    '{"channel":"marketdata","market_id":"BTC-USDT","status":"ok","lag":0,"recent_trades":[{"price":"1.5"}]}',
    '{"requestId":"1","tickerSnapshot":{"market":"EOS-BTC","open":"0.001","close":"0.002"}}',
    '{"code":0,"dataType":"BTC-USDT@trade","success":true,"data":[{"q":"0.1","p":"61000.5","T":1649832413512}]}',
    '{"data":[{"orderId":"5","status":"rejected","avgPx":"61000.5"}]}',
    '{"event":"status","symbol":"X","price":1.5,"volume":3}',
    '{"topic":"instrument.status","data":{"symbol":"XBTUSD","markPrice":5.5,"status":"open"}}',
    '{"order":{"id":"1","status":"error","price":"1.5","qty":"2"}}',
    '{"id":"abc","price":"1.5","qty":"2","success":true,"market":"BTC-USD"}',
    '{"id":"abc","status":"ok","last":1.5}',
    '{"type":"trades","book":"btc_mxn","payload":[{"i":72022,"a":"0.0035","r":"7190","v":"25.16"}]}',
]


@pytest.mark.parametrize("frame", DATA, ids=[row[:70] for row in DATA])
def test_data_is_what_shows_amounts(frame: str) -> None:
    assert received(frame).msg_type is NEW


@pytest.mark.parametrize(
    "frame",
    [
        '{"sid":"k3Jd","upgrades":[],"pingInterval":25000,"pingTimeout":20000}',
        '{"version":"1.2","server_time":1780000000.5,"rateLimits":[{"interval":"MINUTE","limit":1200}]}',
        '{"connected":true,"api_version":"2.0"}',
    ],
)
def test_numbers_of_the_line_are_no_amounts(frame: str) -> None:
    assert received(frame).msg_type is OTHER


REFUSALS = [
    ('{"id":7,"code":0,"msg":"Not Subscribed successfully! [spot@public.deals]. Reason： Blocked! "}', NACK),
    ('{"id":7,"code":0,"msg":"spot@public.aggre.deals.v3.api.pb@100ms@BTCUSDT"}', ACK),
    ('{"id":7,"code":0,"msg":"no subscription success"}', NACK),
    ('{"id":7,"code":0,"msg":"Unknown property"}', NACK),
    ('{"id":7,"code":0,"msg":"OK, no error"}', ACK),
    ('{"id":7,"code":0,"msg":"notifications@BTCUSDT"}', ACK),
    ('{"id":7,"code":"0","data":{"success":false,"symbol":"XBTT"}}', NACK),
    ('{"id":7,"result":{"status":"fail"}}', NACK),
    ('{"id":7,"event":"subscribe","error":null,"result":{"status":"success"}}', ACK),
    ('{"req_id":"7","op":"subscribe","success":true,"ret_msg":"","data":{"failTopics":["tickers.X"]}}', NACK),
    ('{"req_id":"7","op":"subscribe","success":true,"ret_msg":"","data":{"failTopics":[]}}', ACK),
    ('{"id":7,"op":"order","code":"0","data":[{"sCode":"51008","sMsg":"Insufficient balance"}]}', NACK),
    ('{"id":7,"code":"INVALID_ARGUMENT","message":"unknown channel"}', NACK),
    ('{"id":7,"result":false}', NACK),
    ('{"id":7,"code":0,"msg":"Symbol XX is delisted"}', NACK),
    ('{"id":7,"code":0,"msg":"couldn\'t subscribe"}', NACK),
    ('{"id":7,"success":true,"code":0,"errors":["unknown symbol XX"]}', NACK),
    ('{"id":7,"result":[],"errors":[]}', ACK),
    ('{"id":7,"result":[],"error":"0"}', ACK),
]


@pytest.mark.parametrize(("frame", "msg_type"), REFUSALS, ids=[row[0] for row in REFUSALS])
def test_a_yes_that_says_no(frame: str, msg_type: MsgType) -> None:
    message = received(frame)
    assert (message.msg_type, message.request_id) == (msg_type, 7)


def test_an_answer_has_the_id_of_a_request() -> None:
    """What was sent tells an order that is an answer from one that is news, and a list that has no word for a yes."""
    order = '{"id":%s,"price":"1.5","qty":"2","success":true}'
    channels = '{"id":%s,"data":["book:X"]}'
    assert [received(frame % 7).msg_type for frame in (order, channels)] == [NEW, NEW]
    for frame in (order, channels):
        mapper = FrameMapper()
        mapper.to_message(Frame(NOW, "send", '{"op":"ask","id":7}'))
        answers = [mapper.to_message(Frame(NOW, "recv", frame % number)) for number in (8, '"7"', 7)]
        assert [answer.msg_type for answer in answers] == [NEW, ACK, NEW], "one request has one answer"
        assert [answer.request_id for answer in answers] == [MISSING, 7, MISSING]


@pytest.mark.parametrize(
    ("frame", "seq"),
    [
        ('{"params":{"data":{"change_id":297218,"prev_change_id":297217,"bids":[],"asks":[]}}}', 297_218),
        ('{"message_id":5,"data":{"change_id":297218,"prev_change_id":297217,"bids":[],"asks":[]}}', 297_218),
        ('{"data":[{"bids":[["1","2"]],"asks":[],"seqId":12,"prevSeqId":10}]}', 12),
        ('{"data":[{"bids":[],"asks":[],"seqId":12,"prevSeqId":12}]}', MISSING),  # nothing has changed
        ('{"data":[{"bids":[],"asks":[],"seqId":3,"prevSeqId":12}]}', 3),
        ('{"data":[{"bids":[["1","2"]],"asks":[],"seqId":12,"prevSeqId":-1}]}', 12),
        ('{"data":{"seq":9,"pseq":8,"b":[],"a":[]}}', 9),
        ('{"e":"depthUpdate","s":"A","U":157,"u":160,"pu":149,"b":[],"a":[]}', 160),
        ('{"e":"depthUpdate","s":"A","U":160,"u":160,"b":[],"a":[]}', 160),
        ('{"update_id":7,"past_update_id":5,"bids":[],"asks":[]}', 7),
        ('{"tick":{"seqNum":7,"prevSeqNum":5,"bids":[],"asks":[]}}', 7),
        ('{"topic":"orderbook.50.X","data":{"s":"X","b":[],"a":[],"u":18521289,"seq":7961638739}}', 18_521_289),
        ('{"price":5,"prev_price":4,"symbol":"A"}', MISSING),
        ('{"channel":"book_lv2","data":[{"symbol":"X","asks":[],"bids":[["1","2"]],"lastId":8,"id":9}]}', 9),
        ('{"method":"depth_update","params":[false,{"bids":[["1","2"]],"update_id":9,"past_update_id":7},"X"]}', 9),
        ('{"unlisted":{"bidsList":[{"price":"1.5"}],"fromVersion":"8","toVersion":"9"},"symbol":"X"}', 9),
        ('{"type":"FULL","data":{"Asks":[{"Price":"1.5"}],"SequenceNumber":9}}', 9),
        ('{"price":"1.5","sequence":9.0}', 9),
        ('{"event":"trade","data":"{\\"price\\":1.5,\\"sequence\\":9}"}', 9),
    ],
)
def test_the_counter_with_a_predecessor(frame: str, seq: int) -> None:
    assert received(frame).seq == seq


@pytest.mark.parametrize(
    ("frame", "prev_seq"),
    [
        ('{"params":{"data":{"change_id":297218,"prev_change_id":297210,"bids":[],"asks":[]}}}', 297_210),
        ('{"data":[{"bids":[["1","2"]],"asks":[],"seqId":3,"prevSeqId":12}]}', 12),
        ('{"data":[{"bids":[["1","2"]],"asks":[],"seqId":12,"prevSeqId":-1}]}', -1),
        ('{"data":[{"bids":[],"asks":[],"seqId":12,"prevSeqId":12}]}', MISSING),  # idle
        ('{"data":{"seq":9,"pseq":8,"b":[],"a":[]}}', 8),
        ('{"tick":{"seqNum":7,"prevSeqNum":5,"bids":[],"asks":[]}}', 5),
        ('{"e":"depthUpdate","s":"A","U":157,"u":160,"pu":149,"b":[],"a":[]}', 149),
        ('{"e":"depthUpdate","s":"A","U":157,"u":160,"b":[],"a":[]}', 156),
        ('{"e":"depthUpdate","s":"A","U":160,"u":160,"b":[],"a":[]}', 159),
        ('{"e":"depthUpdate","s":"A","U":-9223372036854775807,"u":1,"b":[],"a":[]}', MISSING),
        ('{"channel":"futures.order_book_update","result":{"U":"7","u":"9","s":"X_Y","b":[],"a":[]}}', 6),
        ('{"topic":"/market/level2:X","data":{"sequenceStart":49,"sequenceEnd":51,"changes":{"asks":[]}}}', 48),
        ('{"topic":"orderbook.50.X","data":{"s":"X","b":[],"a":[],"u":18521289,"seq":7961638739}}', MISSING),
        ('{"data":{"seq":9,"pseq":"?","b":[],"a":[]}}', MISSING),
        ('{"price":5,"prev_price":4,"symbol":"A"}', MISSING),
        ('{"channel":"book_lv2","data":[{"symbol":"X","asks":[],"bids":[["1","2"]],"lastId":8,"id":9}]}', 8),
        ('{"unlisted":{"bidsList":[{"price":"1.5"}],"fromVersion":"8","toVersion":"9"},"symbol":"X"}', 7),
        ('{"c":"book","e":"update","M":"btctwd","a":[["5337.3","0.1"]],"b":[],"fi":10,"li":12,"v":3}', 9),
        ('{"topic":"depth_update","data":{"s":"btc_usdt","fi":121,"i":126,"a":[["34000","1.2"]],"b":[]}}', 120),
        ('{"event":"order_book","data":{"bids":[["1","2"]],"asks":[],"microtimestamp":"1780000000000000"}}', MISSING),
    ],
)
def test_the_predecessor(frame: str, prev_seq: int) -> None:
    assert received(frame).prev_seq == prev_seq


def seqs(*frames: str) -> list[int]:
    mapper = FrameMapper()
    return [mapper.to_message(Frame(NOW, "recv", frame)).seq for frame in frames]


def test_two_counters_in_a_frame_are_two_counters() -> None:
    book = '{"topic":"orderbook","data":{"s":"X","b":[],"a":[],"u":%d,"seq":%d}}'
    trade = '{"topic":"trade","data":[{"s":"X","p":"1","seq":%d}]}'
    assert seqs(trade % 4) == [4]
    assert seqs(book % (5, 70), trade % 73, book % (6, 75)) == [5, MISSING, 6]


def events_of(frames: list[str]) -> list[tuple[str, int | None]]:
    """List the faults of the sequence numbers of frames that come each 20 ms, and how many numbers each leaves out."""
    mapper = FrameMapper()
    messages = [mapper.to_message(Frame(NOW + n * 20_000_000, "recv", frame)) for n, frame in enumerate(frames)]
    columns = {
        name: np.array(column) for name, column in zip(Message._fields, zip(*messages, strict=True), strict=True)
    }
    session = Session(connection_id="a", declared_exchange=None, **columns)
    return [(event["kind"], event["n_missing"]) for event in health_events(session, np.arange(len(frames)))]


def test_a_gap_and_a_restart_are_one_event_each() -> None:
    """The update ids step by one, leave five out, and begin at 1 again; the market's count beside them jumps always."""
    book = '{"topic":"orderbook.50.X","type":"delta","data":{"s":"X","b":[["1","2"]],"a":[],"u":%d,"seq":%d}}'
    updates = [*range(700, 1700), *range(1705, 2200), *range(1, 301)]
    assert events_of([book % (u, 9000 + 17 * n) for n, u in enumerate(updates)]) == [("gap", 5), ("reset", None)]


DERIBIT = '{"params":{"data":{"type":"change","prev_change_id":%d,"change_id":%d,"bids":[["new",1.5,2.0]],"asks":[]}}}'
BINANCE = '{"e":"depthUpdate","s":"%s","U":%d,"u":%d,"b":[["1.5","2"]],"a":[]}'


def ranges(symbol: str, ends: list[int]) -> list[str]:
    return [BINANCE % (symbol, last + 1, end) for last, end in pairwise(ends)]


def test_a_broken_chain_is_one_event() -> None:
    """Each number jumps by 1 to 9; five are missing after half of the frames, and then it begins again."""
    steps = [1 + n * n % 9 for n in range(1000)]
    ends = list(accumulate(steps, initial=5000))
    links = [*pairwise(ends[:500]), *pairwise(end + 5 for end in ends[499:]), *pairwise(ends[:300])]
    expected = [("gap", 5), ("reset", None)]
    assert events_of([DERIBIT % link for link in links]) == expected
    assert events_of([BINANCE % ("A", last + 1, end) for last, end in links]) == expected


def test_symbols_on_one_connection_are_chains_of_their_own() -> None:
    ends = [list(accumulate((1 + n * n % 7 for n in range(400)), initial=10**8 * k)) for k in (1, 2, 3)]
    frames = [ranges(f"S{k}", of_symbol) for k, of_symbol in enumerate(ends)]
    together = [frame for at_once in zip(*frames, strict=True) for frame in at_once]
    assert events_of(together) == []
    lost = sum(1 + n * n % 7 for n in range(200, 205))
    assert events_of([frame for n, frame in enumerate(together) if n not in range(601, 616, 3)]) == [("gap", lost)]


def test_symbols_with_a_plain_counter_each_are_counters_of_their_own() -> None:
    """Five frames of the second of three books are lost, the third begins again; the market's count always jumps."""
    book = '{"topic":"orderbook.50.S%d","type":"delta","data":{"s":"S%d","b":[["1","2"]],"a":[],"u":%d,"seq":%d}}'
    numbers = [[10**6 * k + n for n in range(600)] for k in (1, 2, 3)]
    numbers[2] = [*numbers[2][:400], *range(1, 201)]
    frames = [(k, n, book % (k, k, numbers[k - 1][n], 9000 + 17 * n)) for n in range(600) for k in (1, 2, 3)]
    assert events_of([frame for k, n, frame in frames if n < 400]) == []
    assert events_of([frame for k, n, frame in frames if not (k == 2 and 200 <= n < 205)]) == [
        ("gap", 5),
        ("reset", None),
    ]


def test_checksums_are_no_resets() -> None:
    checksums = [(-1) ** n * (n * 2_654_435_761 % 2**31) for n in range(3000)]
    frames = [text for c in checksums for text in ("[266343,[7255.5,0,-1.21]]", f'[266343,"cs",{c}]')]
    assert events_of(frames) == []


def test_idle_messages_are_no_repeats() -> None:
    """The number is that of the message before, and names itself as its predecessor."""
    book = '{"data":[{"bids":[],"asks":[["1","2"]],"seqId":%d,"prevSeqId":%d}]}'
    numbers = [number for n in range(2, 2500) for number in ((n, n - 1), (n, n))]
    assert events_of([book % pair for pair in numbers]) == []


def test_heartbeats_that_repeat_the_last_number_hide_no_gap() -> None:
    match = '{"type":"match","sequence":%d,"price":"1.5","product_id":"X","size":"1"}'
    heartbeat = '{"type":"heartbeat","sequence":%d,"last_trade_id":1,"product_id":"X"}'
    numbers = [*range(600), *range(605, 1000)]
    frames = [frame % n for n in numbers for frame in ((match, heartbeat) if n % 10 == 9 else (match,))]
    assert events_of(frames) == [("gap", 5)]


def test_what_does_not_rise_is_no_sequence_number() -> None:
    prices = [65000, 65010, 65005, 65005, 64990, 65020, 64980, 65030]
    found = seqs(*(f"[7,{price},[1,2]]" for price in prices))
    assert found[:4] == prices[:4]
    assert found[4:] == [MISSING] * 4, "it has repeated once and fallen twice by then"
    rising = [*range(100, 200), 5, *range(6, 100)]
    assert seqs(*(f"[7,{number},[1,2]]" for number in rising)) == rising, "a counter that was begun anew once"
    two = [number for pair in zip(range(10, 60), range(9000, 9050), strict=True) for number in pair]
    assert seqs(*(f"[{1 + n % 2},{number},[1,2]]" for n, number in enumerate(two))) == two, "one for each channel"


@pytest.mark.parametrize(
    ("written", "ns"),
    [
        ("1780000000.9908", 1_780_000_000_990_800_000),
        ("1780000000.123456789", 1_780_000_000_123_456_789),
        ("1780000000.1234567899", 1_780_000_000_123_456_789),
        ("1780000000.000000001", 1_780_000_000_000_000_001),
        ("1780000000.5", 1_780_000_000_500_000_000),
        ("1780000000123.456789", 1_780_000_000_123_456_789),
        ("1780000000123456.789", 1_780_000_000_123_456_789),
        ("1780000000123456789", 1_780_000_000_123_456_789),
    ],
)
def test_fractions_of_seconds_are_exact(written: str, ns: int) -> None:
    for value in (written, f'"{written}"'):
        for frame in (f'{{"price":1.0,"time":{value}}}', f'{{"other":1780000000.75, "price":NaN,"time":{value}}}'):
            assert received(frame).exchange_ts_ns == ns, frame


@pytest.mark.parametrize(
    "written",
    ["1.780000000123456e15", '"1.780000000123456e9"', '"2026-05-28 20:26:40.123456 UTC"', '"20260528-20:26:40.123456"'],
)
def test_times_that_are_written_otherwise(written: str) -> None:
    assert received(f'{{"price":1.0,"time":{written}}}').exchange_ts_ns == 1_780_000_000_123_456_000


@pytest.mark.parametrize("digits", ["1", "123", "123456", "1234567", "123456789", "1234567899"])
@pytest.mark.parametrize("zone", ["Z", "", "+00:00", "+0000"])
def test_fractions_of_iso_times_are_exact(digits: str, zone: str) -> None:
    expected = 1_780_000_000 * SECOND_NS + int(digits[:9].ljust(9, "0"))
    assert received(f'{{"price":1.0,"time":"2026-05-28T20:26:40.{digits}{zone}"}}').exchange_ts_ns == expected


@pytest.mark.parametrize(
    "digits", ["9223372036854775808", "18446744073709551615", "18446744073709551616", "1" * 40, "-9223372036854775809"]
)
def test_ids_that_int64_cannot_hold_are_linked(digits: str) -> None:
    request = map_frame(f'{{"method":"subscribe","id":{digits}}}', "send", NOW)
    answers = [received(f'{{"id":{written},"result":null}}') for written in (digits, f'"{digits}"', f"  {digits} ")]
    assert {message.request_id for message in answers} == {request.request_id} == {hashed(digits)}


@pytest.mark.parametrize(
    "value",
    [
        *("NaN", "-Infinity", "1e999", "-1e999", "1" * 400, '"\\ud800"', '"\ud800"', "1" * 9999),
        *("nan", "-inf", "+Infinity", "undefined", "None", ".5", "1.", "+1.5", "01.5", "[1,]", '"a\nb"', '"\\x41"'),
    ],
)
def test_numbers_that_json_does_not_know_lose_no_frame(value: str) -> None:
    frame = f'{{"channel":"ticker","sequence":811,"timestamp":1780000000123,"data":[{{"last":1.2,"x":{value}}}]}}'
    size = len(frame.encode("utf-8", "surrogatepass"))
    assert received(frame) == Message(NOW, 1_780_000_000_123_000_000, NEW, 811, MISSING, size)


ENVELOPES = [
    ('0{"sid":"k3Jd","upgrades":[],"pingInterval":25000,"pingTimeout":20000}', OTHER),
    *(("2", HEARTBEAT), ("3", HEARTBEAT), ("2probe", HEARTBEAT), ("3probe", HEARTBEAT), ("40", OTHER), ("41", OTHER)),
    *(("6", OTHER), ('40{"sid":"k3Je"}', OTHER), ("40/market,", OTHER), ('44{"message":"not authorized"}', NACK)),
    ('42["trade",{"price":"1.5","E":1780000000123}]', NEW),
    ('42/market,["trade",{"price":"1.5"}]', NEW),
    ('42["subscribed",{"channel":"trade"}]', ACK),
    ('42["error",{"message":"unknown channel"}]', NACK),
    ('42["message",{"room_name":"ticker_btc_jpy","message":{"data":{"sell":"15","buy":"14"}}}]', NEW),
    ('451-["depth",{"_placeholder":true,"num":0}]', NEW),
    ('4{"event":"heartbeat"}', HEARTBEAT),
    *(("o", OTHER), ("h", HEARTBEAT), ('c[3000,"Go away!"]', OTHER)),
    ('a["{\\"event\\":\\"heartbeat\\"}"]', HEARTBEAT),
    ('a["ping"]', HEARTBEAT),
    ("\n", HEARTBEAT),
    ('a["{\\"symbol\\":\\"X\\",\\"price\\":\\"1.5\\"}"]', NEW),
    ("{}\x1e", ACK),
    ('{"type":6}\x1e', HEARTBEAT),
    ('{"type":1,"target":"trade","arguments":[{"price":1.5}]}\x1e', NEW),
    ('{"type":6}\x1e{"type":1,"target":"trade","arguments":[{"price":1.5}]}\x1e', NEW),
    ('{"type":3,"invocationId":"7","error":"no such method"}\x1e', NACK),
    ('{"event":"heartbeat"}{"symbol":"X","price":"1.5"}', NEW),
    ('{"event":"heartbeat"}\n{"symbol":"X","price":"1.5"}\n', NEW),
    ('{"event":"heartbeat"}\x00', HEARTBEAT),
    ('\ufeff{"symbol":"X","price":"1.5"}', NEW),
    ("CONNECTED\nversion:1.2\n\n\x00", OTHER),
    ('MESSAGE\ndestination:/topic/x\n\n{"symbol":"X","price":"1.5"}\x00', NEW),
    ("ERROR\nmessage:denied\n\n\x00", NACK),
    ('4317[{"status":"error","message":"bad"}]', NACK),
    ('42["trades","{\\"price\\":\\"1.5\\"}"]', NEW),
    ('a["MESSAGE\\ndestination:/x\\n\\n{\\"price\\":\\"1.5\\"}\\u0000"]', NEW),
    ('a["CONNECTED\\nversion:1.1\\n\\n\\u0000"]', OTHER),
    ('"{\\"event\\":\\"heartbeat\\"}"', HEARTBEAT),
    ('~m~29~m~{"symbol":"X","price":"1.5"}~m~29~m~{"symbol":"X","price":"1.6"}', NEW),
    ('data: {"symbol":"X","price":"1.5"}\n\n', NEW),
    ("keep-alive", HEARTBEAT),
]


@pytest.mark.parametrize(("frame", "msg_type"), ENVELOPES, ids=[row[0][:60] for row in ENVELOPES])
def test_frames_that_are_more_than_json(frame: str, msg_type: MsgType, caplog: pytest.LogCaptureFixture) -> None:
    message = FrameMapper("a").to_message(Frame(NOW, "recv", frame))
    assert (message.msg_type, message.payload_bytes) == (msg_type, len(frame.encode()))
    assert caplog.records == []


def test_numbers_of_envelopes_link_answers() -> None:
    def ids(*spoken: tuple[Direction, str]) -> list[int]:
        return [map_frame(text, way, NOW).request_id for way, text in spoken]

    assert ids(("send", '4212["subscribe",{"a":1}]'), ("recv", '4312[{"status":"ok"}]')) == [12, 12]
    invocation = '{"type":1,"invocationId":"7","target":"subscribe","arguments":[]}\x1e'
    assert ids(("send", invocation), ("recv", '{"type":3,"invocationId":"7","result":null}\x1e')) == [7, 7]


def test_values_in_envelopes_are_read() -> None:
    message = received('42["trade",{"price":"1.5","E":1780000000123,"seq":8}]')
    assert (message.seq, message.exchange_ts_ns) == (8, 1_780_000_000_123_000_000)


BINARY = [
    (bytes.fromhex("0800111a00010000") + bytes(20), "SBE", False),
    (bytes.fromhex("1400102701000000") + bytes(range(1, 30)), "SBE", True),
    (b"\n\x0dspot@public.X\x1a\x05BTCUS0\xfb\xff\xff\xff\xff\x01", "protobuf", True),
    (b"\xff\xfe\xfd", "an unknown binary format", True),
]


@pytest.mark.parametrize(("data", "name", "is_text"), BINARY, ids=["sbe", "sbe-2", "protobuf", "unknown"])
def test_binary_frames(data: bytes, name: str, is_text: bool, caplog: pytest.LogCaptureFixture) -> None:
    mapper = FrameMapper("a-connection")
    with caplog.at_level(logging.WARNING):
        messages = [mapper.to_message(Frame(NOW, "recv", repr(data))) for _ in range(3)]
    assert messages == [Message(NOW, MISSING, OTHER, MISSING, MISSING, len(data))] * 3
    (record,) = caplog.records
    assert record.getMessage().startswith(f"a-connection: a frame is neither JSON nor FIX ({len(data)} bytes that look")
    assert name in record.getMessage()


def test_a_binary_frame_that_is_text_by_accident_is_named(caplog: pytest.LogCaptureFixture) -> None:
    data = b"\n\x0dspot@public.X\x10\x05\x18\x07"
    message = FrameMapper("a").to_message(Frame(NOW, "recv", data.decode()))
    assert (message.msg_type, message.payload_bytes) == (OTHER, len(data))
    assert "19 bytes that look like protobuf" in caplog.messages[0]


def test_a_connection_warns_once_of_what_it_does_not_understand(caplog: pytest.LogCaptureFixture) -> None:
    mapper = FrameMapper("a-connection")
    with caplog.at_level(logging.WARNING):
        for text in ("ping", "", "<xml/>", "hello", '{"a":'):
            mapper.to_message(Frame(NOW, "recv", text))
        mapper.to_message(Frame(NOW, "send", "hello"))
    assert [record.getMessage() for record in caplog.records] == [
        "a-connection: a frame is neither JSON nor FIX ('<xml/>'): it and others like it count as OTHER, by their size "
        "alone"
    ]


def test_deep_values_are_no_error() -> None:
    for opening, closing in (('{"a":', "}"), ("[", "]")):
        text = opening * 3000 + "NaN" + closing * 3000
        assert received(text).payload_bytes == len(text)
    assert received(json.dumps({"data": [[float("nan")] * 10] * 10_000})).msg_type is NEW
