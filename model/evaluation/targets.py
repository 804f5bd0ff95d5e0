"""What the model has to reach, whether it does, and where it does not, which confusion stands in the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from model.evaluation.accuracy_over_messages import TARGET_MESSAGES, right_after
from model.evaluation.causes import Causes

MOST_LOSS: Final = 0.02
LARGEST_ECE: Final = 0.02
REQUESTED: Final = 0.01
LEAST_OBSERVED: Final = 0.005
MOST_OBSERVED: Final = 0.02
LONGEST_S: Final = 600


@dataclass(frozen=True, kw_only=True)
class Target:
    """One line of the summary.

    Attributes
    ----------
    name, wanted : str
        In words.
    found, plain : float or None
        What the model and the plain classifier reach.
    met : bool or None
        None if it could not be measured.
    as_share : bool
        To be shown in percent.
    cause : list of str
        Of a target that is missed: what is confused with what, the most frequent first.
    mend : str
        What would help.
    """

    name: str
    wanted: str
    found: float | None
    plain: float | None
    met: bool | None
    as_share: bool = True
    cause: tuple[str, ...] = ()
    mend: str = ""

    def to_json(self) -> dict[str, Any]:
        """Lay out for the report."""
        return {**vars(self), "cause": list(self.cause) if self.met is False else []}


def list_targets(report: dict[str, Any], causes: Causes, *, is_full: bool) -> list[dict[str, Any]]:
    """Compare the report's figures with what they have to be."""
    targets = [
        *_on_recordings(report, causes),
        *_on_rates(report, causes),
        *_on_synthetic(report, causes),
        *_on_confidence(report, causes),
    ]
    if is_full:
        seconds = report["seconds"]
        targets.append(
            Target(
                name="The whole evaluation, in seconds",
                wanted=f"at most {LONGEST_S}",
                found=seconds,
                plain=None,
                met=seconds <= LONGEST_S,
                as_share=False,
                mend="an otherwise idle machine: only what it waits for others is not its own",
            )
        )
    return [target.to_json() for target in targets]


def _on_recordings(report: dict[str, Any], causes: Causes) -> list[Target]:
    model, plain = (report["main"]["recordings"][who] for who in ("model", "plain"))
    connections, windows = model["connections"], model["windows"]
    more = "recordings of the venues concerned from other days"
    return [
        Target(
            name="Recordings left out: connections of known exchanges named as another one",
            wanted="none",
            found=connections["known_wrong"]["hits"],
            plain=plain["connections"]["known_wrong"]["hits"],
            met=connections["known_wrong"]["hits"] == 0,
            as_share=False,
            cause=causes.recordings_known,
            mend=more,
        ),
        Target(
            name="Recordings left out: connections of known exchanges called unknown, or undecided",
            wanted="at most 1",
            found=connections["known_refused"]["hits"],
            plain=plain["connections"]["known_refused"]["hits"],
            met=connections["known_refused"]["hits"] <= 1,
            as_share=False,
            cause=causes.recordings_known,
            mend=more,
        ),
        _at_least(
            "Recordings left out: windows of known exchanges named right",
            0.97,
            windows["known_right"],
            plain["windows"]["known_right"],
            causes.recordings_windows,
            more,
        ),
        _at_least(
            "Families left out: connections of strangers refused, or undecided",
            0.95,
            connections["strangers_refused"],
            plain["connections"]["strangers_refused"],
            causes.recordings_strangers,
            "recordings of more venues, and synthetic strangers nearer to those that pass",
        ),
    ]


def _on_rates(report: dict[str, Any], causes: Causes) -> list[Target]:
    targets = []
    for on, subject in (("fresh", "Fresh synthetic sessions"), ("recordings", "Recordings left out")):
        model, plain = (
            next(row for row in report["requested"][on][who] if row["requested"] == REQUESTED)
            for who in ("model", "plain")
        )
        for what, observed, plain_observed in (
            ("", model["observed"]["ratio"], plain["observed"]["ratio"]),
            (", every session counting the same", model["observed_by_session"], plain["observed_by_session"]),
        ):
            targets.append(
                Target(
                    name=f"{subject}: windows of known exchanges refused where 1% is requested{what}",
                    wanted=f"{LEAST_OBSERVED:.1%} to {MOST_OBSERVED:.0%}",
                    found=observed,
                    plain=plain_observed,
                    met=None if observed is None else LEAST_OBSERVED <= observed <= MOST_OBSERVED,
                    cause=causes.recordings_refused if on == "recordings" else causes.fresh_refused,
                    mend="more recorded sessions: thresholds rest on as many as there are",
                )
            )
    return targets


