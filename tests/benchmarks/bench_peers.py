"""The job beside what others would build: the same topic, features, model and table, one after the other.

`python tests/benchmarks/bench_peers.py --out FOLDER` fills a topic, lets every peer read it, and measures windows a
second with the warm-up apart, CPU time of each part, memory, latency at a fixed rate, how soon rows flow again after a
kill -9, and whether all rows are there and right. It prints one table and what is aimed at, and writes `peers.json`,
`peers.md` and `peers.png`. Each peer is a file in `peers/programs`, with an environment of its own in the user's cache.

The job does its full work: verdicts, events, health, dead letters. All others write scores only. A slow peer reads what
it manages in `--seconds`. Ratios within a run count: the machine is another one each time.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from bench_pipeline import draw_messages
from peers.report import Outcome, Outcomes, aim_lines, draw, table_lines
from peers.running import Peer, PeerFailed, environment_of
from peers.topics import TopicMaker, wait_for_groups
from peers.trials import as_json, try_live, try_throughput

from jobs.trials.sandbox import idle_stack
from udfs.errors import PipelineError

N_CONNECTIONS = 500
BLOCK = 500
"""Messages of a connection that follow each other in the full topic."""

SLOWEST_COMES_LAST = (
    Peer(name="job-1", title="the job, parallelism 1", n_processes=1, on_flink=True),
    Peer(name="job-2", title="the job, parallelism 2", n_processes=2, on_flink=True),
    Peer(name="bare-1", title="a bare process", n_processes=1, program="bare.py", requirements="bare"),
    Peer(name="bare-2", title="two bare processes", n_processes=2, program="bare.py", requirements="bare"),
    Peer(name="bytewax-1", title="Bytewax", n_processes=1, program="bytewax_flow.py", requirements="bytewax"),
    Peer(
        name="bytewax-2",
        title="Bytewax, two processes",
        n_processes=2,
        program="bytewax_flow.py",
        requirements="bytewax",
    ),
    Peer(name="quix-1", title="Quix Streams", n_processes=1, program="quix_app.py", requirements="quix"),
    Peer(name="quix-2", title="Quix Streams, two processes", n_processes=2, program="quix_app.py", requirements="quix"),
    Peer(
        name="pyflink",
        title="PyFlink `count_window`, parallelism 2",
        n_processes=2,
        program="pyflink_count_window.py",
        requirements="pyflink",
        on_flink=True,
    ),
    Peer(
        name="worker",
        title="a window per call, over HTTP",
        n_processes=1,
        program="worker.py",
        requirements="worker",
        service="model_service.py",
    ),
)
PEERS = {peer.name: peer for peer in SLOWEST_COMES_LAST}
NOT_LIVE = ("bare-2", "bare-2-before", "bytewax-2", "quix-2")
"""Latency and kills are measured with one process."""


def chosen_peers(names: str, before: Path | None) -> list[Peer]:
    """Return the peers of those names, and two bare processes of another checkout if there is one."""
    asked = names.split(",")
    if unknown := sorted(set(asked) - set(PEERS)):
        raise SystemExit(f"Expected peers of {', '.join(PEERS)}, found {', '.join(unknown)}: correct --peers")
    peers = [PEERS[name] for name in asked]
    if before is not None:
        title = "two bare processes, code before"
        peers.append(replace(PEERS["bare-2"], name="bare-2-before", title=title, root=before.resolve()))
    return peers


def measure(peers: list[Peer], maker: TopicMaker, chosen: argparse.Namespace) -> Iterator[Outcomes]:
    """Measure one after the other, first on the full topic, then on a live one; yield what is known so far."""
    outcomes: Outcomes = {}
    with maker.topic("full") as topic:
        for _ in range(0, max(BLOCK, chosen.messages // N_CONNECTIONS), BLOCK):
            topic.send(BLOCK)
        topic.flush()
        print(f"{topic.n_sent.sum():,} messages, {topic.n_windows:,} windows", flush=True)
        for peer in peers * chosen.rounds:
            try:
                full = try_throughput(peer, maker.stack, topic, chosen.seconds)
            except (PeerFailed, PipelineError) as error:
                print(error, flush=True)
                continue
            shown = f"{full.windows_per_s:,.0f} windows/s, {full.rows:,} rows, {full.n_wrong:,} wrong"
            print(f"{peer.title}: {shown}, {full.all_cpu_us:.1f} µs a message", flush=True)
            before = outcomes[peer.name].rounds if peer.name in outcomes else ()
            outcomes[peer.name] = Outcome(peer=peer, rounds=(*before, full), live=None)
            yield outcomes
    for name, outcome in list(outcomes.items()):
        if name in NOT_LIVE or chosen.no_live:
            continue
        try:
            live = try_live(outcome.peer, maker, outcome.throughput.windows_per_s, chosen.latency_seconds)
        except (PeerFailed, PipelineError) as error:
            print(error, flush=True)
            continue
        shown = f"p50 {live.latency_ms['p50']:.0f} ms, back after {live.back_after_s:.1f} s"
        print(f"{outcome.peer.title}: {shown}", flush=True)
        outcomes[name] = replace(outcome, live=live)
        yield outcomes


def lines_of(head: str, outcomes: Outcomes) -> list[str]:
    """Write table and aims as Markdown."""
    return [head, "", *table_lines(outcomes), "", *aim_lines(outcomes)]


def write(head: str, outcomes: Outcomes, folder: Path) -> None:
    """Write table, JSON and picture, in place of what is there."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "peers.md").write_text("\n".join(lines_of(head, outcomes)) + "\n")
    found = {
        name: {"title": o.peer.title, "rounds": [as_json(full) for full in o.rounds], "live": as_json(o.live)}
        for name, o in outcomes.items()
    }
    (folder / "peers.json").write_text(json.dumps({"measured": head, "peers": found}, indent=1) + "\n")
    draw(outcomes, folder / "peers.png")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=3_000_000, help="in the full topic")
    parser.add_argument("--peers", default=",".join(PEERS), help=f"of {', '.join(PEERS)}")
    parser.add_argument("--seconds", type=float, default=40, help="that a peer may read the full topic")
    parser.add_argument("--rounds", type=int, default=1, help="in which each reads the full topic; the median counts")
    parser.add_argument("--latency-seconds", type=float, default=15, help="that latency is measured")
    parser.add_argument("--no-live", action="store_true", help="leave out latency and kills")
    parser.add_argument("--before", type=Path, help="another checkout, for two bare processes of its code")
    parser.add_argument("--out", type=Path, help="folder for JSON, table and picture")
    parser.add_argument("--home", type=Path, help="of a stack that runs")
    chosen = parser.parse_args()
    peers, began_load = chosen_peers(chosen.peers, chosen.before), os.getloadavg()[0]
    for peer in peers:
        if peer.program:
            environment_of(peer)
    n_each = max(BLOCK, chosen.messages // N_CONNECTIONS)
    connections = draw_messages(N_CONNECTIONS, n_each)
    head, outcomes = "", Outcomes()
    with TemporaryDirectory() as nowhere, idle_stack(chosen.home or Path(nowhere), print) as stack:
        wait_for_groups(stack.kafka)
        for outcomes in measure(peers, TopicMaker(stack=stack, connections=connections), chosen):
            loads = f"load {began_load:.0f} before, {os.getloadavg()[0]:.0f} at the end"
            head = f"{datetime.now(UTC):%Y-%m-%d}, {n_each * N_CONNECTIONS:,} messages, {os.cpu_count()} cores, {loads}"
            if chosen.out is not None:
                write(head, outcomes, chosen.out)
    print("", *lines_of(head, outcomes), sep="\n")


if __name__ == "__main__":
    main()
