"""The manifests without a cluster: valid by schema, complete in themselves, and in agreement with the code."""

from __future__ import annotations

import json
import os
import re
import shlex
import stat
import subprocess
import tomllib
import zipfile
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import typer.main
import yaml

from api.server import FINISH_WITHIN_S
from fingerprint_testing.kubernetes import (
    KUBERNETES,
    OVERLAYS,
    Manifest,
    containers,
    find,
    flink_schema,
    manifests,
    pods,
)
from fingerprint_testing.paths import GRAFANA, ROOT
from jobs.cli.main import build_app
from jobs.config import DEAD_LETTER_TOPIC, TOPIC, TOPIC_PARTITIONS
from jobs.pipeline.job_arguments import parse_job_arguments
from model.registry.database_url import parse_database_url
from stack.java.flink_wheel import flink_home, flink_jars, prometheus_jar, python_jar
from stack.roles import Role
from stack.services.prometheus import scrape_config

APP: Any = typer.main.get_command(build_app())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DOCKERFILE = (ROOT / "deploy" / "flink" / "Dockerfile").read_text()
CONFIG: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "flink" / "config.yaml").read_text())
OF_OPERATORS = {"flink.apache.org", "monitoring.coreos.com", "kafka.strimzi.io", "postgresql.cnpg.io"}
NEWEST = "1.37.0"
OF_ANOTHER_PLACE = {
    *("jobmanager.rpc.address", "rest.address", "parallelism.default"),  # the operator's
    *("jobmanager.memory.process.size", "taskmanager.memory.process.size"),  # resource.memory
    *("execution.checkpointing.dir", "execution.checkpointing.savepoint-dir"),
    *(key for key in CONFIG if key.startswith("high-availability.") and key != "high-availability.jobmanager.port"),
    "taskmanager.numberOfTaskSlots",
}
"""Settings of Flink that are others in Kubernetes than in the Compose file."""

MODES = {"secured": "verify-full"}
"""How PostgreSQL's certificate is checked, where not by `require`."""

SECRETS = {
    **{f"fingerprint-{name}": {"password"} for name in ("owner", "job", "model-admin", "reader")},
    "fingerprint-api": {"tokens"},
    "fingerprint-object-storage": {"access-key", "secret-key"},
    "postgres-superuser": {"password"},  # of CloudNativePG
    "fingerprint-kafka-job": {"kafka.properties", "ca.pem"},
    "fingerprint-kafka-ingest": {"kafka.properties", "ca.pem"},
}
OF_OVERLAYS = {
    "external": set(),
    "operators": {"postgres-superuser"},
    "secured": {"fingerprint-kafka-job", "fingerprint-kafka-ingest"},
}
"""Secrets that one overlay alone names."""


each_overlay = pytest.mark.parametrize("overlay", OVERLAYS)


def spec_of_flink(overlay: str) -> Manifest:
    spec: Manifest = find(overlay, "FlinkDeployment", "fingerprint")["spec"]
    return spec


@cache
def check_core(manifest: str, version: str) -> None:
    """Check what Kubernetes itself knows; the library reads its definitions anew at each call."""
    kubernetes_validate.validate(json.loads(manifest), version, strict=True)


@each_overlay
@pytest.mark.parametrize("version", [NEWEST, pytest.param("1.31.0", marks=pytest.mark.slow)])
def test_what_kubernetes_knows_is_valid(overlay: str, version: str) -> None:
    checked = set()
    for manifest in manifests(overlay):
        if manifest["apiVersion"].partition("/")[0] not in OF_OPERATORS:
            check_core(json.dumps(manifest), version)
            checked.add(manifest["kind"])
    assert {"Deployment", "Job", "CronJob", "NetworkPolicy", "Role", "Service", "ConfigMap"} <= checked


