"""Key stores of Java for Flink's client, made of the PEM files by which commands speak to Flink."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from stack.flink_tls import CA, CERTIFICATE, KEY, FlinkTls
from stack.java.runtime import JavaHome
from udfs.errors import ConfigError

_TIMEOUT_S = 60
# Flink's own list has those of RSA keys only. All of these keep what was said secret if a key becomes known later.
_CIPHERS = (
    *("TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256"),
    *("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
    *("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
)
_PEM_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n?", re.DOTALL)


def client_tls_options(folder: Path, java: JavaHome, tls: FlinkTls) -> dict[str, str | int]:
    """Write key stores for Flink's client, and return the options that name them.

    Parameters
    ----------
    folder : Path
        Where the stores go, readable by their owner only; the password is another each time.
    java : JavaHome
        Its keytool makes the store of authorities.
    tls : FlinkTls
        The files; the authorities have to be named.

    Raises
    ------
    ConfigError
        If a file is not what it should be, or there is no `openssl` to read a key.
    """
    if tls.ca is None:
        raise ConfigError(
            f"Expected the authority of Flink's certificate in {CA}, found it unset: set it, for Flink's client"
        )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    password = folder / "password"
    with open(os.open(password, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(secrets.token_urlsafe(24))
    _make_truststore(folder, java, tls.ca)
    word = password.read_text(encoding="utf-8")
    options: dict[str, str | int] = {
        "security.ssl.rest.enabled": "true",
        "security.ssl.protocol": "TLSv1.3,TLSv1.2",
        "security.ssl.algorithms": ",".join(_CIPHERS),
        "security.ssl.rest.truststore": str(folder / "authorities.p12"),
        "security.ssl.rest.truststore-type": "PKCS12",
        "security.ssl.rest.truststore-password": word,
    }
    if tls.certificate is None or tls.key is None:
        return options
    _make_keystore(folder, tls.certificate, tls.key)
    return options | {
        "security.ssl.rest.authentication-enabled": "true",
        "security.ssl.rest.keystore": str(folder / "ours.p12"),
        "security.ssl.rest.keystore-type": "PKCS12",
        "security.ssl.rest.keystore-password": word,
        "security.ssl.rest.key-password": word,
    }


def _make_truststore(folder: Path, java: JavaHome, ca: Path) -> None:
    certificates = _PEM_CERTIFICATE.findall(ca.read_text(encoding="utf-8", errors="replace"))
    if not certificates:
        raise ConfigError(f"Expected certificates in PEM in {ca}, found none: correct {CA}")
    keytool = java.home / "bin" / "keytool"
    store = [
        "-keystore",
        str(folder / "authorities.p12"),
        "-storetype",
        "PKCS12",
        "-storepass:file",
        str(folder / "password"),
    ]
    for number, certificate in enumerate(certificates):
        _run([str(keytool), "-importcert", "-noprompt", "-alias", f"ca{number}", *store], certificate, f"{CA} ({ca})")


def _make_keystore(folder: Path, certificate: Path, key: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        raise ConfigError(
            "Expected the program openssl to give our certificate to Flink's client, found none: install it"
        )
    command = [openssl, "pkcs12", "-export", "-in", str(certificate), "-inkey", str(key), "-passin", "pass:"]
    command += ["-out", str(folder / "ours.p12"), "-passout", f"file:{folder / 'password'}"]
    _run(command, "", f"{CERTIFICATE} and {KEY} ({certificate}, {key})")
    (folder / "ours.p12").chmod(0o600)


def _run(command: Sequence[str], text: str, what: str) -> None:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S)
    if done.returncode:
        said = ((done.stdout + done.stderr).strip().splitlines() or ["no reason"])[0]
        raise ConfigError(f"Expected a certificate in PEM in {what}, found what cannot be read ({said}): correct it")
