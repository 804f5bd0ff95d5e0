"""WebSocket connections: the one place that knows the library, its exceptions, and the proxies of the environment."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from aiohttp import WSMsgType

from ingest.frame import Frame
from ingest.recordings.binary_frames import LARGEST_FRAME_BYTES, to_text

CONNECT_TIMEOUT_S: Final = 10.0

_DEFLATE_WINDOW_BITS: Final = 15
_CLOSE_OK: Final = 1000
_CLOSE_TOO_BIG: Final = 1009
_DROP_TIMEOUT_S: Final = 0.5

_HTTP_SERVER_ERROR: Final = 500
_TRY_LATER: Final = frozenset({408, 418, 425, 429})
"""Refusals below 500 that are no mistake of the user's; 418 is Binance's word for an address banned for a while."""

_TOO_MANY: Final = frozenset({418, 429})
_TOO_MANY_PAUSE_S: Final = 60.0
_LONGEST_PAUSE_S: Final = 7 * 86_400.0

_PROXY_NAMES: Final = {"wss": ("wss", "https", "all"), "ws": ("ws", "http", "all")}
"""aiohttp itself would read nothing but WSS_PROXY for `wss://`, which nobody sets."""


class Refused(Exception):
    """No connection came about; the text is one sentence.

    Attributes
    ----------
    reason : str
        The same in a few words.
    permanent : bool
        Whether trying again will not help.
    retry_after_s : float
        The least time that the venue wants to be left alone.
    """

    def __init__(
        self, address: str, found: str, advice: str, *, reason: str, permanent: bool = False, retry_after_s: float = 0.0
    ) -> None:
        super().__init__(f"Expected {address} to open a WebSocket, found {found}: {advice}")
        self.reason = f"refused ({reason})"
        self.permanent = permanent
        self.retry_after_s = retry_after_s


class ConnectionEnded(Exception):
    """Nothing more will be received.

    Attributes
    ----------
    reason : str
        Why, in a few words.
    farewell : str
        What the venue had to say to it.
    """

    def __init__(self, reason: str, farewell: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.farewell = farewell


class Connection:
    """An open WebSocket. One task receives; any may send, until `ConnectionEnded` is raised.

    Attributes
    ----------
    arrivals : int
        How many frames of any kind have been received, pongs too.
    """

    def __init__(self, session: aiohttp.ClientSession, websocket: aiohttp.ClientWebSocketResponse[bool]) -> None:
        self.arrivals = 0
        self._session = session
        self._websocket = websocket
        self._socket = websocket.get_extra_info("socket")
        self._said_goodbye = False

    async def receive(self) -> Frame:
        """Wait for the next frame; pings are answered and returned as `ping`, pongs only counted.

        Invalid UTF-8 becomes replacement characters, and binary frames become text as by `to_text`.

        Raises
        ------
        ConnectionEnded
            If the connection has ended, after everything that had arrived before.
        """
        while True:
            kind, data, extra = await self._websocket.receive()
            ts_ns = time.time_ns()
            self.arrivals += 1
            if kind is WSMsgType.TEXT:
                return Frame(ts_ns, "recv", data.decode("utf-8", "replace"))
            if kind is WSMsgType.BINARY:
                return Frame(ts_ns, "recv", to_text(data))
            if kind is WSMsgType.PING:
                await self._write(data, WSMsgType.PONG)
                return Frame(ts_ns, "recv", "ping")
            if kind is WSMsgType.CLOSE:
                await self._say_goodbye()
            if kind is not WSMsgType.PONG:
                raise ConnectionEnded(_why_ended(kind, data), extra or "")

    async def send(self, text: str) -> bool:
        """Send a text frame; false if the connection is gone, of which `receive` will tell."""
        return await self._write(text.encode(), WSMsgType.TEXT)

    async def ping(self) -> None:
        """Send a protocol ping, if the connection is not gone."""
        await self._write(b"", WSMsgType.PING)

    async def hang_up(self, patience_s: float) -> None:
        """Ask for the end, leave the other side time for what is on its way and for its goodbye, then drop it."""
        await self._say_goodbye()
        await asyncio.sleep(patience_s)
        await self.drop()

    async def drop(self) -> None:
        """Free the socket; `receive` raises ConnectionEnded from now on."""
        try:
            # Before the WebSocket, which would send a second goodbye and wait for its answer.
            async with asyncio.timeout(_DROP_TIMEOUT_S):
                await self._session.close()
        except TimeoutError:  # the other side takes nothing more, and the library waits until it does
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        await self._websocket.close()

    async def _say_goodbye(self) -> None:
        if not self._said_goodbye:
            self._said_goodbye = True
            await self._write(_CLOSE_OK.to_bytes(2), WSMsgType.CLOSE)

    async def _write(self, payload: bytes, kind: WSMsgType) -> bool:
        try:
            await self._websocket.send_frame(payload, kind)
        except (aiohttp.ClientError, OSError):
            return False  # frames that arrived before the loss are still to be received
        return True


class Client:
    """Opens connections: TLS verified by the authorities of the system or SSL_CERT_FILE, proxies of the environment."""

    def __init__(self) -> None:
        self._tls = ssl.create_default_context()  # reads files, and so not once per connection

    async def connect(self, url: str) -> Connection:
        """Open a connection within `CONNECT_TIMEOUT_S`.

        Raises
        ------
        Refused
            If there is none.
        """
        with _refusals(url):
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                return await self._connect(url, _proxy_for(url))

    async def _connect(self, url: str, proxy: str | None) -> Connection:
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._tls),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
        )
        try:
            websocket = await session.ws_connect(
                url,
                proxy=proxy,
                autoping=False,
                autoclose=False,
                compress=_DEFLATE_WINDOW_BITS,
                max_msg_size=LARGEST_FRAME_BYTES,
                decode_text=False,
            )
        except BaseException:
            await session.close()
            raise
        return Connection(session, websocket)


def _why_ended(kind: WSMsgType, data: object) -> str:
    if kind is WSMsgType.CLOSE:
        return f"closed by the venue ({data})" if data else "closed by the venue"
    if kind is not WSMsgType.ERROR:
        return "connection lost"
    code = getattr(data, "code", None)
    return "frame too large" if code == _CLOSE_TOO_BIG else f"protocol error ({code})" if code else "protocol error"


def _proxy_for(url: str) -> str | None:
    parts, proxies = urlsplit(url), getproxies()
    if parts.scheme not in _PROXY_NAMES or not parts.hostname:
        raise Refused(repr(url), "no such address", "give one as wss://host/path", reason="address", permanent=True)
    if proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    proxy = next((proxies[name] for name in _PROXY_NAMES[parts.scheme] if name in proxies), None)
    if proxy is not None and urlsplit(proxy).scheme not in ("http", "https"):
        found = f"a {urlsplit(proxy).scheme}:// proxy in the environment"
        raise Refused(_address(url), found, "set one of http://", reason="proxy", permanent=True)
    return proxy


def _address(url: str) -> str:
    """Name an address without what may be secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