@each_overlay
def test_the_flink_deployment_is_valid_for_the_operator(overlay: str) -> None:
    deployment, validator = (
        find(overlay, "FlinkDeployment", "fingerprint"),
        jsonschema.Draft202012Validator(flink_schema()),
    )
    spec = deployment["spec"]
    assert [error.message for error in validator.iter_errors(deployment)] == []
    flink = next(one for one in PROJECT["dependencies"] if one.startswith("apache-flink==")).partition("==")[2]
    assert spec["flinkVersion"] == "v" + "_".join(flink.split(".")[:2])
    wrong = {**deployment, "spec": {**spec, "job": {**spec["job"], "upgradeModus": 1}}}
    (error,) = validator.iter_errors(wrong)
    assert "upgradeModus" in error.message


@each_overlay
def test_flinks_templates_are_valid_pods(overlay: str) -> None:
    for part in ("jobManager", "taskManager"):
        pod = spec_of_flink(overlay)[part]["podTemplate"]["spec"]
        spec = {**pod, "containers": [{"image": "the operator's", **container} for container in pod["containers"]]}
        whole = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": part.lower()}, "spec": spec}
        check_core(json.dumps(whole), NEWEST)


@each_overlay
def test_a_pod_may_do_as_little_as_can_be(overlay: str) -> None:
    for _, pod in pods(overlay):
        context = pod["spec"]["securityContext"]
        assert context["runAsNonRoot"] is True
        assert f"USER {context['runAsUser']}:{context['runAsGroup']}\n" in DOCKERFILE
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in containers(pod):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }


@each_overlay
def test_every_container_has_limits(overlay: str) -> None:
    for _, pod in pods(overlay):
        for container in containers(pod):
            if container["name"] != "flink-main-container":  # of which the operator makes them
                assert {*container["resources"]["limits"]} == {*container["resources"]["requests"]} == {"cpu", "memory"}
    spec = spec_of_flink(overlay)
    assert all(spec[part]["resource"].keys() == {"cpu", "memory"} for part in ("jobManager", "taskManager"))


@each_overlay
def test_what_is_mounted_is_there_and_what_is_written_is_mounted(overlay: str) -> None:
    for _, pod in pods(overlay):
        volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
        mounted = {mount["name"] for container in containers(pod) for mount in container["volumeMounts"]}
        assert mounted == volumes
        for container in pod["spec"]["containers"]:
            assert "/tmp" in {mount["mountPath"] for mount in container["volumeMounts"]}  # noqa: S108
    (workdir,) = re.findall(r"^WORKDIR (.*)$", DOCKERFILE, re.MULTILINE)
    for name, pod in pods(overlay):
        if name.startswith("fingerprint-"):
            (main,) = pod["spec"]["containers"]
            assert f"{workdir}/log" in {mount["mountPath"] for mount in main["volumeMounts"]}


@each_overlay
def test_settings_and_secrets_that_are_named_exist(overlay: str) -> None:
    settings = find(overlay, "ConfigMap", "fingerprint-settings")["data"]
    named = set()
    for _, pod in pods(overlay):
        for variable in (one for container in containers(pod) for one in container.get("env", [])):
            source = variable.get("valueFrom", {})
            if (key := source.get("configMapKeyRef")) is not None:
                assert key["name"] == "fingerprint-settings"
                assert key["key"] in settings
            if (key := source.get("secretKeyRef")) is not None:
                assert key["key"] in SECRETS[key["name"]]
                named.add(key["name"])
            assert source or "PASSWORD" not in variable["name"]
        named |= {volume["secret"]["secretName"] for volume in pod["spec"]["volumes"] if "secret" in volume}
    assert named == set(SECRETS) - set.union(*OF_OVERLAYS.values()) | OF_OVERLAYS[overlay]
    document = (ROOT / "docs" / "kubernetes.md").read_text()
    for name in named - {"postgres-superuser"}:
        assert f"`{name}`" in document


@each_overlay
def test_nothing_secret_is_in_a_manifest(overlay: str) -> None:
    assert not [one for one in manifests(overlay) if one["kind"] == "Secret"]
    for name, value in find(overlay, "ConfigMap", "fingerprint-settings")["data"].items():
        if name.endswith("-database-url"):
            assert parse_database_url(value, {}).password == ""


