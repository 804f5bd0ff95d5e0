"""Makes the two jars that come with the project, from the Java beside this file: `python udfs/java/build_jar.py`.

What Java and Python both go by is written into `SharedConstants.java` first; the Python is the reference. The compiler
is Eclipse's, one pinned jar that any Java from 17 on runs, so that the same sources make the same bytes everywhere.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import textwrap
import zipfile
from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Final

from ingest.kafka import record_validity as validity
from jobs.reference import drift, health, number_chains
from stack.java.flink_wheel import flink_jars, prometheus_jar, python_jar
from stack.java.functions_jar import CONNECTOR_JAR, FUNCTIONS_JAR
from stack.java.jars import ensure_jars
from stack.java.runtime import find_java
from udfs import elementary, features, rows, schema, signatures, verdicts, windows
from udfs.errors import ArtifactError, PipelineError

ROOT: Final = Path(__file__).parent
SOURCES: Final = ROOT / "src" / "main" / "java"
RESOURCES: Final = ROOT / "src" / "main" / "resources"
CONSTANTS: Final = SOURCES / "exchangefingerprint" / "flink" / "SharedConstants.java"
COMMAND: Final = "python udfs/java/build_jar.py"

_OF_CONNECTOR: Final = "org/apache/flink/kafka/"
_RELEASE: Final = "17"
"""The Java whose class files these are: that of Flink's own image."""

_TIMEOUT_S: Final = 300
_LONGEST_ERROR: Final = 2000
_LONG_AGO: Final = (1980, 1, 1, 0, 0, 0)
_INT32: Final = 2**31

_Shared = float | str | tuple[int, ...] | tuple[str, ...]

