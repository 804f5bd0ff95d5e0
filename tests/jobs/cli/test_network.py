"""Proxies and certificate authorities: what is named counts for every client, proxies not for this machine."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from ssl import PEM_cert_to_DER_cert
from threading import Thread
from urllib.request import getproxies, proxy_bypass

import pytest
import requests

from fingerprint_testing.paths import ROOT
from fingerprint_testing.tls import https_server, make_authority
from ingest.recordings.fetching import _download
from ingest.recordings.origins import Origin
from jobs.cli.network import adopt_network_settings
from jobs.cluster.flink_client import list_jobs
from jobs.grafana.grafana_server import Grafana
from stack.http import send
from stack.java import jars
from stack.java.jars import Jar, ensure_jars
from stack.ports import check_flink, free_port
from udfs.errors import ConfigError, PipelineError

CONTENT = b"not really a jar"
JAR = Jar("flink", "org.example", "thing", "1.0", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))
OF_THE_NETWORK = (
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT", "PIP_CONFIG_FILE"),
    *(name for proxy in ("HTTP", "HTTPS", "ALL", "NO") for name in (f"{proxy}_PROXY", f"{proxy.lower()}_proxy")),
)


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OF_THE_NETWORK:
        # So that what `adopt_network_settings` sets is taken back too.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.fixture
def dead_proxy(monkeypatch: pytest.MonkeyPatch) -> str:
    """Name a proxy at which nobody listens, in each variable that names one."""
    proxy = f"http://127.0.0.1:{free_port()}"
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, proxy)
    return proxy


class _Flink(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"flink-version": "2.3.0", "jobs": []}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def flink_url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Flink) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.usefixtures("dead_proxy")
def test_this_machine_is_not_asked_through_a_proxy(flink_url: str) -> None:
    with pytest.raises(requests.exceptions.ProxyError):
        requests.get(flink_url, timeout=10)
    assert send("GET", flink_url, timeout=10).ok
    assert check_flink(flink_url) == "2.3.0"
    assert list_jobs(flink_url) == []


@pytest.mark.usefixtures("dead_proxy")
def test_other_machines_are() -> None:
    with pytest.raises(requests.exceptions.ProxyError):
        send("GET", "http://flink.invalid:8081", timeout=10)


@pytest.mark.usefixtures("dead_proxy")
@pytest.mark.parametrize("host", ["127.0.0.1:8081", "localhost", "[::1]:8081"])
def test_every_library_learns_that_this_machine_has_no_proxy(host: str) -> None:
    adopt_network_settings(files=[])
    assert requests.utils.should_bypass_proxies(f"http://{host}/", no_proxy=None)
    assert getproxies()["http"] == os.environ["HTTP_PROXY"]
    assert proxy_bypass("127.0.0.1:8081")
    assert not proxy_bypass("flink.example")


def test_exceptions_of_the_users_own_stay() -> None:
    environ = {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "a.example, 127.0.0.1", "no_proxy": "b.example"}
    adopt_network_settings(environ, files=[])
    assert environ["NO_PROXY"] == environ["no_proxy"] == "a.example,127.0.0.1,b.example,localhost,::1"


def test_without_a_proxy_nothing_is_excepted() -> None:
    environ: dict[str, str] = {}
    adopt_network_settings(environ, files=[])
    assert environ == {}


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT"])
def test_one_file_of_authorities_is_enough(name: str, tmp_path: Path) -> None:
    other = tmp_path / "pip.conf"
    other.write_text("[global]\ncert = /not/this\n")
    environ = {name: "/ours.pem"}
    adopt_network_settings(environ, [other])
    assert environ["SSL_CERT_FILE"] == "/ours.pem"
    assert (environ.get("CURL_CA_BUNDLE") or environ["REQUESTS_CA_BUNDLE"]) == "/ours.pem"


def test_each_library_keeps_a_file_of_its_own() -> None:
    environ = {"SSL_CERT_FILE": "/one.pem", "REQUESTS_CA_BUNDLE": "/two.pem"}
    adopt_network_settings(environ, [])
    assert environ == {"SSL_CERT_FILE": "/one.pem", "REQUESTS_CA_BUNDLE": "/two.pem"}


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["[global]\ncert = /a.pem\n", "[global]\ncert = /b.pem\n"], "/a.pem"),
        (["[global]\ntimeout = 5\n", "[install]\ncert=/b.pem\n"], "/b.pem"),
        (["no settings at all", "[global]\ncert = /b.pem\n"], "/b.pem"),
        (["[global]\ncert = %(x)s/a.pem\n"], "%(x)s/a.pem"),
        ([""], None),
    ],
    ids=["first", "next", "broken", "percent", "none"],
)
def test_pips_files_are_read(tmp_path: Path, texts: list[str], found: str | None) -> None:
    files = [tmp_path / f"{number}.conf" for number in range(len(texts))]
    for path, text in zip(files, texts, strict=True):
        path.write_text(text)
    environ: dict[str, str] = {}
    adopt_network_settings(environ, [*files, tmp_path / "missing"])
    assert environ.get("REQUESTS_CA_BUNDLE") == environ.get("SSL_CERT_FILE") == found


def test_the_same_files_as_pips(tmp_path: Path) -> None:
    (tmp_path / "own.conf").write_text("[global]\ncert = /own.pem\n")
    (tmp_path / ".config" / "pip").mkdir(parents=True)
    (tmp_path / ".config" / "pip" / "pip.conf").write_text("[global]\ncert = /user.pem\n")
    for environ, expected in (
        ({"HOME": str(tmp_path)}, "/user.pem"),
        ({"HOME": str(tmp_path), "PIP_CONFIG_FILE": str(tmp_path / "own.conf")}, "/own.pem"),
        ({"HOME": str(tmp_path), "PIP_CONFIG_FILE": os.devnull}, ""),
    ):
        command = [sys.executable, "-m", "pip", "config", "list"]
        said = subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout
        adopt_network_settings(environ)
        assert environ.get("SSL_CERT_FILE", "") == expected
        assert re.findall(r"^global\.cert='(.*)'$", said, re.MULTILINE) == [expected][: bool(expected)]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Serve a jar by HTTPS, and return the file of the authority that nobody knows."""
    monkeypatch.setattr(jars, "locked_jars", lambda: (JAR,))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "files" / JAR.repository_path
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    with https_server(make_authority(tmp_path / "ca.pem"), tmp_path / "files") as url:
        monkeypatch.setenv("MAVEN_REPO_URL", url)
        yield tmp_path / "ca.pem"