@each_overlay
def test_each_address_has_the_login_of_its_role(overlay: str) -> None:
    settings = find(overlay, "ConfigMap", "fingerprint-settings")["data"]
    logins = {"owner": Role.OWNER, "job": Role.JOB, "model": Role.MODEL_ADMIN, "reader": Role.READER}
    for name, role in logins.items():
        database = parse_database_url(settings[f"{name}-database-url"], {})
        assert database.user == role
        assert database.options["sslmode"] == MODES.get(overlay, "require")
        assert database.name == "fingerprint"


@each_overlay
def test_accounts_exist_and_only_flink_has_a_token(overlay: str) -> None:
    accounts = {one["metadata"]["name"] for one in manifests(overlay) if one["kind"] == "ServiceAccount"}
    spec = spec_of_flink(overlay)
    of_flink = {spec["serviceAccount"], spec["flinkConfiguration"]["kubernetes.taskmanager.service-account"]}
    assert of_flink < accounts
    for name, pod in pods(overlay):
        if not name.startswith("fingerprint-"):
            assert pod["spec"]["serviceAccountName"] in accounts - of_flink
            assert pod["spec"]["automountServiceAccountToken"] is False
    taskmanager = find(overlay, "Role", "fingerprint-taskmanager")["rules"]
    assert {verb for rule in taskmanager for verb in rule["verbs"]} == {"get", "list", "watch"}
    assert "secrets" not in json.dumps([one for one in manifests(overlay) if one["kind"] == "Role"])


def fits(selector: Manifest, labels: dict[str, str]) -> bool:
    return all(labels.get(name) == value for name, value in selector.get("matchLabels", {}).items())


@each_overlay
def test_policies_select_pods_that_exist_and_everybody_is_closed_first(overlay: str) -> None:
    policies = [one for one in manifests(overlay) if one["kind"] == "NetworkPolicy"]
    closed = find(overlay, "NetworkPolicy", "deny-all")["spec"]
    assert closed == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    labels = [pod["metadata"]["labels"] for _, pod in pods(overlay)]
    labels += [{"strimzi.io/cluster": "kafka"}, {"cnpg.io/cluster": "postgres"}]  # the operators'
    for policy in policies:
        rules = [*policy["spec"].get("ingress", []), *policy["spec"].get("egress", [])]
        peers = [peer for rule in rules for peer in (*rule.get("from", []), *rule.get("to", []))]
        own = [peer["podSelector"] for peer in peers if "podSelector" in peer and "namespaceSelector" not in peer]
        for selector in (policy["spec"]["podSelector"], *own):
            assert any(fits(selector, one) for one in labels), (policy["metadata"]["name"], selector)
        # Nothing is let through without a port.
        assert all(rule["ports"] for rule in rules)
        assert all("from" in rule for rule in policy["spec"].get("ingress", []))


@each_overlay
def test_flinks_ports_are_open_inside_only_and_beams_nowhere(overlay: str) -> None:
    configuration = spec_of_flink(overlay)["flinkConfiguration"]
    names = ("jobmanager.rpc.port", "blob.server.port", "taskmanager.data.port", "taskmanager.rpc.port")
    inside = {int(configuration[name]) for name in (*names, "metrics.internal.query-service.port")}
    (rule,) = find(overlay, "NetworkPolicy", "flink")["spec"]["ingress"]
    assert {port["port"] for port in rule["ports"]} == inside
    assert [peer.keys() for peer in rule["from"]] == [{"podSelector"}]
    (rest,) = find(overlay, "NetworkPolicy", "flink-rest")["spec"]["ingress"]
    assert rest["ports"] == [{"port": int(configuration["rest.port"])}]
    (peer,) = rest["from"]
    assert peer.keys() == {"namespaceSelector", "podSelector"}


