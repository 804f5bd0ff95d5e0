"""The job across two hosts: one is cut off and healed, one is killed, and the results are what the topic says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fingerprint_testing.hosts import Hosts, stack_on_hosts, why_no_hosts
from jobs.cluster.flink_client import ask, check_job
from jobs.trials.chaos.chaos_report import ChaosReport
from jobs.trials.chaos.chaos_run import Chaos
from jobs.trials.chaos.faults import Fault, during, find_part, kill_fault, kill_part
from stack.stack_status import StackStatus
from udfs.errors import ServiceUnavailable

pytestmark = pytest.mark.slow

FIRST, SECOND = 2, 3
"""The hosts of the two TaskManagers."""


@pytest.fixture(scope="module")
def on_hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StackStatus, Hosts]]:
    if reason := why_no_hosts():
        pytest.skip(reason)
    with stack_on_hosts(tmp_path_factory.mktemp("hosts") / "stack") as found:
        yield found


def hosts_of_job(flink_url: str, hosts: Hosts) -> set[int]:
    """Return the numbers of the hosts on which the job's tasks run, none while they do not all run."""
    if not (job_id := check_job(flink_url).job_id):
        return set()
    job = f"/jobs/{job_id}"
    try:
        vertices = [ask(flink_url, f"{job}/vertices/{vertex['id']}") for vertex in ask(flink_url, job)["vertices"]]
    except ServiceUnavailable:  # it has just failed
        return set()
    addresses = {task["endpoint"].partition(":")[0] for vertex in vertices for task in vertex["subtasks"]}
    return {int(address.removeprefix(f"{hosts.network}.")) for address in addresses}


@pytest.fixture(scope="module")
def report(on_hosts: tuple[StackStatus, Hosts], wait_until: Callable[..., None]) -> ChaosReport:
    stack, hosts = on_hosts

    def runs_on(*numbers: int) -> None:
        wait_until(lambda: hosts_of_job(stack.flink_url, hosts) == set(numbers), what=f"the job on hosts {numbers}")

    def cut_off(_home: Path) -> None:
        runs_on(FIRST, SECOND)
        with hosts.cut_off(FIRST):
            runs_on(SECOND)

    def kill(home: Path) -> None:
        runs_on(SECOND)
        killed = find_part(home, "taskmanager-2").pid
        kill_part(home, "taskmanager-2")
        wait_until(lambda: find_part(home, "taskmanager-2").pid != killed, what="the TaskManager's next start")

    def both(home: Path) -> None:
        with hosts.cut_off(FIRST):
            kill_part(home, "taskmanager-2")
            runs_on(SECOND)

    run = Chaos(stack, 1, print, parallelism=2)
    faults = [
        Fault(name="the first host cut off", inflict=cut_off, noticed_within_s=4.0),
        Fault(name="the second host's TaskManager killed", inflict=kill, noticed_within_s=4.0),
        Fault(name="the first cut off and the second killed", inflict=both, noticed_within_s=4.0),
        during(run.change_model, kill_fault("jobmanager"), after_s=1.2),
    ]
    try:
        found = run.run(faults, per_exchange=2)
        print(found.to_json())
        return found
    finally:
        run.clean_up()


def test_the_results_are_those_of_an_undisturbed_run_and_those_computed_without_flink(report: ChaosReport) -> None:
    assert report.differences == []
    assert report.verdict == "0 differences"
    assert report.model_changes == 1
    assert len(report.injuries) == 4
    for outcome in report.outcomes.values():
        assert [name for name, table in outcome.tables.items() if table.rows == 0] == []