def fetch_jars() -> bytes:
    (path,) = ensure_jars("flink", lambda _line: None)
    return path.read_bytes()


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT", "pip.conf"])
def test_jars_come_by_the_authorities_of_the_firm(
    repository: Path, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pip.conf").write_text(f"[global]\ncert = {repository}\n" if name == "pip.conf" else "")
    if name != "pip.conf":
        monkeypatch.setenv(name, str(repository))
    adopt_network_settings(files=[tmp_path / "pip.conf"])
    assert fetch_jars() == CONTENT


@pytest.mark.usefixtures("repository")
def test_an_unknown_authority_is_called_that() -> None:
    with pytest.raises(ConfigError, match="found a certificate that cannot be verified .*: let SSL_CERT_FILE name"):
        fetch_jars()


@pytest.mark.usefixtures("repository")
def test_a_file_of_authorities_that_is_not_there_is_called_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/not/there.pem")
    with pytest.raises(ConfigError, match=r"found no certificate authorities \(.*/not/there.pem\): let SSL_CERT_FILE"):
        fetch_jars()


@pytest.mark.parametrize("kind", ["text", "empty", "DER", "cut"])
def test_a_file_of_authorities_that_is_none_is_called_that(
    repository: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """As a firm's `.cer`, which is DER."""
    pem = repository.read_text()
    der = PEM_cert_to_DER_cert(pem)
    repository.write_bytes({"text": b"no certificate", "empty": b"", "DER": der, "cut": pem.encode()[:300]}[kind])
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(repository))
    expected = r"found a file of certificate authorities that is not PEM \([^_\[]+\): let SSL_CERT_FILE name .*PEM"
    with pytest.raises(ConfigError, match=expected):
        fetch_jars()


@pytest.mark.usefixtures("repository", "dead_proxy")
def test_a_proxy_that_is_away_is_called_that() -> None:
    with pytest.raises(PipelineError, match="found no answer from the proxy in the environment: check HTTPS_PROXY"):
        fetch_jars()


@pytest.mark.usefixtures("repository")
def test_recordings_say_the_same(tmp_path: Path) -> None:
    zero = {"frames": 0, "sent": 0, "seconds": 0.0, "start_ns": 0}
    origin = Origin(file="x", repository="a/b", commit="0", path="X", sha256=JAR.sha256, **zero)
    with pytest.raises(ConfigError, match=r"from 127\.0\.0\.1, found a certificate that cannot be verified"):
        _download(origin, tmp_path / "X", os.environ["MAVEN_REPO_URL"], lambda _s: None)


@pytest.mark.usefixtures("repository")
def test_grafana_says_the_same() -> None:
    with pytest.raises(ConfigError, match="Expected Grafana at .*, found a certificate that cannot be verified"):
        Grafana(os.environ["MAVEN_REPO_URL"], "token")


def test_the_launcher_gives_pip_and_uv_the_same_file(tmp_path: Path) -> None:
    launcher = (ROOT / "fingerprint").read_text()
    begin, end = launcher.index("use_pip_settings() {"), launcher.index("# What the environment must match")
    script = f"""{launcher[begin:end]}
venv={Path(sys.executable).parents[1]}
use_pip_settings
echo "${{SSL_CERT_FILE:-}} ${{PIP_CERT:-}}"
"""
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT"):
        environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PIP_CONFIG_FILE": os.devnull, name: "/ours.pem"}
        done = subprocess.run(["bash", "-euc", script], env=environ, capture_output=True, text=True, check=False)  # noqa: S607
        assert done.stdout.split() == ["/ours.pem", "/ours.pem"], done.stderr
