"""A Kafka broker that asks who we are: certificates of our own, users with passwords, and rights of each."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import trustme
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._acl import AclBinding, AclOperation, AclPermissionType
from confluent_kafka.admin._resource import ResourcePatternType, ResourceType
from confluent_kafka.admin._scram import ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion
from cryptography.hazmat.primitives import serialization

from jobs.config import DEAD_LETTER_TOPIC
from jobs.pipeline.tables import READER
from stack.java.jars import ensure_jars
from stack.java.runtime import find_java
from stack.ports import free_port
from stack.services.kafka import build_kafka

PLAIN_USER = "plain"
SCRAM = {"SCRAM-SHA-256": ScramMechanism.SCRAM_SHA_256, "SCRAM-SHA-512": ScramMechanism.SCRAM_SHA_512}

Right = tuple[ResourceType, str, AclOperation]

READS, WRITES, DELETES = AclOperation.READ, AclOperation.WRITE, AclOperation.DELETE
OF_TOPIC, OF_GROUP = ResourceType.TOPIC, ResourceType.GROUP


def documented_rights(topic: str) -> dict[str, list[Right]]:
    """Return the rights that docs/kafka-security.md says a feed, the job and an operator need, and those of nobody."""
    return {
        "feed": [(OF_TOPIC, topic, WRITES)],
        "job": [(OF_TOPIC, topic, READS), (OF_TOPIC, DEAD_LETTER_TOPIC, WRITES), (OF_GROUP, READER, READS)],
        "operator": [
            *((OF_TOPIC, topic, operation) for operation in (READS, WRITES, DELETES)),
            (OF_TOPIC, DEAD_LETTER_TOPIC, READS),
            (OF_GROUP, "fingerprint-results", AclOperation.DESCRIBE),
        ],
        "nobody": [],
    }


@dataclass(frozen=True)
class SecureKafka:
    """A running broker.

    Attributes
    ----------
    folder : Path
        Of certificates and of files of properties.
    inside : str
        Where nobody is asked, for who gives the others their rights.
    sasl, tls : str
        By SASL_SSL, and by SSL with a certificate of the client.
    other_name : str
        `sasl` by a name that is not in the broker's certificate.
    sasl_plain : str
        By SASL without TLS.
    """

    folder: Path
    inside: str
    sasl: str
    tls: str
    other_name: str
    sasl_plain: str
    passwords: dict[str, str] = field(default_factory=dict)

    def add_user(self, name: str, rights: Sequence[Right], mechanism: str = "SCRAM-SHA-512") -> str:
        """Make a user with a password that is nowhere else, and return the password."""
        password = f'{uuid.uuid4().hex}"\\ ;={uuid.uuid4().hex}'
        admin = AdminClient({"bootstrap.servers": self.inside})
        credential = UserScramCredentialUpsertion(name, ScramCredentialInfo(SCRAM[mechanism], 4096), password.encode())
        for made in admin.alter_user_scram_credentials([credential]).values():
            made.result()
        self.passwords[name] = password
        self.grant(name, rights)
        return password

    def grant(self, name: str, rights: Sequence[Right]) -> None:
        """Give rights to a principal."""
        admin = AdminClient({"bootstrap.servers": self.inside})
        bindings = [
            AclBinding(
                kind,
                resource,
                ResourcePatternType.LITERAL,
                f"User:{name}",
                "*",
                operation,
                AclPermissionType.ALLOW,
            )
            for kind, resource, operation in rights
        ]
        for made in admin.create_acls(bindings).values() if bindings else ():
            made.result()

    def properties(self, user: str, **changed: str | None) -> Path:
        """Write the file with which a user logs in; underscores of a name stand for points, None leaves it out."""
        values: dict[str, str | None] = {
            "security.protocol": "SASL_SSL",
            "sasl.mechanisms": "SCRAM-SHA-512",
            "sasl.username": user,
            "sasl.password": self.passwords.get(user),
            "ssl.ca.location": "ca.pem",
        }
        return self.write({**values, **{name.replace("_", "."): value for name, value in changed.items()}})

    def write(self, values: Mapping[str, str | None]) -> Path:
        """Write a file of properties, readable by its owner only."""
        path = self.folder / f"{uuid.uuid4().hex}.properties"
        path.touch(mode=0o600)
        path.write_text("".join(f"{name} = {value}\n" for name, value in values.items() if value is not None))
        return path


def write_certificates(folder: Path) -> None:
    """Write an authority, another one, a broker's certificate for `localhost` and a client's, with keys in PKCS#8."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.pem")
    trustme.CA().cert_pem.write_to_path(folder / "other-ca.pem")
    for name, issued in (
        ("broker", ca.issue_cert("localhost")),
        ("client", ca.issue_cert("client.example", common_name="client")),
    ):
        key = pkcs8(issued.private_key_pem.bytes())
        chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
        (folder / f"{name}.crt").write_bytes(chain)
        (folder / f"{name}.key").write_bytes(key)
        (folder / f"{name}.pem").write_bytes(key + chain)


