"""What firms put before Flink: an HTTPS server that asks for user and password, and hands requests on."""

from __future__ import annotations

import base64
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests
import trustme

_TIMEOUT_S = 120
_UNAUTHORIZED = 401


@contextmanager
def flink_gateway(flink_url: str, authority: trustme.CA, user: str, password: str) -> Iterator[str]:
    """Stand before a Flink on 127.0.0.1, and yield the address, without user and password."""
    login = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _hand_on(self) -> None:
            body = self._body()
            if self.headers.get("Authorization") != login:
                self._answer(_UNAUTHORIZED, "text/html", b"<html>Who are you?</html>")
                return
            headers = {name: self.headers[name] for name in ("Content-Type", "Accept") if name in self.headers}
            with requests.Session() as session:
                session.trust_env = False
                found = session.request(
                    self.command, flink_url + self.path, data=body, headers=headers, timeout=_TIMEOUT_S
                )
            self._answer(found.status_code, found.headers.get("Content-Type", ""), found.content)

        do_GET = do_POST = do_PATCH = do_DELETE = _hand_on

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            chunks = []
            while n_bytes := int(self.rfile.readline(), 16):
                chunks.append(self.rfile.read(n_bytes))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_of: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.daemon_threads = True
        server.handle_error = lambda *_of: None  # type: ignore[method-assign]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"https://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
