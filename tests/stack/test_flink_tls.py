"""TLS with Flink, against a server that asks for certificates as Flink does."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from urllib.parse import quote, urlsplit

import pytest

from fingerprint_testing.flink_gateway import flink_gateway
from fingerprint_testing.http_answers import answering
from fingerprint_testing.tls import https_server, make_authority, write_pair
from jobs.cluster.flink_client import flink_run_command
from stack.flink_tls import CA, CERTIFICATE, KEY, FlinkTls, ask_flink, flink_tls, rest_port
from stack.java.flink_wheel import flink_home
from stack.java.runtime import find_java
from stack.services.flink import client_environment
from stack.services.flink_key_stores import client_tls_options
from udfs.errors import ConfigError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("ours", "other"):
        write_pair(make_authority(folder / f"{name}-ca.pem"), folder, name)
    (folder / "files").mkdir()
    (folder / "files" / "overview").write_text("{}")
    return folder


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    authority = make_authority(folder / "ca.pem")
    write_pair(authority, folder, "right")
    with https_server(authority, folder / "files", asks=True) as url:
        yield url


def name_files(monkeypatch: pytest.MonkeyPatch, folder: Path, ca: str, certificate: str, key: str) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    for name, file in ((CA, ca), (CERTIFICATE, certificate), (KEY, key)):
        monkeypatch.setenv(name, str(folder / file) if file else "")


def test_who_has_the_right_files_is_served(url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name_files(monkeypatch, folder, "ca.pem", "right.crt", "right.key")
    assert ask_flink("GET", f"{url}/overview", timeout=10).json() == {}


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        (("other-ca.pem", "right.crt", "right.key"), f"a certificate that cannot be verified .*: let {CA} name"),
        (("", "right.crt", "right.key"), f"a certificate that cannot be verified .*: let {CA} name"),
        (("ca.pem", "", ""), f"that it ends the connection.*: let {CERTIFICATE} and {KEY} name"),
        (("ca.pem", "other.crt", "other.key"), f"that it ends the connection.*: let {CERTIFICATE} and {KEY}"),
        (("ca.pem", "right.crt", "other.key"), "a certificate and a key that do not belong together"),
        (("right.key", "right.crt", "right.key"), f"correct {CA}"),
        (("ca.pem", "files/overview", "right.key"), "a certificate and a key that do not belong together"),
    ],
    ids=["other CA", "no CA", "none of ours", "other of ours", "other key", "no certificates", "no certificate"],
)
def test_who_has_not_is_told_what_is_wrong(
    url: str, folder: Path, monkeypatch: pytest.MonkeyPatch, files: tuple[str, str, str], sentence: str
) -> None:
    name_files(monkeypatch, folder, *files)
    with pytest.raises(ConfigError, match=sentence) as caught:
        ask_flink("GET", f"{url}/overview", timeout=10)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_variable_that_named_the_authorities_is_blamed(
    url: str, folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    name_files(monkeypatch, folder, "", "right.crt", "right.key")
    monkeypatch.setenv(name, str(folder / "nowhere.pem"))
    with pytest.raises(ConfigError, match=f"nowhere.pem: correct {name}"):
        ask_flink("GET", f"{url}/overview", timeout=10)


def test_an_address_without_tls_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name_files(monkeypatch, folder, "ours-ca.pem", "", "")
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = Thread(target=answer_in_plain_text, args=(server,))
        thread.start()
        with pytest.raises(ConfigError, match="found no TLS at all: write the address with http://"):
            ask_flink("GET", f"https://127.0.0.1:{server.getsockname()[1]}/overview", timeout=10)
        thread.join()


def answer_in_plain_text(server: socket.socket) -> None:
    with server.accept()[0] as connection:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_files_are_checked_before_they_are_used(folder: Path) -> None:
    with pytest.raises(ConfigError, match=f"Expected a file in PEM in {CA}, found none at /not/there"):
        flink_tls({CA: "/not/there"})
    with pytest.raises(ConfigError, match=f"Expected {KEY} beside {CERTIFICATE}, found it unset"):
        flink_tls({CERTIFICATE: str(folder / "ours.crt")})
    assert flink_tls({CA: ""}) == FlinkTls()


@pytest.mark.parametrize(
    ("address", "port"), [("http://f", 80), ("https://f", 443), ("https://f:8443", 8443), ("http://f:8081", 8081)]
)
def test_a_port_is_that_of_the_scheme(address: str, port: int) -> None:
    assert rest_port(urlsplit(address)) == port


def entries(store: Path) -> list[str]:
    """List a key store with Java's own program."""
    command = [find_java().home / "bin" / "keytool", "-list", "-keystore", store, "-storetype", "PKCS12"]
    done = subprocess.run(
        [*command, "-storepass:file", store.with_name("password")], capture_output=True, text=True, check=True
    )
    return sorted(line.split(",")[-2].strip() for line in done.stdout.splitlines() if "Entry," in line)


