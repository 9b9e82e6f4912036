"""What is refused of work on many towns.

ScaleError
├── NoSpark                 impact.no-spark
├── NoJava                  impact.no-java
└── QuestionUnknown         impact.question-unknown
"""

from __future__ import annotations

from collections.abc import Sequence

from koinon.kernel.errors import KoinonError


class ScaleError(KoinonError):
    """A question over an export was not answered."""

    code = "impact.scale"


class NoSpark(ScaleError):
    """Spark was asked for and is not installed."""

    code = "impact.no-spark"

    def __init__(self) -> None:
        super().__init__("Apache Spark is not installed here; `make setup-spark` brings it, with a Java")


class NoJava(ScaleError):
    """Spark runs on Java, and there is none."""

    code = "impact.no-java"

    def __init__(self) -> None:
        super().__init__(
            "Spark needs a Java (17 or newer): `make setup-spark` brings one, or install one and set JAVA_HOME"
        )


class QuestionUnknown(ScaleError):
    """There is no question of that name."""

    code = "impact.question-unknown"

    def __init__(self, *, asked: str, known: Sequence[str]) -> None:
        self.asked = asked
        self.known = list(known)
        super().__init__(f"there is no question {asked}; there are {', '.join(known)}")