_SHARED: Final[Mapping[str, Mapping[str, _Shared]]] = {
    "Windows, and what of a message travels.": {
        "WINDOW_SIZE": schema.WINDOW_SIZE,
        "WINDOW_SLIDE": schema.WINDOW_SLIDE,
        "WIRE_WIDTH": len(windows.WIRE_COLUMNS),
        "MISSING": schema.MISSING,
        "HEARTBEAT": int(schema.MsgType.HEARTBEAT),
    },
    "The version of what the functions keep of a connection.": {"STATE_LAYOUT": schema.STATE_LAYOUT},
    "What a message may be.": {
        "MAX_VALUE_BYTES": validity.MAX_VALUE_BYTES,
        "MAX_KEY_BYTES": validity.MAX_KEY_BYTES,
        "MAX_DEPTH": validity.MAX_DEPTH,
        "MAX_ID_CHARACTERS": validity.MAX_ID_CHARACTERS,
        "MAX_EXCHANGE_CHARACTERS": validity.MAX_EXCHANGE_CHARACTERS,
        "INVISIBLE": validity.INVISIBLE,
        "START_NS": validity.START_NS,
        "END_NS": validity.END_NS,
    },
    "When a connection's numbers and pauses are faults.": {
        "LEAST_STEPS_OF_ONE": health.LEAST_STEPS_OF_ONE,
        "LEAST_STEPS_UP": health.LEAST_STEPS_UP,
        "LEAST_ABOVE": health.LEAST_ABOVE,
        "LEAST_PAUSES": health.LEAST_PAUSES,
        "LEAST_HEARTBEATS": health.LEAST_HEARTBEATS,
        "PAUSES_OF_BLOCK": health.PAUSES_OF_BLOCK,
        "LEAST_LIMIT_NS": health.LEAST_LIMIT_NS,
        "LONGEST_PAUSES": health.LONGEST_PAUSES,
    },
    "When a chain of numbers has broken off.": {
        "ACK": int(schema.MsgType.ACK),
        "LEAST_LINKS": number_chains.LEAST_LINKS,
        "LEAST_NEW_LINKS": number_chains.LEAST_NEW_LINKS,
        "LEAST_BREAK_NS": number_chains.LEAST_BREAK_NS,
        "LONGEST_PAUSES_OF_CHAIN": number_chains.LONGEST_PAUSES_OF_CHAIN,
        "AWAITED_LIMITS": number_chains.AWAITED_LIMITS,
        "MOST_CHAINS": number_chains.MOST_CHAINS,
        "MOST_COUNTERS": number_chains.MOST_COUNTERS,
        "MOST_BEGINNINGS": number_chains.MOST_BEGINNINGS,
        "LINKS_TO_A_BEGINNING": number_chains.LINKS_TO_A_BEGINNING,
    },
    "When a connection's rate has changed.": {
        "N_IN_BLOCK": drift.N_IN_BLOCK,
        "N_NOW": drift.N_NOW,
        "N_GAP": drift.N_GAP,
        "N_BACK": drift.N_BACK,
        "N_LEAST": drift.N_LEAST,
        "LOG_BITS": drift.LOG_BITS,
        "MANTISSA_BITS": drift.MANTISSA_BITS,
        "RATIO_BITS": drift.RATIO_BITS,
        "LN_2": drift.LN_2,
        "LEAST_INTERVAL_NS": drift.LEAST_INTERVAL_NS,
        "LEAST_SPREAD": drift.LEAST_SPREAD,
        "LEAST_DIFFERENCE": drift.LEAST_DIFFERENCE,
        "SCORE_LIMIT": drift.SCORE_LIMIT,
    },
    "What Python says of a window, and its texts.": {
        "N_FEATURES": len(features.FEATURES),
        "N_TRAITS": signatures.N_TRAITS,
        "FEATURE_UNIT": 10**rows.FEATURE_DECIMALS,
        "PROBABILITY_UNIT": 10**verdicts.PROBABILITY_DECIMALS,
    },
    "When a connection's windows are decisive together.": {
        "HISTORY": verdicts.HISTORY,
        "OVERTURN_MILLINATS": verdicts.OVERTURN_MILLINATS,
        "LIKELY_MILLINATS": verdicts.LIKELY_MILLINATS,
        "REFUSE_MILLINATS": verdicts.REFUSE_MILLINATS,
        "MOST_LOG_ODDS": verdicts.MOST_LOG_ODDS,
        "LOG_2_E": elementary.LOG_2_E,
        "LN_2_HIGH": elementary.LN_2_HIGH,
        "LN_2_LOW": elementary.LN_2_LOW,
        "EXP_TERMS": elementary.EXP_TERMS,
    },
    "The signature of a window or a connection.": {
        "SIGNATURE_VERSION": signatures.VERSION,
        "UNDEFINED": signatures.UNDEFINED,
        "KIND_LETTERS": signatures.KIND_LETTERS,
        "KINDS_LEAST": signatures.KINDS_LEAST,
        "TICKS_MS": signatures.TICKS_MS,
        "CONTRAST_LEAST": signatures.CONTRAST_LEAST,
        "BEAT_NAMES": signatures.BEAT_NAMES,
        "BEAT_INTERVAL_S": signatures.BEAT_INTERVAL_S,
        "BEATS_LEAST": signatures.BEATS_LEAST,
        "FAST_BEATS_S": signatures.FAST_BEATS_S,
        "SLOW_BEATS_S": signatures.SLOW_BEATS_S,
        "SEQUENCE_NAMES": signatures.SEQUENCE_NAMES,
        "JUMPS_LEAST": signatures.JUMPS_LEAST,
        "BACKWARDS_LEAST": signatures.BACKWARDS_LEAST,
    },
}


def main() -> None:
    """Write the jars; with `--check`, say instead whether the one that is there is up to date."""
    parser = argparse.ArgumentParser(description="Make the jars of the job's Java functions.")
    parser.add_argument("--check", action="store_true", help="write nothing, fail if the jar is another")
    try:
        if parser.parse_args().check:
            check()
        else:
            CONSTANTS.write_text(constants_source(), encoding="utf-8")
            for path, content in zip((FUNCTIONS_JAR, CONNECTOR_JAR), build(), strict=True):
                path.write_bytes(content)
    except PipelineError as error:
        sys.exit(str(error))


