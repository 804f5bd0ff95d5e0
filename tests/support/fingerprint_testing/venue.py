"""A venue of our own: a real WebSocket server in a thread, which does on each connection what a script tells it to.

async def script(peer):
    await peer.wait_received(1)  # a subscription
    await peer.play(read_frames(capture), speed=10)
    await peer.close(1001)

with Venue(script) as venue:
    connect_to(venue.url)
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

from aiohttp import WSMsgType, web

_Result = TypeVar("_Result")

_FIN = 0x80
_WRITE_BYTES = 64 * 1024


class Recorded(Protocol):
    """What `ingest.frame.Frame` is."""

    @property
    def ts_ns(self) -> int: ...
    @property
    def direction(self) -> str: ...
    @property
    def text(self) -> str: ...


@dataclass(frozen=True)
class Refusal:
    """An answer to a handshake that is not the one hoped for, given when `due` says so."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    due: Callable[[], object] = lambda: True


@dataclass
class Peer:
    """The venue's end of one connection; scripts call its methods.

    Attributes
    ----------
    received : list of (float, str)
        What the client sent, by `time.monotonic`.
    pings, pongs : list of bytes
        Control frames of the client.
    sent : list of str
        What the client has been told, protocol pings as `ping`; of what follows a reset the client may see less.
    close_code : int or None
        Of the client's goodbye.
    """

    request: web.Request
    websocket: web.WebSocketResponse
    connected_at_s: float
    received: list[tuple[float, str]] = field(default_factory=list)
    pings: list[bytes] = field(default_factory=list)
    pongs: list[bytes] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    close_code: int | None = None
    script_done: bool = False
    reading: asyncio.Task[None] | None = None

    @property
    def texts(self) -> list[str]:
        """What the client sent, without its times."""
        return [text for _, text in self.received]

    async def send(self, *texts: str) -> None:
        """Send text frames."""
        for text in texts:
            self.sent.append(text)  # before, for to wait for the socket may be the last that a script does
            await self.websocket.send_str(text)

    async def send_binary(self, data: bytes, *, meaning: str) -> None:
        """Send a binary frame that the client shall understand as a text."""
        self.sent.append(meaning)
        await self.websocket.send_bytes(data)

    async def send_invalid(self, data: bytes, *, meaning: str) -> None:
        """Send a text frame of any bytes."""
        self.sent.append(meaning)
        await self.websocket.send_frame(data, WSMsgType.TEXT)

    async def ping(self, payload: bytes = b"") -> None:
        """Send a protocol ping."""
        self.sent.append("ping")
        await self.websocket.ping(payload)

    async def play(self, frames: Iterable[Recorded], *, speed: float | None = None) -> None:
        """Send the received frames of a recording at its pace times `speed`, or as fast as possible."""
        started_s, first_ns = time.monotonic(), None
        for frame in frames:
            if frame.direction != "recv":
                continue
            first_ns = frame.ts_ns if first_ns is None else first_ns
            if speed is not None:
                due_s = started_s + (frame.ts_ns - first_ns) / 1e9 / speed
                await asyncio.sleep(max(due_s - time.monotonic(), 0))
            await (self.ping() if frame.text == "ping" else self.send(frame.text))

    async def flood(self, texts: Iterable[str]) -> None:
        """Send text frames as fast as the socket takes them, many to a write."""
        block = bytearray()
        for text in texts:
            block += encode_text(text)
            self.sent.append(text)
            if len(block) >= _WRITE_BYTES:
                await self._write(bytes(block))
                block.clear()
        await self._write(bytes(block))

    async def drip(self, text: str, *, bytes_at_once: int, gap_s: float) -> None:
        """Send a text frame in small pieces."""
        encoded = encode_text(text)
        for start in range(0, len(encoded), bytes_at_once):
            await self._write(encoded[start : start + bytes_at_once])
            await asyncio.sleep(gap_s)
        self.sent.append(text)

    async def announce(self, n_bytes: int) -> None:
        """Send the head of a text frame of that size, and a little of it."""
        await self._write(struct.pack("!BBQ", _FIN | WSMsgType.TEXT, 127, n_bytes) + b"x" * 1000)

    async def send_nonsense(self) -> None:
        """Send bytes that are no WebSocket frame."""
        await self._write(b"\xff\xff nonsense")

    async def wait_received(self, n: int) -> None:
        """Wait until the client has sent so many text frames."""
        while len(self.received) < n:
            await asyncio.sleep(0.002)

    async def close(self, code: int = 1000, farewell: str = "") -> None:
        """Say goodbye, and wait for the answer."""
        await self.websocket.send_frame(code.to_bytes(2) + farewell.encode(), WSMsgType.CLOSE)
        if self.reading is not None:
            await asyncio.wait([self.reading], timeout=2)

    def drop(self) -> None:
        """Leave without a word; what was sent still arrives, as this end still takes what the client sends."""
        self.transport.write_eof()

    def reset(self) -> None:
        """Break the connection off; what is on its way may be lost."""
        sock: socket.socket = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def play_dead(self) -> None:
        """Read no more, so answer neither pings nor goodbyes, but keep the socket."""
        if self.reading is not None:
            self.reading.cancel()
        self.transport.pause_reading()

    def wake_up(self) -> None:
        """Read again."""
        self.transport.resume_reading()
        self.reading = asyncio.create_task(self.read())

    @property
    def transport(self) -> asyncio.Transport:
        transport = self.request.transport
        if transport is None:
            raise ConnectionResetError("the client is gone")
        return transport

    async def read(self) -> None:
        """Take in what the client says, until its goodbye or end."""
        while True:
            kind, data, _ = await self.websocket.receive()
            if kind is WSMsgType.TEXT:
                self.received.append((time.monotonic(), data))
            elif kind is WSMsgType.PING:
                self.pings.append(bytes(data))
                await self.websocket.pong(data)
            elif kind is WSMsgType.PONG:
                self.pongs.append(bytes(data))
            else:
                self.close_code = data if kind is WSMsgType.CLOSE else None
                return

    async def _write(self, data: bytes) -> None:
        self.transport.write(data)
        while self.transport.get_write_buffer_size() > _WRITE_BYTES:
            await asyncio.sleep(0)


