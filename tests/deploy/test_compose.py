"""The Compose file without an engine: valid, complete in itself, and in agreement with the code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from fingerprint_testing.paths import GRAFANA, ROOT
from model.registry.database_url import parse_database_url
from stack.java.jars import locked_jars
from stack.roles import Role
from stack.services.flink_options import FAILURE_OPTIONS, REPORTER, REPORTER_OPTIONS, REST_OPTIONS
from stack.services.prometheus import scrape_config
from stack.services.zookeeper import MAIN_CLASS

COMPOSE = ROOT / "docker-compose.yml"
TEXT = COMPOSE.read_text()
PROJECT: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = PROJECT["services"]
IMAGE_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

each_service = pytest.mark.parametrize("name", SERVICES)


def inner_port(mapping: str) -> str:
    return mapping.rpartition(":")[2]


def test_obeys_the_compose_specification() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_has_every_part_of_the_system() -> None:
    assert set(SERVICES) == {
        *("kafka", "postgres", "logins", "migrate", "zookeeper", "jobmanager", "taskmanager", "submit", "publisher"),
        *("retention", "prometheus", "grafana"),
    }


@each_service
def test_waits_for_services_that_can_satisfy_it(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        service = SERVICES[other]
        if how["condition"] == "service_healthy":
            assert "healthcheck" in service
        if how["condition"] == "service_completed_successfully":
            assert service["restart"] == "no"


@each_service
def test_mounts_what_exists(name: str) -> None:
    for mount in SERVICES[name].get("volumes", []):
        source = mount.split(":")[0]
        if source.startswith("."):
            assert (ROOT / source).exists()
            assert mount.endswith(":ro")
        else:
            assert source in PROJECT["volumes"]


def test_declares_no_volume_that_nobody_uses() -> None:
    used = {mount.split(":")[0] for service in SERVICES.values() for mount in service.get("volumes", [])}
    assert set(PROJECT["volumes"]) <= used


@each_service
def test_images_are_pinned(name: str) -> None:
    assert re.fullmatch(r"[a-z/-]+:v?\d+\.\d+(\.\d+)?(@sha256:[0-9a-f]{64})?", SERVICES[name]["image"])


@each_service
def test_ports_are_configurable_and_for_this_machine_only(name: str) -> None:
    for mapping in SERVICES[name].get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:\$\{[A-Z]+_PORT:-\d+\}:\d+", mapping)


def test_every_secret_and_setting_is_in_the_example() -> None:
    used = dict(re.findall(r"\$\{([A-Z_]+)(:[?-])", TEXT))
    example = (ROOT / ".env.example").read_text()
    required = set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE))
    optional = set(re.findall(r"^#([A-Z_]+)=", example, re.MULTILINE))
    assert {name for name, operator in used.items() if operator == ":?"} == required
    assert {name for name, operator in used.items() if operator == ":-"} == optional
    assert all(name.endswith("_PASSWORD") for name in required)


def test_our_image_is_this_version_built_from_files_that_exist() -> None:
    ours = [service for service in SERVICES.values() if "build" in service]
    assert {service["image"] for service in ours} == {f"{IMAGE_PROJECT['name']}:{IMAGE_PROJECT['version']}"}
    assert all((ROOT / service["build"]["dockerfile"]).is_file() for service in ours)


def test_the_broker_is_the_one_of_the_local_stack() -> None:
    (broker,) = {jar.version for jar in locked_jars() if jar.artifact == "kafka_2.13"}
    assert SERVICES["kafka"]["image"].partition("@")[0] == f"apache/kafka:{broker}"


def test_the_broker_listens_where_clients_are_sent() -> None:
    environment = SERVICES["kafka"]["environment"]
    listeners = dict(part.split("://:") for part in environment["KAFKA_LISTENERS"].split(","))
    advertised = dict(part.split("://") for part in environment["KAFKA_ADVERTISED_LISTENERS"].split(","))
    protocols = dict(part.split(":") for part in environment["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(","))
    assert listeners.keys() == protocols.keys()
    assert advertised.keys() == listeners.keys() - {environment["KAFKA_CONTROLLER_LISTENER_NAMES"]}
    assert advertised["PLAINTEXT"] == f"kafka:{listeners['PLAINTEXT']}"
    (published,) = SERVICES["kafka"]["ports"]
    assert published == f"{advertised['HOST']}:{listeners['HOST']}"
    assert environment["KAFKA_CONTROLLER_QUORUM_VOTERS"].endswith(f":{listeners['CONTROLLER']}")
    assert environment["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"


@pytest.mark.parametrize("name", ["submit", "publisher"])
def test_commands_name_services_at_their_own_ports(name: str) -> None:
    command = SERVICES[name]["command"]
    options = dict(pairwise(command[1:]))
    kafka_ports = re.findall(r"://:(\d+)", SERVICES["kafka"]["environment"]["KAFKA_LISTENERS"])
    assert options["--kafka"] == f"kafka:{kafka_ports[0]}"
    if "--flink" in options:
        assert options["--flink"] == f"http://jobmanager:{inner_port(SERVICES['jobmanager']['ports'][0])}"


def test_old_results_are_dropped_daily_also_after_a_failure(tmp_path: Path) -> None:
    log = tmp_path / "log"
    said = f'echo "$(basename "$0") $*" >> {log}'
    for name, then in {"fingerprint": "exit 1", "sleep": f'[ "$(wc -l < {log})" -lt 4 ] || kill $PPID'}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{said}\n{then}\n")
        (tmp_path / name).chmod(0o755)
    (script,) = SERVICES["retention"]["command"]
    assert SERVICES["retention"]["entrypoint"] == ["sh", "-c"]
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "RETENTION_DAYS": "7"}
    subprocess.run(["sh", "-c", script], env=environment, check=False, timeout=60)  # noqa: S607 (our own command)
    assert log.read_text().splitlines() == ["fingerprint migrate --retention-days 7", "sleep 86400"] * 2


def test_the_runbook_is_where_alerts_link_to() -> None:
    grafana = SERVICES["grafana"]
    (mount,) = [mount for mount in grafana["volumes"] if mount.startswith("./docs/runbook.md:")]
    served = mount.split(":")[1].removeprefix("/usr/share/grafana")
    port = grafana["ports"][0].removeprefix("127.0.0.1:").rpartition(":")[0]
    address = f"http://127.0.0.1:{port}{served}"
    assert grafana["environment"]["GRAFANA_RUNBOOK_URL"] == f"${{GRAFANA_RUNBOOK_URL:-{address}}}"


@pytest.mark.parametrize(
    ("name", "variable", "user"),
    [
        ("logins", "DATABASE_URL", "fingerprint"),
        ("migrate", "DATABASE_URL", "owner"),
        ("retention", "DATABASE_URL", "owner"),
        ("submit", "JOB_DATABASE_URL", "job"),
        ("submit", "MODEL_DATABASE_URL", "model_admin"),
    ],
)
def test_each_address_of_the_database_is_that_of_the_server_and_of_one_login(
    name: str, variable: str, user: str
) -> None:
    server = SERVICES["postgres"]
    url = SERVICES[name]["environment"][variable]
    (password,) = re.findall(r"\$\{(\w+):\?", url)
    database = parse_database_url(re.sub(r"\$\{[^}]*\}", "secret", url))
    assert database.address == f"postgres:{inner_port(server['ports'][0])}"
    assert database.name == server["environment"]["POSTGRES_DB"]
    assert database.user == user
    assert made_logins().get(user, "POSTGRES_PASSWORD") == password


def made_logins() -> dict[str, str]:
    """Return the logins that Compose makes, each with the variable of its password."""
    (script,) = SERVICES["logins"]["command"]
    made = re.findall(r"^fingerprint login (\w+) --role (\w+) --password-variable (\w+)", script, re.MULTILINE)
    assert {login: Role(role) for login, role, _ in made} == {
        **{role: role for role in (Role.OWNER, Role.JOB, Role.MODEL_ADMIN)},
        "grafana": Role.READER,
    }
    return {login: variable for login, _, variable in made}


def test_nobody_has_the_password_of_the_superuser_but_who_makes_logins() -> None:
    holders = {name for name, service in SERVICES.items() if "POSTGRES_PASSWORD" in str(service)}
    assert holders == {"postgres", "logins"}


def test_grafana_logs_in_as_the_reader_of_the_database() -> None:
    server, grafana = SERVICES["postgres"]["environment"], SERVICES["grafana"]["environment"]
    variable = made_logins()[grafana["GRAFANA_DB_USER"]]
    assert grafana["GRAFANA_DB_PASSWORD"] == SERVICES["logins"]["environment"][variable]
    assert grafana["GRAFANA_DB_NAME"] == server["POSTGRES_DB"]
    assert grafana["GRAFANA_DB_HOST"] == "postgres"
    assert str(grafana["GRAFANA_DB_PORT"]) == inner_port(SERVICES["postgres"]["ports"][0])


def test_grafana_gets_every_variable_that_its_data_sources_name() -> None:
    environment = SERVICES["grafana"]["environment"]
    for source in (GRAFANA / "provisioning" / "datasources").iterdir():
        assert set(re.findall(r"\$\{(\w+)\}", source.read_text())) <= set(environment)
    assert environment["PROMETHEUS_URL"] == f"http://prometheus:{inner_port(SERVICES['prometheus']['ports'][0])}"
    home = environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (GRAFANA / "dashboards" / Path(home).name).is_file()


def test_prometheus_reads_flink_as_in_the_local_stack() -> None:
    config = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    (discovery,) = config["scrape_configs"][0]["dns_sd_configs"]
    assert config == scrape_config({"dns_sd_configs": [discovery]})
    assert set(discovery["names"]) < set(SERVICES)
    flink = flink_config()
    assert {name: flink[name] for name in REPORTER_OPTIONS} == REPORTER_OPTIONS
    assert discovery["port"] == flink[f"{REPORTER}.port"]
    assert "./deploy/prometheus:/etc/prometheus:ro" in SERVICES["prometheus"]["volumes"]


def flink_config() -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "flink" / "config.yaml").read_text())
    return config


def test_failures_are_noticed_and_mended_as_in_the_local_stack() -> None:
    config = flink_config()
    assert {name: config.get(name) for name in FAILURE_OPTIONS} == FAILURE_OPTIONS


def test_web_pages_are_refused_as_in_the_local_stack() -> None:
    config = flink_config()
    assert {name: config.get(name) for name in REST_OPTIONS} == REST_OPTIONS


def test_a_new_jobmanager_finds_the_jobs_of_the_last() -> None:
    config = flink_config()
    assert config["high-availability.type"] == "zookeeper"
    assert config["high-availability.storageDir"].startswith(config["execution.checkpointing.dir"])
    name, port = config["high-availability.zookeeper.quorum"].split(":")
    assert f"clientPort={port}" in (ROOT / "deploy" / "flink" / "zoo.cfg").read_text()
    assert MAIN_CLASS in SERVICES[name]["entrypoint"]


def test_both_managers_share_the_checkpoints() -> None:
    config = flink_config()
    folder = config["execution.checkpointing.dir"].removeprefix("file://")
    for name in ("jobmanager", "taskmanager"):
        assert f"checkpoints:{folder}" in SERVICES[name]["volumes"]
    assert config["jobmanager.rpc.address"] in SERVICES