@each_overlay
def test_ports_that_are_named_exist(overlay: str) -> None:
    for name, pod in pods(overlay):
        for container in pod["spec"]["containers"]:
            ports = {port["name"]: port["containerPort"] for port in container.get("ports", [])}
            numbers = {str(number) for number in ports.values()}
            if name.startswith("fingerprint-"):
                configuration = spec_of_flink(overlay)["flinkConfiguration"]
                numbers |= {configuration["rest.port"], configuration["taskmanager.rpc.port"]}
                assert str(ports["metrics"]) == configuration["metrics.reporter.prom.port"]
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                for how in ("httpGet", "tcpSocket"):
                    if (port := container.get(probe, {}).get(how, {}).get("port")) is not None:
                        assert port in ports or str(port) in numbers
            arguments = container.get("args", [])
            for option, port in (("--port", "http"), ("--metrics-port", "metrics")):
                if option in arguments:
                    assert arguments[arguments.index(option) + 1] == str(ports[port])


@each_overlay
def test_services_and_monitors_find_pods(overlay: str) -> None:
    found = dict(pods(overlay))
    for one in manifests(overlay):
        if one["kind"] == "Service":
            selected = [pod for pod in found.values() if fits({"matchLabels": one["spec"]["selector"]}, labels_of(pod))]
            assert selected
            named = {port["name"] for pod in selected for c in containers(pod) for port in c.get("ports", [])}
            assert {port["targetPort"] for port in one["spec"]["ports"]} <= named
        if one["kind"] == "PodMonitor":
            assert [pod for pod in found.values() if fits(one["spec"]["selector"], labels_of(pod))]
        if one["kind"] == "ServiceMonitor":
            services = [other for other in manifests(overlay) if other["kind"] == "Service"]
            (service,) = [other for other in services if fits(one["spec"]["selector"], other["metadata"]["labels"])]
            named = {port["name"] for port in service["spec"]["ports"]}
            assert {endpoint["port"] for endpoint in one["spec"]["endpoints"]} <= named


def labels_of(pod: Manifest) -> dict[str, str]:
    labels: dict[str, str] = pod["metadata"]["labels"]
    return labels


@each_overlay
def test_prometheus_keeps_of_flink_what_it_keeps_elsewhere(overlay: str) -> None:
    (endpoint,) = find(overlay, "PodMonitor", "flink")["spec"]["podMetricsEndpoints"]
    renamed = {"source_labels": "sourceLabels", "target_label": "targetLabel"}
    (expected,) = scrape_config({})["scrape_configs"]
    rules = [
        {renamed.get(key, key): value for key, value in rule.items()} for rule in expected["metric_relabel_configs"]
    ]
    assert endpoint["metricRelabelings"] == rules
    assert endpoint["interval"] == scrape_config({})["global"]["scrape_interval"]


@each_overlay
def test_dashboards_and_rules_are_those_of_grafana(overlay: str) -> None:
    maps = [
        one["data"]
        for one in manifests(overlay)
        if one["kind"] == "ConfigMap" and "settings" not in str(one["metadata"])
    ]
    found = {name: text for data in maps for name, text in data.items()}
    files = [*(GRAFANA / "dashboards").glob("*.json"), GRAFANA / "provisioning" / "alerting" / "rules.yaml"]
    assert found == {path.name: path.read_text() for path in files}


def understands(words: list[str]) -> None:
    command, *arguments = words
    APP.commands[command].make_context(command, arguments)


@each_overlay
def test_our_commands_are_understood(overlay: str) -> None:
    understood = []
    for _, pod in pods(overlay):
        for container in containers(pod):
            if container["name"] == "flink-main-container":
                continue
            if "command" not in container:
                understands(container["args"])
                understood.append(container["args"][0])
                continue
            assert container["command"] == ["sh", "-ec"]
            (script,) = container["args"]
            for line in re.findall(r"^(?:exec )?fingerprint (.*)$", script, re.MULTILINE):
                understands(line.split())
                understood.append(line.split()[0])
    assert {"migrate", "ingest", "serve", "submit"} <= set(understood)