@contextmanager
def _refusals(url: str) -> Iterator[None]:
    """Translate what the library raises while connecting."""
    address = _address(url)
    try:
        yield
    except TimeoutError as error:
        found = f"no answer in {CONNECT_TIMEOUT_S:g} s"
        raise Refused(address, found, "check the network and proxies", reason="no answer") from error
    except aiohttp.WSServerHandshakeError as error:
        raise _refused_by_status(address, error, "") from error
    except aiohttp.ClientHttpProxyError as error:
        raise _refused_by_status(address, error, "proxy ") from error
    except aiohttp.ClientConnectorCertificateError as error:
        found = f"a certificate that cannot be verified ({_cause(error.certificate_error)})"
        advice = "check the address and the clock, and let SSL_CERT_FILE name the authority of a proxy that opens TLS"
        raise Refused(address, found, advice, reason="certificate", permanent=True) from error
    except aiohttp.ClientConnectorSSLError as error:
        advice = "check the address and proxies"
        raise Refused(address, f"no TLS ({_cause(error.os_error)})", advice, reason="TLS") from error
    except aiohttp.ClientConnectorDNSError as error:
        raise Refused(address, "no such host", "check the name and the network", reason="name") from error
    except aiohttp.ClientConnectorError as error:
        advice = "check the address, the network and proxies"
        raise Refused(address, f"nobody there ({_cause(error.os_error)})", advice, reason="unreachable") from error
    except ValueError as error:  # also aiohttp.InvalidURL
        advice = "give one as wss://host/path"
        raise Refused(address, f"no such address ({error})", advice, reason="address", permanent=True) from error
    except (aiohttp.ClientError, OSError) as error:
        found = f"something else ({str(error) or type(error).__name__})"
        raise Refused(address, found, "check the address", reason="no WebSocket") from error


def _refused_by_status(address: str, error: aiohttp.ClientResponseError, who: str) -> Refused:
    status = error.status
    permanent = status < _HTTP_SERVER_ERROR and status not in _TRY_LATER
    advice = "check the address, and whether it is served to this place" if permanent else "wait"
    retry_after_s = _retry_after_s(error.headers or {}, default_s=_TOO_MANY_PAUSE_S if status in _TOO_MANY else 0.0)
    reason = f"{who}HTTP {status}"
    return Refused(address, reason, advice, reason=reason, permanent=permanent, retry_after_s=retry_after_s)


def _retry_after_s(headers: Mapping[str, str], *, default_s: float) -> float:
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        wait_s = float(text)
    else:
        try:
            wait_s = (parsedate_to_datetime(text).replace(tzinfo=UTC) - datetime.now(UTC)).total_seconds()
        except ValueError:
            wait_s = default_s
    return min(max(wait_s, 0.0), _LONGEST_PAUSE_S)


def _cause(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError):
        return (error.reason or "SSL error").lower().replace("_", " ")
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)
