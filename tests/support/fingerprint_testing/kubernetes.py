"""The manifests as kustomize puts them together, and the schemas that they are checked against."""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from fingerprint_testing.paths import ROOT
from stack.java.jars import ensure_jars

KUBERNETES: Final = ROOT / "deploy" / "kubernetes"
OVERLAYS: Final = sorted(path.name for path in (KUBERNETES / "overlays").iterdir())
KUSTOMIZE: Final = "sigs.k8s.io/kustomize/kustomize/v5@v5.8.1"
FLINK_VERSION_OF_OURS: Final = "v2_3"
_BUILD_TIMEOUT_S: Final = 600

Manifest = dict[str, Any]


@cache
def manifests(overlay: str) -> list[Manifest]:
    """Put an overlay together; skip where nothing can."""
    command = _kustomize()
    if command is None:
        pytest.skip("there is neither kustomize nor kubectl, and no Go to build one with")
    done = subprocess.run(
        [*command, KUBERNETES / "overlays" / overlay], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return list(yaml.load_all(done.stdout, Loader=yaml.CSafeLoader))


def _kustomize() -> list[str] | None:
    if (program := shutil.which("kustomize")) is not None:
        return [program, "build"]
    if (program := shutil.which("kubectl")) is not None:
        return [program, "kustomize"]
    built = _build_kustomize()
    return None if built is None else [str(built), "build"]


def _build_kustomize() -> Path | None:
    """Build it once, in two minutes, into the user's cache."""
    go = shutil.which("go")
    cache_folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache_folder / "exchange-fingerprint" / "kustomize"
    if not (folder / "kustomize").is_file() and go is not None:
        environment = {**os.environ, "GOBIN": str(folder)}
        subprocess.run(
            [go, "install", KUSTOMIZE], env=environment, capture_output=True, check=False, timeout=_BUILD_TIMEOUT_S
        )
    return folder / "kustomize" if (folder / "kustomize").is_file() else None


def find(overlay: str, kind: str, name: str) -> Manifest:
    """Return one manifest of an overlay."""
    (found,) = [one for one in manifests(overlay) if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    return found


@cache
def flink_schema() -> Manifest:
    """Return the operator's schema of a FlinkDeployment, which knows one version of Flink more than it came with.

    Of the operator's releases the newest that can be had here is 1.10.0, which knows Flink up to 1.20. Fields that it
    does not know are refused: Kubernetes would drop them in silence.
    """
    (jar,) = ensure_jars("kubernetes", print)
    with zipfile.ZipFile(jar) as archive:
        text = archive.read("META-INF/fabric8/flinkdeployments.flink.apache.org-v1.yml")
    definition = yaml.load(text, Loader=yaml.CSafeLoader)
    (version,) = [one for one in definition["spec"]["versions"] if one["name"] == "v1beta1"]
    schema: Manifest = version["schema"]["openAPIV3Schema"]
    known = schema["properties"]["spec"]["properties"]["flinkVersion"]["enum"]
    assert FLINK_VERSION_OF_OURS not in known, "the operator knows it now: take the extension away"
    known.append(FLINK_VERSION_OF_OURS)
    schema["properties"] |= {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {}}
    _close(schema)
    return schema


def _close(schema: Any) -> None:
    """Let objects with named properties have no other, as far down as the schema goes."""
    if not isinstance(schema, dict):
        return
    if "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
        schema.setdefault("additionalProperties", False)
    for part in schema.get("properties", {}).values():
        _close(part)
    for name in ("items", "additionalProperties"):
        _close(schema.get(name))


def pods(overlay: str) -> Iterator[tuple[str, Manifest]]:
    """Yield name and template of each pod that comes of an overlay, with the labels that its maker gives it."""
    for one in manifests(overlay):
        name, spec = one["metadata"]["name"], one.get("spec", {})
        if one["kind"] in ("Deployment", "Job"):
            yield name, spec["template"]
        elif one["kind"] == "CronJob":
            yield name, spec["jobTemplate"]["spec"]["template"]
        elif one["kind"] == "FlinkDeployment":
            for part in ("jobManager", "taskManager"):
                labels = {"app": name, "component": part.lower(), "type": "flink-native-kubernetes"}
                yield f"{name}-{part.lower()}", {"metadata": {"labels": labels}, **spec[part]["podTemplate"]}


def containers(pod: Manifest) -> list[Manifest]:
    """List a pod's containers, those that run first among them."""
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]