@each_overlay
def test_the_main_is_where_the_image_has_it_and_is_told_what_it_understands(overlay: str) -> None:
    spec = spec_of_flink(overlay)
    option, main, *arguments = spec["job"]["args"]
    assert option == "--python"
    installed = "/opt/venv/lib/python3.11/site-packages/exchange_fingerprint/_packages/"
    assert main.startswith(installed)
    assert (ROOT / main.removeprefix(installed)).is_file()
    parsed = parse_job_arguments(arguments, kafka="k:1", database_url="postgresql://job@h/d")
    assert parsed.settings.parallelism == spec["job"]["parallelism"]
    flink = spec["job"]["jarURI"].removeprefix("local:///opt/flink/opt/")
    assert flink == python_jar().name
    with zipfile.ZipFile(python_jar()) as jar:
        classes = {
            spec["job"]["entryClass"],
            *re.findall(r"^logger\.\w+\.name = (.*)$", log_settings(spec), re.MULTILINE),
        }
        assert {name.replace(".", "/") + ".class" for name in classes} < set(jar.namelist())
    # The job's main finds what `flink run` ships in the image: the jars, and the code of the workers.
    assert "XDG_CACHE_HOME=/opt/cache" in DOCKERFILE
    assert spec["flinkConfiguration"]["python.executable"] == "/opt/venv/bin/python"


def log_settings(spec: Manifest) -> str:
    text: str = spec["logConfiguration"]["log4j-console.properties"]
    return text


@each_overlay
def test_flink_is_set_as_in_the_compose_file(overlay: str) -> None:
    configuration = spec_of_flink(overlay)["flinkConfiguration"]
    for key, value in CONFIG.items():
        if key not in OF_ANOTHER_PLACE:
            assert configuration[key] == str(value), key
    storage = {configuration[key] for key in configuration if configuration[key].startswith("s3://")}
    assert len(storage) == 3
    assert configuration["high-availability.type"] == "kubernetes"
    assert "flink-s3-fs-presto" in DOCKERFILE


@each_overlay
def test_flink_knows_what_it_is_told(overlay: str) -> None:
    constants = b""
    for path in flink_jars():
        if path.name.startswith("flink-dist"):
            with zipfile.ZipFile(path) as jar:
                wanted = re.compile(r".*(Options\w*|ConfigConstants)\.class")
                constants = b"".join(jar.read(name) for name in jar.namelist() if wanted.fullmatch(name))
    with zipfile.ZipFile(python_jar()) as jar:
        constants += jar.read("org/apache/flink/python/PythonOptions.class")
    for key in spec_of_flink(overlay)["flinkConfiguration"]:
        if key.startswith("metrics.reporter.prom."):
            continue
        # A part of it stands for a strategy's name.
        assert key.encode() in constants or key.rpartition(".")[2].encode() in constants, key
        if not key.startswith("restart-strategy."):
            assert key.encode() in constants, key
    with zipfile.ZipFile(prometheus_jar()) as jar:
        name = spec_of_flink(overlay)["flinkConfiguration"]["metrics.reporter.prom.factory.class"]
        assert name.replace(".", "/") + ".class" in jar.namelist()
    assert (flink_home() / "bin" / "kubernetes-jobmanager.sh").is_file()


@each_overlay
def test_there_is_one_image_of_ours(overlay: str) -> None:
    images = {container["image"] for _, pod in pods(overlay) for container in containers(pod) if "image" in container}
    images.add(spec_of_flink(overlay)["image"])
    (image,) = images
    assert image.rpartition("/")[2] == f"{PROJECT['name']}:{PROJECT['version']}"


def script_of(container: str) -> Manifest:
    pod = spec_of_flink("external")["jobManager"]["podTemplate"]["spec"]
    (found,) = [one for one in pod["initContainers"] if one["name"] == container]
    return dict(found)


@pytest.mark.parametrize(
    ("container", "lines"),
    [
        ("passwords", ["*:*:*:job:a\\:b\\\\c d%s"]),
        ("check", ["*:*:*:job:a\\:b\\\\c d%s", "*:*:*:model_admin:plain"]),
    ],
)
def test_the_password_file_is_as_libpq_reads_it(tmp_path: Path, container: str, lines: list[str]) -> None:
    script = script_of(container)["args"][0].replace("/run/fingerprint", str(tmp_path))
    (tmp_path / "fingerprint").write_text("#!/bin/sh\necho $* > $(dirname $0)/called\n")
    (tmp_path / "fingerprint").chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        **{"JOB_PASSWORD": "a:b\\c d%s", "MODEL_PASSWORD": "plain", "PGPASSFILE": str(tmp_path / "passwords")},
    }
    subprocess.run(["sh", "-ec", script], env=environment, check=True, timeout=30)  # noqa: S607 (our own command)
    written = tmp_path / "passwords"
    assert written.read_text().splitlines() == lines
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    if container == "check":
        assert (tmp_path / "called").read_text() == "submit --check\n"


