"""`watch` on a terminal, of two sizes, by its keys, on a real PostgreSQL that may go away."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Coroutine
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest
from psycopg2.extensions import connection as Connection
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding
from textual.pilot import Pilot
from textual.strip import Strip
from textual.widgets import Static

from jobs.results.watch import screen
from jobs.results.watch import snapshot_reader as source
from jobs.results.watch.connection_screen import ConnectionScreen
from jobs.results.watch.keys_screen import KEYS, KeysScreen, keys_text
from jobs.results.watch.panes import Pane
from jobs.results.watch.screen import PaneTable, WatchScreen, marked
from jobs.results.watch.snapshot_reader import Source
from jobs.results.watch.view_snapshot import Choice

Insert = Callable[..., None]
Driver = Pilot[None]
N_CONNECTIONS = 60


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen, "REFRESH_S", 0.1)
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.fixture
def filled(database: Connection, insert: Insert, verdict: Any, event: Any) -> None:
    """Put in sixty live connections, the first of which is not what it claims to be."""
    now = datetime.now(UTC)
    names = [f"conn-of-some-venue-with-a-long-name-{number:03d}" for number in range(N_CONNECTIONS)]
    insert(
        [
            verdict(
                connection_id=name,
                verdict="binance" if number < 40 else "kraken",
                declared_exchange="kraken" if number == 0 else "binance" if number < 40 else "kraken",
                windows=1000 + number,
                since_at=now - timedelta(minutes=N_CONNECTIONS - number),
                last_window_end_at=now - timedelta(seconds=2),
            )
            for number, name in enumerate(names)
        ]
    )
    insert([event(connection_id=names[0], verdict="binance", declared_exchange="kraken", detected_at=now)])


def drive(
    database_url: str, play: Callable[[Driver], Coroutine[Any, Any, None]], size: tuple[int, int] = (80, 24)
) -> None:
    """Open the screen, wait until something was read, and play."""

    async def run() -> None:
        app = WatchScreen(Source(database_url), Choice())
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: app.snapshot is not None)
            await play(pilot)

    asyncio.run(run())


async def until(pilot: Driver, is_so: Callable[[], bool]) -> None:
    give_up_s = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < give_up_s
        await pilot.pause(0.02)


def app_of(pilot: Driver) -> WatchScreen:
    assert isinstance(pilot.app, WatchScreen)
    return pilot.app


def table(pilot: Driver, pane: Pane = Pane.CONNECTIONS) -> PaneTable:
    return pilot.app.query_one(f"#{pane.value}", PaneTable)


def column(pilot: Driver, name: str) -> list[str]:
    shown = table(pilot)
    return [shown.get_cell(str(row), name).plain for row in range(shown.row_count)]


def text(pilot: Driver, name: str) -> str:
    return str(pilot.app.query_one(f"#{name}", Static).content)


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(("size", "least"), [((80, 24), 6), ((120, 40), 14)])
def test_everything_fits(database_url: str, size: tuple[int, int], least: int) -> None:
    async def play(pilot: Driver) -> None:
        def heights() -> dict[Pane, int]:
            """Count the rows that each table shows below its heading."""
            return {pane: table(pilot, pane).content_size.height - 1 for pane in Pane}

        await until(pilot, lambda: min(heights().values()) > 0 and table(pilot).row_count == N_CONNECTIONS)
        await pilot.pause()
        lines = text(pilot, "summary").splitlines()
        assert lines[0] == "60 of 60 connections live: binance 40, kraken 20 | mismatch 1"
        assert max(map(len, lines)) <= size[0]
        # The table with the keys shows more than the others, which show two at least.
        rows = heights()
        assert rows[Pane.CONNECTIONS] >= least
        assert min(rows.values()) >= 2
        for widget in pilot.app.screen.walk_children():
            if widget.display and not isinstance(widget, PaneTable):
                assert widget.region.right <= size[0]
                assert widget.region.bottom <= size[1]
        shown = column(pilot, "connection")
        assert shown[0] == ("conn-of-som…ong-name-059" if size[0] == 80 else "conn-of-some-venue-with-a-long-name-059")
        # Up to certainty everything is seen without moving to the right.
        widths = [one.get_render_width(table(pilot)) for one in table(pilot).ordered_columns]
        assert sum(widths[:4]) < size[0]

    drive(database_url, play, size)


def test_a_line_that_goes_on_ends_with_a_mark_in_its_colours() -> None:
    bold = Style(bold=True)
    line = marked(Strip([Segment("rule  "), Segment("Declares binance", bold)]), 14)
    assert line.text == "rule  Declare… binance"
    assert line.crop(13, 14) == Strip([Segment("…", bold)])
    assert marked(Strip([Segment(" " * 20)]), 14).text == " " * 20


@pytest.mark.usefixtures("filled")
def test_keys_sort_and_turn_round(database_url: str) -> None:
    async def play(pilot: Driver) -> None:
        await pilot.press("greater_than_sign")
        await until(pilot, lambda: column(pilot, "windows")[0] == "1,059")
        assert "by windows" in text(pilot, "connections-title")
        await pilot.press("r")
        await until(pilot, lambda: column(pilot, "windows")[0] == "1,000")
        await pilot.press(*["less_than_sign"] * 5)
        await until(pilot, lambda: column(pilot, "detected")[0] == "binance !")
        assert app_of(pilot).choice.orders[Pane.CONNECTIONS].column == "detected"
        await pilot.press("tab", "greater_than_sign")
        assert app_of(pilot).choice.orders[Pane.EVENTS].column == "kind"

    drive(database_url, play)


@pytest.mark.usefixtures("filled")
def test_keys_filter_and_clear(database_url: str) -> None:
    async def play(pilot: Driver) -> None:
        await pilot.press("slash", *"name-04", "enter")
        await until(pilot, lambda: table(pilot).row_count == 10)
        assert "Connections 10, by since, with 'name-04'" in text(pilot, "connections-title")
        await pilot.press("q")  # the last key of all: after Enter it is no text any more
        await until(pilot, lambda: not pilot.app.is_running)

    drive(database_url, play)


@pytest.mark.usefixtures("filled")
def test_escape_shows_everything_again(database_url: str) -> None:
    async def play(pilot: Driver) -> None:
        await pilot.press("slash", *"nothing-has-q", "enter")
        await until(pilot, lambda: table(pilot).row_count == 0)
        await pilot.press("escape")
        await until(pilot, lambda: table(pilot).row_count == N_CONNECTIONS)

    drive(database_url, play)


@pytest.mark.usefixtures("filled")
def test_a_key_shows_problems_only(database_url: str) -> None:
    async def play(pilot: Driver) -> None:
        await pilot.press("p")
        await until(pilot, lambda: table(pilot).row_count == 1)
        assert "only problems" in text(pilot, "connections-title")
        await pilot.press("p")
        await until(pilot, lambda: table(pilot).row_count == N_CONNECTIONS)

    drive(database_url, play)


@pytest.mark.usefixtures("filled")
def test_the_row_under_the_cursor_is_written_out(database_url: str) -> None:
    async def play(pilot: Driver) -> None:
        await until(pilot, lambda: text(pilot, "detail").startswith("conn-of-some-venue-with-a-long-name-059, "))
        await pilot.press("shift+tab")
        await until(pilot, lambda: "behaves like binance" in text(pilot, "detail"))

    drive(database_url, play)


@pytest.mark.usefixtures("filled")
def test_the_cursor_follows_its_connection(database: Connection, database_url: str) -> None:
    async def play(pilot: Driver) -> None:
        await pilot.press("down", "down")
        followed = table(pilot).current()
        assert followed is not None
        with database.cursor() as cursor:
            cursor.execute(
                "UPDATE connection_verdicts SET since_at = now() + interval '1 s' WHERE connection_id LIKE '%-010'"
            )
        await until(pilot, lambda: column(pilot, "windows")[0] == "1,010")
        assert table(pilot).cursor_row == 3
        current = table(pilot).current()
        assert current is not None
        assert current["connection_id"] == followed["connection_id"]

    drive(database_url, play)


@pytest.mark.usefixtures("filled")
def test_a_database_that_goes_away_comes_back(database: Connection, database_url: str) -> None:
    """Nobody may connect, as while PostgreSQL is started again; what was there stays on the screen."""
    name = urlsplit(database_url).path.removeprefix("/")
    with closing(psycopg2.connect(urlunsplit(urlsplit(database_url)._replace(path="/postgres")))) as server:
        server.autocommit = True

        def admit(is_admitted: bool) -> None:
            with server.cursor() as cursor:
                cursor.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {is_admitted}")
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = %s AND application_name = 'fingerprint-watch'",
                    (name,),
                )

        async def play(pilot: Driver) -> None:
            try:
                admit(False)
                await until(pilot, lambda: "not currently accepting connections" in text(pilot, "summary"))
                assert re.match(r"As of \d\d:\d\d:\d\d, [\d.]+ s ago$", text(pilot, "age"))
                await until(pilot, lambda: pilot.app.query_one("#age").display)
                assert table(pilot).row_count == N_CONNECTIONS
                await pilot.press("p")
            finally:
                admit(True)
            await until(pilot, lambda: "connections live" in text(pilot, "summary"))
            await until(pilot, lambda: table(pilot).row_count == 1)

        drive(database_url, play)


@pytest.mark.usefixtures("filled")
def test_numbers_that_do_not_come_are_not_shown_as_live(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock is held, as by a `migrate` that waits behind an open transaction."""
    monkeypatch.setattr(source, "STATEMENT_TIMEOUT_S", 1)

    async def play(pilot: Driver) -> None:
        age = pilot.app.query_one("#age", Static)
        with closing(psycopg2.connect(database_url)) as other, other.cursor() as cursor:
            cursor.execute("LOCK TABLE connection_verdicts")
            await until(pilot, lambda: age.display)
            shown = app_of(pilot).snapshot
            assert shown is not None
            before = text(pilot, "age")
            assert before.startswith(f"As of {shown.at.astimezone():%H:%M:%S}, ")
            await until(pilot, lambda: text(pilot, "age") != before)  # it is counted on
            await until(pilot, lambda: "Expected an answer of the PostgreSQL database" in text(pilot, "summary"))
            assert "within 1 s, found canceling statement due to statement timeout: look for" in text(pilot, "summary")
            assert age.display
            assert table(pilot).row_count == N_CONNECTIONS
        await until(pilot, lambda: "connections live" in text(pilot, "summary"))
        # A slow machine takes longer for a reading than the period of this test: fresh once, or a newer age.
        await until(pilot, lambda: not age.display or app_of(pilot).snapshot is not shown)

    drive(database_url, play)


