from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stack.roles import Role
from stack.services import postgres
from stack.services.postgres import local_database_url


@pytest.fixture
def zombie_pid() -> int:
    """The number of a process that has ended and that nobody has waited for."""
    pid = os.posix_spawn(sys.executable, [sys.executable, "-c", ""], os.environ)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    return pid


@pytest.mark.parametrize("content", ["", "not a number", "999999999"])
def test_a_lock_without_a_server_is_removed(tmp_path: Path, content: str) -> None:
    lock = tmp_path / "postmaster.pid"
    lock.write_text(content, encoding="utf-8")
    postgres._remove_stale_lock(lock)
    assert not lock.exists()


def test_the_lock_of_a_dead_or_foreign_process_is_removed(tmp_path: Path, zombie_pid: int) -> None:
    for pid in (zombie_pid, os.getpid()):
        lock = tmp_path / "postmaster.pid"
        lock.write_text(f"{pid}\n{tmp_path}\n", encoding="utf-8")
        postgres._remove_stale_lock(lock)
        assert not lock.exists()
    os.waitpid(zombie_pid, 0)


def test_the_lock_of_a_running_server_stays(tmp_path: Path) -> None:
    server = tmp_path / "postgres"
    server.symlink_to("/bin/sleep")
    lock = tmp_path / "postmaster.pid"
    with subprocess.Popen([server, "60"]) as process:
        lock.write_text(str(process.pid), encoding="utf-8")
        postgres._remove_stale_lock(lock)
        process.kill()
    assert lock.exists()


def test_each_role_has_a_password_drawn_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    urls = {local_database_url(tmp_path, 5432, role) for role in Role}
    assert len({url.split(":")[2] for url in urls}) == len(Role)
    assert urls == {local_database_url(tmp_path, 5432, role) for role in Role}
    files = list((tmp_path / "postgres").iterdir())
    assert len(files) == len(Role)
    assert all(file.stat().st_mode & 0o077 == 0 for file in files)
    assert not urls & {local_database_url(tmp_path / "other", 5432, role) for role in Role}


def test_private_folders_of_deleted_homes_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    kept, orphan = (tmp_path / f"{postgres.PRIVATE_PREFIX}{name}" for name in ("kept", "orphan"))
    location = tmp_path / "location"
    location.write_text(str(kept), encoding="utf-8")
    for folder, owner in ((kept, location), (orphan, tmp_path / "gone" / "location")):
        folder.mkdir()
        (folder / "belongs-to").write_text(str(owner), encoding="utf-8")
    postgres._remove_orphans()
    assert kept.is_dir()
    assert not orphan.exists()
    # Of one that goes while it is looked at nothing is known.
    assert not postgres._is_owned(orphan / "belongs-to")