def _at_least(
    name: str, least: float, found: dict[str, Any], plain: dict[str, Any], cause: tuple[str, ...], mend: str
) -> Target:
    met = None if found["ratio"] is None else found["ratio"] >= least
    return Target(
        name=name,
        wanted=f"at least {least:.0%}",
        found=found["ratio"],
        plain=plain["ratio"],
        met=met,
        cause=cause,
        mend=mend,
    )


def _on_synthetic(report: dict[str, Any], causes: Causes) -> list[Target]:
    model, plain = (right_after(report["course"]["fresh"][who], TARGET_MESSAGES) for who in ("model", "plain"))
    absent = {"ratio": None}
    targets = [
        _at_least(
            f"Fresh synthetic sessions: connections right within {TARGET_MESSAGES} messages",
            0.99,
            model or absent,
            plain or absent,
            causes.fresh_connections,
            "features that tell these behaviours apart, or more messages",
        )
    ]
    shifts = (
        ("rates x0.5 to x2", report["rate_shift"], "rate_factor", 1.0),
        ("the documented jitter", report["jitter"]["fresh"], "jitter_ms", 0.0),
        ("the documented jitter, recordings left out", report["jitter"]["recordings"], "jitter_ms", 0.0),
    )
    for what, rows, changed, at_rest in shifts:
        for unit in ("connections", "windows"):
            shares = {
                who: {row[changed]: row[who][f"{unit}_right"]["ratio"] for row in rows} for who in ("model", "plain")
            }
            loss, worst = _greatest_loss(shares["model"], at_rest)
            confusions = next(row["model"][f"{unit}_wrong"] for row in rows if row[changed] == worst)
            targets.append(
                Target(
                    name=f"Greatest loss of {unit} named right at {what}",
                    wanted=f"at most {MOST_LOSS:.0%}",
                    found=loss,
                    plain=_greatest_loss(shares["plain"], at_rest)[0],
                    met=None if loss is None else loss <= MOST_LOSS,
                    cause=(f"worst at {changed.replace('_', ' ')} {worst:g}", *confusions),
                    mend="training on sessions of such circumstances, features that they do not change",
                )
            )
    return targets


def _greatest_loss(shares: dict[float, float | None], at_rest: float) -> tuple[float | None, float]:
    """Find by how much the lowest share is below that at rest, and where."""
    measured = {value: share for value, share in shares.items() if share is not None}
    if at_rest not in measured:
        return None, at_rest
    worst = min(measured, key=lambda value: measured[value])
    return round(measured[at_rest] - measured[worst], 5), worst


def _on_confidence(report: dict[str, Any], causes: Causes) -> list[Target]:
    targets = []
    for on, subject, unit, weighing in (
        ("fresh", "Fresh synthetic sessions", "windows", "classes alike"),
        ("recordings", "Recordings left out", "windows", "classes alike"),
        ("recordings", "Recordings left out", "windows_by_session", "sessions alike"),
    ):
        model, plain = (report["confidence"][on][who][unit] for who in ("model", "plain"))
        sources = causes.recordings_windows if on == "recordings" else causes.fresh_windows
        targets.append(
            Target(
                name=f"{subject}: expected calibration error of windows, {weighing}",
                wanted=f"at most {LARGEST_ECE}",
                found=model["ece"],
                plain=plain["ece"],
                met=None if model["ece"] is None else model["ece"] <= LARGEST_ECE,
                as_share=False,
                cause=(*_worst_bin(model["bins"]), *sources[:2]),
                mend="recordings of what is too sure of itself, from other days",
            )
        )
    return targets


def _worst_bin(bins: dict[str, list[float]]) -> tuple[str, ...]:
    rows = list(zip(bins["confidence"], bins["accuracy"], bins["share"], strict=True))
    if not rows:
        return ()
    confidence, accuracy, share = max(rows, key=lambda row: row[2] * abs(row[0] - row[1]))
    return (f"where the probability is about {confidence:.2f} ({share:.0%} of the weight), {accuracy:.2f} are right",)