def test_the_topics_are_those_of_the_job() -> None:
    topics = [one["spec"] for one in manifests("operators") if one["kind"] == "KafkaTopic"]
    assert {topic["topicName"]: topic["partitions"] for topic in topics} == {
        TOPIC: TOPIC_PARTITIONS,
        DEAD_LETTER_TOPIC: TOPIC_PARTITIONS,
    }
    kafka = find("operators", "Kafka", "kafka")
    (listener,) = kafka["spec"]["kafka"]["listeners"]
    settings = find("operators", "ConfigMap", "fingerprint-settings")["data"]
    assert settings["kafka"] == f"{kafka['metadata']['name']}-kafka-bootstrap:{listener['port']}"
    database = find("operators", "Cluster", "postgres")
    address = parse_database_url(settings["owner-database-url"], {})
    assert address.address == f"{database['metadata']['name']}-rw:5432"
    assert address.name == database["spec"]["bootstrap"]["initdb"]["database"]


def test_the_overlays_begin_with_the_base() -> None:
    for overlay in OVERLAYS:
        kustomization = yaml.safe_load((KUBERNETES / "overlays" / overlay / "kustomization.yaml").read_text())
        assert kustomization["resources"][0] == ("../external" if overlay == "secured" else "../../base")


def mounted_secrets(pod: Manifest, container: Manifest) -> dict[str, Manifest]:
    """Return, by where they are mounted, the volumes of a container that are Secrets or ConfigMaps."""
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    return {
        mount["mountPath"]: volumes[mount["name"]]
        for mount in container["volumeMounts"]
        if {"secret", "configMap"} & volumes[mount["name"]].keys()
    }


def test_whoever_speaks_to_kafka_finds_how_to_log_in_and_may_read_it() -> None:
    logging_in = set()
    for name, pod in pods("secured"):
        for container in containers(pod):
            variables = {one["name"]: one.get("value", "") for one in container.get("env", [])}
            # Who is told where Kafka is: the check, the job's main, feeds; TaskManagers have the main's environment.
            assert ("FINGERPRINT_KAFKA" in variables) == ("FINGERPRINT_KAFKA_PROPERTIES" in variables), name
            if "FINGERPRINT_KAFKA" in variables:
                path = Path(variables["FINGERPRINT_KAFKA_PROPERTIES"])
                secret = mounted_secrets(pod, container)[str(path.parent)]["secret"]
                assert path.name in SECRETS[secret["secretName"]]
                # The file is root's: a group may read it, and nobody else (`udfs.kafka_properties`).
                assert secret["defaultMode"] == 0o440
                assert pod["spec"]["securityContext"]["fsGroup"] == pod["spec"]["securityContext"]["runAsGroup"]
                logging_in.add((name, container["name"], secret["secretName"]))
    assert logging_in == {
        ("fingerprint-jobmanager", "check", "fingerprint-kafka-job"),
        ("fingerprint-jobmanager", "flink-main-container", "fingerprint-kafka-job"),
        ("fingerprint-taskmanager", "flink-main-container", "fingerprint-kafka-job"),
        ("ingest-kraken", "ingest", "fingerprint-kafka-ingest"),
    }
    for policy in ("flink", "ingest"):
        rules = find("secured", "NetworkPolicy", policy)["spec"]["egress"]
        assert {"port": 9093} in [port for rule in rules for port in rule["ports"] if "to" not in rule]


