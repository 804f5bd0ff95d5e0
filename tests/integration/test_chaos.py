"""Everything breaks once while a load goes on, and the results are those of a run in which nothing did."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from jobs.cli.job.stop import stop
from jobs.trials.chaos.chaos_report import ChaosReport
from jobs.trials.chaos.chaos_run import Chaos
from jobs.trials.chaos.faults import Fault, during, kill_fault
from stack.stack_status import StackStatus
from udfs.errors import ConfigError

AT_ONCE = (("worker", "kafka", "postgres"), ("jobmanager", "taskmanager"))
"""What is killed together."""


def kill(victims: Sequence[str]) -> Fault:
    faults = [kill_fault(victim) for victim in victims]

    def inflict(home: Path) -> None:
        for fault in faults:
            fault.inflict(home)

    noticed_within_s = max(fault.noticed_within_s for fault in faults)
    return Fault(name=f"kill -9 {' and '.join(victims)}", inflict=inflict, noticed_within_s=noticed_within_s)


@pytest.fixture(scope="module")
def report(local_stack: StackStatus) -> ChaosReport:
    """Run a load at parallelism 1, then 2, and kill everything once meanwhile, at first while a model is activated."""
    run = Chaos(local_stack, 1, print)
    rescale = Fault(name="rescale", inflict=run.rescale, noticed_within_s=0.0)
    first, second = map(kill, AT_ONCE)
    first = during(run.change_model, first, after_s=1.2)
    try:
        return run.run([first, rescale, second], per_exchange=2)
    finally:
        run.clean_up()


def test_the_results_are_those_of_an_undisturbed_run_and_those_computed_without_flink(report: ChaosReport) -> None:
    assert report.differences == []
    assert report.verdict == "0 differences"
    assert len({outcome.hash for outcome in report.outcomes.values()}) == 1
    for outcome in report.outcomes.values():
        # Also faults of connections: some of the load's are sick.
        assert [name for name, table in outcome.tables.items() if table.rows == 0] == []


def test_every_fault_was_inflicted_and_survived(report: ChaosReport) -> None:
    names = [injury.fault for injury in report.injuries]
    first, second = (kill(victims).name for victims in AT_ONCE)
    assert sorted(names) == sorted([f"{first} while a model is activated", second, "rescale"])
    assert report.model_changes == 1


def test_no_state_is_left_for_others_to_resume(report: ChaosReport, local_stack: StackStatus) -> None:
    assert not list((local_stack.home / "flink" / "checkpoints").glob("chaos_*"))


def test_without_a_job_there_is_nothing_to_stop(report: ChaosReport, local_stack: StackStatus) -> None:
    with pytest.raises(ConfigError, match="found none: there is nothing to stop"):
        stop(local_stack.home)
