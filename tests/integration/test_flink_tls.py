"""A Flink whose REST interface asks for certificates: who has the right ones is answered, others are told."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, load_pem_private_key, pkcs12
from cryptography.x509 import load_pem_x509_certificate

from fingerprint_testing.tls import make_authority, write_pair
from jobs.cluster.flink_client import ask, list_jobs
from stack.flink_tls import CA, CERTIFICATE, KEY
from stack.java.runtime import find_java
from stack.ports import check_flink, free_port
from stack.services.flink import build_flink
from stack.services.flink_options import cluster_options, ha_options, write_config
from stack.services.service import Service
from udfs.errors import ConfigError, PipelineError, ServiceUnavailable

PASSWORD = "of this test"  # noqa: S105
READY_S = 120


def write_store(path: Path, issued: trustme.LeafCert, authority: trustme.CA) -> None:
    """Write what Java reads: a key with its certificate, and the authority."""
    key = load_pem_private_key(issued.private_key_pem.bytes(), None)
    certificate = load_pem_x509_certificate(issued.cert_chain_pems[0].bytes())
    known = pkcs12.PKCS12Certificate(load_pem_x509_certificate(authority.cert_pem.bytes()), b"ca")
    algorithm = BestAvailableEncryption(PASSWORD.encode())
    path.write_bytes(pkcs12.serialize_key_and_certificates(b"flink", key, certificate, [known.certificate], algorithm))


def server_options(folder: Path, authority: trustme.CA, java: Path) -> dict[str, str | int]:
    write_store(folder / "server.p12", authority.issue_cert("127.0.0.1", key_type=trustme.KeyType.RSA), authority)
    # Java believes only what was imported as trusted.
    subprocess.run(
        [java / "bin" / "keytool", "-importcert", "-noprompt", "-alias", "ca", "-file", folder / "ca.pem"]
        + ["-keystore", folder / "trust.p12", "-storetype", "PKCS12", "-storepass", PASSWORD],
        check=True,
        capture_output=True,
    )
    options = {f"security.ssl.rest.{name}-password": PASSWORD for name in ("keystore", "key", "truststore")}
    options |= {f"security.ssl.rest.{name}-type": "PKCS12" for name in ("keystore", "truststore")}
    return {
        **options,
        "security.ssl.rest.enabled": "true",
        "security.ssl.rest.authentication-enabled": "true",
        "security.ssl.rest.keystore": str(folder / "server.p12"),
        "security.ssl.rest.truststore": str(folder / "trust.p12"),
    }


@contextmanager
def running(services: list[Service]) -> Iterator[None]:
    processes = []
    try:
        for service in services:
            service.log.parent.mkdir(parents=True, exist_ok=True)
            service.prepare()
            environment = {**os.environ, **service.environment}
            with service.output.open("ab") as output:
                process = subprocess.Popen(service.command(0), env=environment, stdout=output, stderr=output)
            processes.append(process)
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    authority, other = (make_authority(folder / f"{name}.pem") for name in ("ca", "other-ca"))
    for name, issuer in (("ours", authority), ("other", other)):
        write_pair(issuer, folder, name)
    write_config(folder, server_options(folder, authority, find_java().home))
    return folder


@pytest.fixture(scope="module")
def flink_url(certificates: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a cluster like that of the local stack, but with TLS."""
    home, port, java = tmp_path_factory.mktemp("tls-stack"), free_port(), find_java()
    services = build_flink(home, port, 1, java)
    folder = home / "flink"
    options = cluster_options(folder, port, 1) | ha_options(folder, services[0].address)
    tls = (certificates / "config.yaml").read_text(encoding="utf-8")
    write_config(folder / "conf", options)
    with (folder / "conf" / "config.yaml").open("a", encoding="utf-8") as config:
        config.write(tls)
    with running(services):
        yield f"https://127.0.0.1:{port}"


def name_files(monkeypatch: pytest.MonkeyPatch, folder: Path, ca: str | None, pair: str | None) -> None:
    files = {CA: ca and f"{ca}.pem", CERTIFICATE: pair and f"{pair}.crt", KEY: pair and f"{pair}.key"}
    for name, file in files.items():
        monkeypatch.setenv(name, str(folder / file) if file else "")


@pytest.fixture
def ready(flink_url: str, certificates: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the address once a TaskManager is there."""
    name_files(monkeypatch, certificates, "ca", "ours")
    end_s = time.monotonic() + READY_S
    while time.monotonic() < end_s:
        try:
            if ask(flink_url, "/taskmanagers")["taskmanagers"]:
                return flink_url
        except ServiceUnavailable:
            pass
        time.sleep(0.5)
    pytest.fail("no TaskManager in time")


def test_who_has_the_right_certificates_is_answered(ready: str) -> None:
    assert check_flink(ready) == "2.3.0"
    assert list_jobs(ready) == []


@pytest.mark.parametrize(
    ("ca", "pair", "sentence"),
    [
        ("other-ca", "ours", f"found a certificate that cannot be verified .*: let {CA} name"),
        (None, "ours", f"found a certificate that cannot be verified .*: let {CA} name"),
        ("ca", None, f"found that it ends the connection.*: let {CERTIFICATE} and {KEY} name"),
        ("ca", "other", f"found that it ends the connection.*: let {CERTIFICATE} and {KEY} name"),
    ],
    ids=["wrong authority", "no authority", "no certificate", "wrong certificate"],
)
def test_what_is_not_believed_is_one_sentence(
    ready: str, certificates: Path, monkeypatch: pytest.MonkeyPatch, ca: str | None, pair: str | None, sentence: str
) -> None:
    name_files(monkeypatch, certificates, ca, pair)
    for call in (list_jobs, check_flink):
        with pytest.raises(ConfigError, match=sentence) as caught:
            call(ready)
        assert "\n" not in str(caught.value)


def test_http_at_an_address_that_speaks_tls_is_one_sentence(ready: str) -> None:
    with pytest.raises(PipelineError):
        list_jobs(ready.replace("https", "http"))