def test_whoever_speaks_to_postgres_finds_its_authority() -> None:
    settings = find("secured", "ConfigMap", "fingerprint-settings")["data"]
    speaking = set()
    for name, pod in pods("secured"):
        for container in containers(pod):
            keys = [one.get("valueFrom", {}).get("configMapKeyRef", {}).get("key") for one in container.get("env", [])]
            for key in (key for key in keys if key is not None and key.endswith("-database-url")):
                path = Path(parse_database_url(settings[key], {}).options["sslrootcert"])
                assert (
                    mounted_secrets(pod, container)[str(path.parent)]["configMap"]["name"] == "fingerprint-database-ca"
                )
                assert path.name == "ca.pem"
                speaking.add(name)
    assert speaking == {"api", "migrate", "retention", "fingerprint-jobmanager", "fingerprint-taskmanager"}


def test_the_api_is_given_longer_to_end_than_it_takes() -> None:
    spec = dict(pods("external"))["api"]["spec"]
    (container,) = spec["containers"]
    _, waits_s = container["lifecycle"]["preStop"]["exec"]["command"]
    assert spec["terminationGracePeriodSeconds"] >= int(waits_s) + FINISH_WITHIN_S


def kubectl_lines() -> list[str]:
    document = (ROOT / "docs" / "kubernetes.md").read_text()
    blocks = re.findall(r"```sh\n(.*?)```", document, flags=re.DOTALL)
    return sorted({line for block in blocks for line in block.splitlines() if "kubectl" in line})


@pytest.mark.parametrize("line", kubectl_lines())
def test_a_printed_command_names_what_exists(line: str) -> None:
    words = shlex.split(line[line.index("kubectl") :])
    known = {f"{one['kind'].lower()}/{one['metadata']['name']}" for one in manifests("external")}
    # Flink's JobManager is a Deployment that has the name of the cluster.
    known |= {"deployment/fingerprint", "namespace/fingerprint"}
    assert {word for word in words if re.fullmatch(r"(job|deployment|flinkdeployment)/[\w-]+", word)} <= known
    options = dict(pairwise(words))
    if "--kustomize" in words:
        assert (ROOT / options["--kustomize"] / "kustomization.yaml").is_file()
    if "--container" in words:
        pod = spec_of_flink("external")["jobManager"]["podTemplate"]
        assert options["--container"] in {container["name"] for container in containers(pod)}
    if "generic" in words:
        keys = {word.split("=")[1] for word in words if word.startswith("--from-file=")}
        assert keys == SECRETS[options["generic"]]
    if "--patch" in words:
        deployment = find("external", "FlinkDeployment", "fingerprint")
        job = {**deployment["spec"]["job"], **json.loads(options["--patch"])["spec"]["job"]}
        patched = {**deployment, "spec": {**deployment["spec"], "job": job}}
        assert not [*jsonschema.Draft202012Validator(flink_schema()).iter_errors(patched)]


def test_the_ports_that_the_document_names_are_the_open_ones() -> None:
    document = (ROOT / "docs" / "kubernetes.md").read_text()
    section = document.partition("## Ports\n")[2].partition("\n## ")[0].replace("6121 to 6124", "6121 6122 6123 6124")
    opened = set()
    for policy in (one for one in manifests("external") if one["kind"] == "NetworkPolicy"):
        rules = [*policy["spec"].get("ingress", []), *policy["spec"].get("egress", [])]
        opened |= {str(port["port"]) for rule in rules for port in rule["ports"]}
    named = {
        str(port["containerPort"])
        for _, pod in pods("external")
        for c in containers(pod)
        for port in c.get("ports", [])
    }
    assert set(re.findall(r"\b\d{3,5}\b", section)) - {"127"} == (opened | named) - {"53", "http", "metrics"}


def test_the_document_starts_an_application_as_the_test_does() -> None:
    document = (ROOT / "docs" / "kubernetes.md").read_text()
    entry, main = spec_of_flink("external")["job"]["entryClass"], spec_of_flink("external")["job"]["args"][1]
    assert f"--job-classname {entry} --python ...{main.partition('/lib/python3.11')[2]}" in document
    assert (flink_home() / "bin" / "standalone-job.sh").is_file()