Script = Callable[[Peer], Awaitable[None]]


class _Thread:
    """An event loop in a thread of its own, while the context lasts."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def run(self, coroutine: Coroutine[Any, Any, _Result], *, timeout_s: float = 60) -> _Result:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout_s)

    def __enter__(self) -> Self:
        self._thread.start()
        self.run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    async def _start(self) -> None:
        raise NotImplementedError

    async def _stop(self) -> None:
        raise NotImplementedError


class Venue(_Thread):
    """A WebSocket server on a free port of this machine, while the context lasts.

    Parameters
    ----------
    *scripts : script or Refusal
        What to do with the first, second, ... attempt to connect, the last also with all that follow. When a script has
        ended the connection stays open until the client leaves.
    compress : bool
        Whether to agree to permessage-deflate.
    tls : path, optional
        A PEM file with key and certificate for `localhost`.

    Attributes
    ----------
    url : str
        Where to connect.
    attempts_s : list of float
        When clients tried, by `time.monotonic`.
    peers : list of Peer
        The connections that came about.
    """

    def __init__(self, *scripts: Script | Refusal, compress: bool = True, tls: Path | None = None) -> None:
        super().__init__()
        self.url = ""
        self.attempts_s: list[float] = []
        self.peers: list[Peer] = []
        self._scripts = scripts
        self._compress = compress
        self._tls = tls

    def tell(self, script: Script) -> None:
        """Run a script on the latest connection now, and wait for its end; for use by another thread."""

        async def run() -> None:
            await script(self.peers[-1])

        self.run(run())

    async def _start(self) -> None:
        app = web.Application()
        app.router.add_get("/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        tls = None
        if self._tls is not None:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(self._tls)
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"ws://127.0.0.1:{port}/ws" if tls is None else f"wss://localhost:{port}/ws"

    async def _stop(self) -> None:
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        script = self._scripts[min(len(self.attempts_s), len(self._scripts) - 1)] if self._scripts else _listen
        self.attempts_s.append(time.monotonic())
        if isinstance(script, Refusal):
            while not script.due():
                await asyncio.sleep(0.005)
            return web.Response(status=script.status, headers=script.headers)
        websocket = web.WebSocketResponse(autoping=False, autoclose=False, compress=self._compress)
        await websocket.prepare(request)
        peer = Peer(request, websocket, time.monotonic())
        self.peers.append(peer)
        await _follow(script, peer)
        return websocket


async def _follow(script: Script, peer: Peer) -> None:
    """Run a script until the client leaves."""
    peer.reading = asyncio.create_task(peer.read())
    playing = asyncio.create_task(_play(script, peer))
    try:
        while peer.request.transport is not None and peer.close_code is None:
            await asyncio.sleep(0.005)
    finally:
        playing.cancel()
        peer.reading.cancel()
        await asyncio.gather(playing, peer.reading, return_exceptions=True)
    with suppress(ConnectionError):
        await peer.websocket.close()


async def _play(script: Script, peer: Peer) -> None:
    with suppress(ConnectionError):
        await script(peer)
        peer.script_done = True


async def _listen(peer: Peer) -> None:
    """Say nothing."""


class Proxy(_Thread):
    """An HTTP proxy that only tunnels, while the context lasts.

    Attributes
    ----------
    tunnels : bool
        Whether it does even that.
    url : str
        For HTTPS_PROXY.
    requests : list of str
        The heads of what it was asked.
    """

    def __init__(self) -> None:
        super().__init__()
        self.url = ""
        self.tunnels = True
        self.requests: list[str] = []

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._handle, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _stop(self) -> None:
        self._server.close()
        await self._server.wait_closed()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.requests.append(head)
        method, target, _ = head.split(" ", 2)
        if method != "CONNECT" or not self.tunnels:
            writer.write(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
            writer.close()
            return
        host, _, port = target.rpartition(":")
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer), return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(_WRITE_BYTES):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()


def encode_text(text: str) -> bytes:
    """Encode a text frame as a server sends it."""
    payload, first = text.encode(), _FIN | WSMsgType.TEXT
    if len(payload) < 126:
        return struct.pack("!BB", first, len(payload)) + payload
    if len(payload) < 2**16:
        return struct.pack("!BBH", first, 126, len(payload)) + payload
    return struct.pack("!BBQ", first, 127, len(payload)) + payload


def make_certificate(folder: Path) -> Path | None:
    """Make a key and a certificate for localhost that only itself vouches for; None without the openssl command."""
    openssl = shutil.which("openssl")
    if openssl is None:
        return None
    path = folder / "localhost.pem"
    subject = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    kind = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    command = [openssl, *kind, *subject, "-keyout", str(path), "-out", str(folder / "certificate.pem")]
    subprocess.run(command, check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + (folder / "certificate.pem").read_bytes())
    return path