def check() -> None:
    """Compare `SharedConstants.java` and the jars with what this would write.

    Raises
    ------
    ArtifactError
        If one of them differs.
    """
    if CONSTANTS.read_text(encoding="utf-8") != constants_source():
        raise ArtifactError(f"Expected {CONSTANTS.name} to have Python's values, found others: run `{COMMAND}`")
    for path, content in zip((FUNCTIONS_JAR, CONNECTOR_JAR), build(), strict=True):
        if not path.is_file() or path.read_bytes() != content:
            raise ArtifactError(f"Expected {path.name} to be made of these sources, found another: run `{COMMAND}`")


def constants_source() -> str:
    """Write what Java and Python share as Java."""
    types = ", ".join(f'"{kind.name}"' for kind in sorted(schema.MsgType))
    lines = [
        "package exchangefingerprint.flink;",
        "",
        "import java.util.List;",
        "",
        "/** What Java and Python both go by: {@code build_jar.py} writes it from the Python, which explains it. */",
        "public final class SharedConstants {",
        "    /** The types of messages; the place of each is its code. */",
        f"    public static final List<String> MSG_TYPES = List.of({types});",
    ]
    for title, constants in _SHARED.items():
        lines += ["", f"    // {title}", *(_constant(name, value) for name, value in constants.items())]
    return "\n".join([*lines, "", "    private SharedConstants() {}", "}", ""])


def build() -> tuple[bytes, bytes]:
    """Compile the sources and return both jars: without compression, sorted, with one and the same date."""
    with tempfile.TemporaryDirectory() as folder:
        classes = Path(folder)
        compile_java(SOURCES, classes, [*ensure_jars("flink", _say), *flink_jars(), python_jar(), prometheus_jar()])
        entries = {str(path.relative_to(root)): path for root in (RESOURCES, classes) for path in _files(root)}
        of_connector = {name: path for name, path in entries.items() if name.startswith(_OF_CONNECTOR)}
        return _jar({name: entries[name] for name in entries.keys() - of_connector.keys()}), _jar(of_connector)


def _jar(entries: Mapping[str, Path]) -> bytes:
    jar = BytesIO()
    with zipfile.ZipFile(jar, "w") as archive:
        for name in sorted(entries):
            entry = zipfile.ZipInfo(name, _LONG_AGO)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, entries[name].read_bytes())
    return jar.getvalue()


def compile_java(sources: Path, classes: Path, class_path: Iterable[Path]) -> None:
    """Compile a folder of sources with the pinned compiler.

    Raises
    ------
    PipelineError
        If the compiler cannot be had, there is no Java, or the sources do not compile.
    """
    compiler = ensure_jars("development", _say)
    command = [
        *(str(find_java().executable), "-cp", _class_path(compiler), "org.eclipse.jdt.internal.compiler.batch.Main"),
        *(f"-{_RELEASE}", "-parameters", "-nowarn", "-proc:none", "-encoding", "UTF-8"),
        *("-classpath", _class_path(class_path), "-d", str(classes)),
        *(str(file) for file in _files(sources)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S)
    if done.returncode != 0:
        said = (done.stderr + done.stdout).strip() or f"exit code {done.returncode}"
        raise ArtifactError(
            f"Expected the sources in {sources} to compile, found {said[:_LONGEST_ERROR]}: correct them"
        )


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def _constant(name: str, value: _Shared) -> str:
    if isinstance(value, tuple):
        kind = "String" if isinstance(value[0], str) else "Integer"
        listed = ", ".join(f'"{item}"' if isinstance(item, str) else str(item) for item in value)
        wrapped = textwrap.fill(listed, 100, initial_indent=" " * 12, subsequent_indent=" " * 12)
        return f"    public static final List<{kind}> {name} = List.of(\n{wrapped});"
    if isinstance(value, str):
        return f'    public static final String {name} = "{value}";'
    if isinstance(value, float):
        return f"    public static final double {name} = {value!r};"
    if name.endswith("_NS") or not -_INT32 <= value < _INT32:
        return f"    public static final long {name} = {value}L;"
    return f"    public static final int {name} = {value};"


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _class_path(jars: Iterable[Path]) -> str:
    return ":".join(map(str, jars))


if __name__ == "__main__":
    main()