@pytest.mark.usefixtures("filled")
def test_no_colour_leaves_the_marks(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def play(pilot: Driver) -> None:
        assert pilot.app.no_color
        await until(pilot, lambda: "binance !" in column(pilot, "detected"))

    drive(database_url, play)


@pytest.mark.usefixtures("filled")
def test_enter_opens_the_connection_and_escape_leads_back(database_url: str) -> None:
    async def play(pilot: Driver) -> None:
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConnectionScreen) and pilot.app.screen.is_read)
        shown = str(pilot.app.screen.query_one("#text", Static).content)
        # Its windows are not there, so nothing explains it; which one it is, is said all the same.
        assert "conn-of-some-venue-with-a-long-name-058" in shown
        assert "found none" in shown
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, ConnectionScreen))
        await pilot.press("r")
        assert app_of(pilot).choice.orders[Pane.CONNECTIONS].is_reversed

    drive(database_url, play)


@pytest.mark.usefixtures("filled")
def test_a_row_of_alerts_opens_its_connection(database_url: str) -> None:
    async def play(pilot: Driver) -> None:
        await pilot.press("shift+tab", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConnectionScreen) and pilot.app.screen.is_read)
        assert "name-000" in str(pilot.app.screen.query_one("#text", Static).content)
        await pilot.press("q")
        await until(pilot, lambda: not pilot.app.is_running)

    drive(database_url, play)


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("size", [(80, 24), (200, 50)])
def test_the_keys_are_shown_whole(database_url: str, size: tuple[int, int]) -> None:
    async def play(pilot: Driver) -> None:
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(pilot.app.screen, KeysScreen))
        box = pilot.app.screen.query_one("#keys", Static)
        await until(pilot, lambda: box.size.height > 0)
        assert box.size.height >= len(keys_text().splitlines())
        assert box.region.right <= size[0]
        assert max(map(len, keys_text().splitlines())) <= box.size.width
        described = {key for binding in WatchScreen.BINDINGS if isinstance(binding, Binding) and binding.show
                     for key in (binding.key_display or binding.key).split()}  # fmt: skip
        assert described <= set(re.findall(r"[^\s,]+", " ".join(key for key, _ in KEYS)))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, KeysScreen))

    drive(database_url, play, size)
