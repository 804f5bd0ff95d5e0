"""`python -m grafana.source`: write grafana/dashboards/*.json and grafana/provisioning/alerting/rules.yaml anew."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from grafana.source.written_files import written_files

GRAFANA: Final = Path(__file__).resolve().parents[1]


def main(arguments: Sequence[str] | None = None, grafana: Path = GRAFANA) -> int:
    """Write every file, or with `--check` say which is not what it would be; the exit code is 1 if there is one."""
    parser = argparse.ArgumentParser(prog="python -m grafana.source", description="Write dashboards and alert rules.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if a file would change")
    is_check = parser.parse_args(arguments).check
    changed = [
        (path, content)
        for path, content in written_files(grafana).items()
        if not path.is_file() or path.read_text(encoding="utf-8") != content
    ]
    for path, content in changed:
        print(f"{path.relative_to(grafana.parent)}: {'not what its Python writes' if is_check else 'written'}")
        if not is_check:
            path.write_text(content, encoding="utf-8")
    return 1 if is_check and changed else 0


if __name__ == "__main__":
    raise SystemExit(main())
