"""What a check finds: sentences, all of them, instead of the first that fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


class ContractError(AssertionError):
    """A plug-in that does not keep its contract. ``problems`` holds a sentence for each way."""

    def __init__(self, subject: str, problems: list[str]) -> None:
        self.subject, self.problems = subject, list(problems)
        ways = "1 way" if len(problems) == 1 else f"{len(problems)} ways"
        super().__init__(f"{subject} breaks its contract in {ways}:\n" + "\n".join(f"- {text}" for text in problems))


@dataclass
class Findings:
    """What was found of one thing: ``problems`` that must be mended, ``notes`` of what was not checked and why, and
    ``facts`` (what was counted)."""

    subject: str
    kind: str
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    facts: dict[str, object] = field(default_factory=dict)

    def expect(self, holds: bool, sentence: str) -> bool:
        """Note ``sentence`` as a problem, once, unless ``holds``; returns ``holds``."""
        if not holds and sentence not in self.problems:
            self.problems.append(sentence)
        return bool(holds)

    def succeeds(self, doing: str, work: Callable[[], object]) -> bool:
        """Whether ``work()`` raises nothing; what it raises becomes a problem."""
        before = len(self.problems)
        with self.during(doing):
            work()
        return len(self.problems) == before

    @contextmanager
    def during(self, doing: str) -> Iterator[None]:
        """What is raised inside becomes a problem: ``doing`` says what was being done."""
        try:
            yield
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # code of others may exit, or panic in a library that is no Python
            self.expect(False, f"{doing} raised {one_line(error)}")

    def or_raise(self) -> None:
        """Raise ContractError where there is a problem."""
        if self.problems:
            raise ContractError(self.subject, self.problems)


def one_line(error: BaseException) -> str:
    """An error as its type, its message and its notes, in one line of at most 300 characters."""
    text = " ".join([f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ())])
    return text.replace("\n", " ")[:300]
