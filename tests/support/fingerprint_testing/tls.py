"""A certificate authority of one test, and an HTTPS server with a certificate of it."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path

import trustme


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_args: object) -> None:
        pass


def make_authority(path: Path) -> trustme.CA:
    """Make an authority, and write its certificate into a file."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(path)
    return authority


def write_pair(authority: trustme.CA, folder: Path, name: str) -> None:
    """Write a certificate and its key into `NAME.crt` and `NAME.key`."""
    issued = authority.issue_cert("us.example")
    issued.private_key_pem.write_to_path(folder / f"{name}.key")
    issued.cert_chain_pems[0].write_to_path(folder / f"{name}.crt")


@contextmanager
def https_server(authority: trustme.CA, folder: Path, *, asks: bool = False) -> Iterator[str]:
    """Serve the files of a folder on 127.0.0.1, and yield the address; if it `asks`, for a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if asks:
        authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with HTTPServer(("127.0.0.1", 0), partial(_QuietHandler, directory=str(folder))) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        # A client that ends the handshake is no error of the server.
        server.handle_error = lambda *_of: None  # type: ignore[method-assign]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"https://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