def pkcs8(key: bytes) -> bytes:
    """Write a private key as OpenSSL and Java both read it."""
    return serialization.load_pem_private_key(key, None).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def write_kafka_programs(folder: Path) -> None:
    """Write `kafka-acls.sh` and `kafka-configs.sh`, which start what those of Kafka's distribution start."""
    jars = [*ensure_jars("broker", lambda _line: None), *ensure_jars("tools", lambda _line: None)]
    java = [str(find_java().home / "bin" / "java"), "-cp", os.pathsep.join(map(str, jars))]
    for name, started in (("kafka-acls.sh", "AclCommand"), ("kafka-configs.sh", "ConfigCommand")):
        program = folder / name
        program.write_text(f'#!/bin/sh\nexec {shlex.join([*java, f"org.apache.kafka.tools.{started}"])} "$@"\n')
        program.chmod(0o755)


@contextmanager
def secure_kafka(folder: Path) -> Iterator[SecureKafka]:
    """Run a broker in a folder."""
    write_certificates(folder)
    inside, sasl, tls, sasl_plain = (free_port() for _ in range(4))
    service = build_kafka(folder, inside, ensure_jars("broker", lambda _line: None), find_java())
    config = folder / "kafka" / "server.properties"
    voters = next(line for line in config.read_text().splitlines() if line.startswith("controller.quorum.voters"))
    controller = voters.rpartition("@")[2]
    plain_password = uuid.uuid4().hex
    listeners = f"INSIDE://127.0.0.1:{inside},CONTROLLER://{controller}"
    listeners += f",SASL_SSL://127.0.0.1:{sasl},SSL://127.0.0.1:{tls},SASL_PLAINTEXT://127.0.0.1:{sasl_plain}"
    advertised = f"INSIDE://127.0.0.1:{inside},SASL_SSL://localhost:{sasl},SSL://localhost:{tls}"
    advertised += f",SASL_PLAINTEXT://localhost:{sasl_plain}"
    plain_login = "org.apache.kafka.common.security.plain.PlainLoginModule"
    scram_login = "org.apache.kafka.common.security.scram.ScramLoginModule"
    protocols = "INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT"
    with config.open("a") as file:
        file.write(f"""
listeners={listeners}
advertised.listeners={advertised}
inter.broker.listener.name=INSIDE
listener.security.protocol.map={protocols}
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasl_ssl.plain.sasl.jaas.config={plain_login} required user_{PLAIN_USER}="{plain_password}";
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config={scram_login} required;
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={scram_login} required;
listener.name.sasl_plaintext.sasl.enabled.mechanisms=SCRAM-SHA-256
listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config={scram_login} required;
ssl.keystore.type=PEM
ssl.keystore.location={folder / "broker.pem"}
ssl.truststore.type=PEM
ssl.truststore.location={folder / "ca.pem"}
listener.name.ssl.ssl.client.auth=required
ssl.principal.mapping.rules=RULE:^CN=([^,]+).*$/$1/,DEFAULT
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
""")
    (folder / "logs").mkdir()
    service.prepare()
    with service.output.open("wb") as output:
        broker = subprocess.Popen(service.command(0), env=dict(os.environ), stdout=output, stderr=output)
        try:
            end_s = time.monotonic() + 120
            while not service.is_ready(0):
                assert broker.poll() is None, service.log_tail(30)
                assert time.monotonic() < end_s, service.log_tail(30)
                time.sleep(0.2)
            yield SecureKafka(
                folder,
                f"127.0.0.1:{inside}",
                f"localhost:{sasl}",
                f"localhost:{tls}",
                f"127.0.0.1:{sasl}",
                f"localhost:{sasl_plain}",
                {PLAIN_USER: plain_password},
            )
        finally:
            broker.kill()
            broker.wait()
