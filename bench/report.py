"""The table that is printed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line: a measured value (already in words) beside its aim, and how far it is from it.

    `ratio` and `aim` are in the same unit: times the bare handler unless `unit` says otherwise. Where it is the
    median of several rounds, `rounds` are the least and the greatest.
    """

    database: str
    workload: str
    ratio: float
    aim: float
    unit: str = "x bare"
    cpu_ms: float | None = None
    per_second: float | None = None
    p95_ms: float | None = None
    statements: float | None = None
    statements_aim: float | None = None
    at_least: bool = False
    rounds: tuple[float, float] | None = None

    @property
    def met(self) -> bool:
        """Whether the aim is reached, statements included."""
        reached = self.ratio >= self.aim if self.at_least else self.ratio <= self.aim
        few = (
            self.statements is None
            or self.statements_aim is None
            or self.statements <= self.statements_aim + 0.05
        )
        return reached and few


def show(rows: list[Row]) -> str:
    """All rows as aligned text."""
    head = (
        "database",
        "workload",
        "value",
        "rounds",
        "aim",
        "of aim",
        "CPU ms",
        "req/s",
        "p95 ms",
        "statements",
        "",
    )
    lines = [head]
    for row in rows:
        sign = ">=" if row.at_least else "<="
        lines.append(
            (
                row.database,
                row.workload,
                f"{row.ratio:.2f} {row.unit}",
                "" if row.rounds is None else f"{row.rounds[0]:.1f}-{row.rounds[1]:.1f}",
                f"{sign} {row.aim:g}",
                f"{row.ratio / row.aim:.2f}",
                _number(row.cpu_ms, 3),
                _number(row.per_second, 0),
                _number(row.p95_ms, 1),
                _number(row.statements, 1) + (f" <= {row.statements_aim:g}" if row.statements_aim else ""),
                "met" if row.met else "MISSED",
            )
        )
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    texts = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    return "\n".join([texts[0], "-" * len(texts[0]), *texts[1:]])


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"