def test_java_reads_the_stores_and_nobody_else(folder: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text(
        (folder / "ours-ca.pem").read_text() + "# of another firm\n" + (folder / "other-ca.pem").read_text()
    )
    tls = FlinkTls(ca=bundle, certificate=folder / "ours.crt", key=folder / "ours.key")
    stores = tmp_path / "tls"
    for _again in range(2):
        options = client_tls_options(stores, find_java(), tls)
    assert entries(stores / "authorities.p12") == ["trustedCertEntry"] * 2
    assert entries(stores / "ours.p12") == ["PrivateKeyEntry"]
    assert stores.stat().st_mode & 0o077 == 0
    assert options["security.ssl.rest.authentication-enabled"] == "true"


def test_without_a_certificate_of_ours_none_is_shown(folder: Path, tmp_path: Path) -> None:
    options = client_tls_options(tmp_path / "tls", find_java(), FlinkTls(ca=folder / "ours-ca.pem"))
    assert "security.ssl.rest.authentication-enabled" not in options
    assert options["security.ssl.rest.enabled"] == "true"


def test_what_is_no_pem_is_one_sentence(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java, ca = find_java(), folder / "ours-ca.pem"
    with pytest.raises(ConfigError, match="found it unset: set it, for Flink's client"):
        client_tls_options(tmp_path / "tls", java, FlinkTls())
    with pytest.raises(ConfigError, match="found none: correct"):
        client_tls_options(tmp_path / "tls", java, FlinkTls(ca=folder / "ours.key"))
    with pytest.raises(ConfigError, match="found what cannot be read") as caught:
        client_tls_options(tmp_path / "tls", java, FlinkTls(ca=ca, certificate=ca, key=folder / "ours.key"))
    assert "\n" not in str(caught.value)
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(ConfigError, match="Expected the program openssl"):
        client_tls_options(tmp_path / "tls", java, FlinkTls(ca=ca, certificate=ca, key=folder / "ours.key"))


def test_flinks_client_is_told_of_tls_where_the_address_is_https(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name_files(monkeypatch, folder, "ours-ca.pem", "", "")
    config = tmp_path / "flink-client" / "conf" / "config.yaml"
    client_environment(tmp_path, "http://flink.example:8081")
    assert "security.ssl" not in config.read_text()
    client_environment(tmp_path, "https://flink.example")
    assert "security.ssl.rest.enabled" in config.read_text()
    assert "rest.port: 443" in config.read_text()


@pytest.mark.parametrize(("ca", "is_believed"), [("ca.pem", True), ("other-ca.pem", False)])
def test_flinks_own_client_believes_and_is_believed(
    url: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ca: str, is_believed: bool
) -> None:
    overview = folder / "files" / "v1" / "jobs" / "overview"
    overview.parent.mkdir(parents=True, exist_ok=True)
    overview.write_text('{"jobs": []}')
    name_files(monkeypatch, folder, ca, "right.crt", "right.key")
    submit = flink_run_command(url, [], worker_python="python")
    address = submit[submit.index("--jobmanager") + 1]
    command = [flink_home() / "bin" / "flink", "list", "-Drest.retry.max-attempts=0", "--jobmanager", address]
    environment = client_environment(tmp_path, url)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ("No running jobs" in done.stdout) == is_believed, done.stdout + done.stderr
    assert ("PKIX path" in done.stdout + done.stderr) != is_believed


@pytest.mark.parametrize(("password", "is_let_in"), [("s/cret:of this test", True), ("wrong", False)])
def test_flinks_own_client_shows_the_password_of_the_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, password: str, is_let_in: bool
) -> None:
    monkeypatch.setenv(CA, str(tmp_path / "ca.pem"))
    no_jobs = answering(lambda _path: (200, b'{"jobs": []}'))
    with (
        no_jobs as flink,
        flink_gateway(flink, make_authority(tmp_path / "ca.pem"), "ann@b", "s/cret:of this test") as at,
    ):
        url = at.replace("://", f"://ann%40b:{quote(password, safe='')}@")
        submit = flink_run_command(url, [], worker_python="python")
        address = submit[submit.index("--jobmanager") + 1]
        assert "ann" not in " ".join(submit)
        command = [flink_home() / "bin" / "flink", "list", "-Drest.retry.max-attempts=0", "--jobmanager", address]
        environment = client_environment(tmp_path, url)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ("No running jobs" in done.stdout) == is_let_in, done.stdout + done.stderr
