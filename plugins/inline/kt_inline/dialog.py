"""The questions of an agent in place of the prompt: one is shown, the others are counted."""

from kt.events import QuestionAsked
from kt_chat.changes import Change
from kt_chat.inert import inert, one_line
from kt_chat.titles import title_of

SHOWN = 16
"""Lines of what a call would do that stand above its choices."""


APPROVAL = "a number, or enter for the marked one; words are a no with a reason"


class Dialog:
    """The question that is to be answered next, which of its choices is `chosen`, and what is proposed."""

    def __init__(self, question: QuestionAsked, waiting: list[QuestionAsked], changes: list[Change]) -> None:
        self.question, self.waiting, self.changes = question, waiting, changes
        self.chosen = 0

    def move(self, by: int) -> None:
        if self.question.choices:
            self.chosen = (self.chosen + by) % len(self.question.choices)

    def answer(self, typed: str) -> str | None:
        """Return what Enter means: what was typed, else the choice; None where there is nothing to answer with."""
        if typed.strip():
            return typed.strip()
        return self.question.choices[self.chosen] if self.question.choices else None

    @property
    def no(self) -> str:
        """Return what Esc means: the last choice, which is a no, or no answer at all."""
        return self.question.choices[-1] if self.question.choices else ""

    def rows(self, width: int) -> list[tuple[str, str]]:
        """Return the styled lines of the dialog, without the line that is typed into."""
        question = self.question
        rows = [("class:question", line) for line in _wrapped(inert(question.text), width)]
        rows += self._proposed(width)
        for number, choice in enumerate(question.choices, 1):
            style = "class:chosen" if number - 1 == self.chosen else ""
            mark = ">" if number - 1 == self.chosen else " "
            rows.append((style, f"{mark} {number}. {one_line(choice, width - 6)}"))
        hint = (
            "a number, or enter for the marked one; words are a no with a reason"
            if question.topic == "approval"
            else "type an answer"
        )
        if others := len(self.waiting) - 1:
            names = "; ".join(one_line(q.text, 60) for q in self.waiting[1:3])
            rows.append(("class:hint", one_line(f"{others} more wait: {names}", width - 1)))
        return [*rows, ("class:hint", one_line(hint, width - 1))]

    def _proposed(self, width: int) -> list[tuple[str, str]]:
        """Return what would be done: the lines of a diff, or the arguments of the call."""
        rows: list[tuple[str, str]] = []
        for change in self.changes:
            rows.append(("", one_line(f"  {change.verb} {change.path} +{change.added} -{change.removed}", width - 1)))
            styles = {"+": "class:added", "-": "class:removed"}
            for row in change.rows:
                text = f"  {row.number or '':>5} {row.mark} {inert(row.text).expandtabs(4)}"
                rows.append((styles.get(row.mark, ""), text[: width - 1]))
        if not rows and isinstance(self.question.data, dict):
            for name, value in self.question.data.items():
                text = value if isinstance(value, str) else title_of("", {name: value})
                lines = _wrapped(inert(text), width - 6 - len(name))
                rows += [
                    ("", f"  {name + ':' if not at else ' ' * (len(name) + 1)} {line}") for at, line in enumerate(lines)
                ]
        if len(rows) > SHOWN:
            left = len(rows) - SHOWN
            return [*rows[:SHOWN], ("class:hint", f"  ... {left} more lines (ctrl-o shows them)")]
        return rows


def _wrapped(text: str, width: int) -> list[str]:
    width = max(width - 1, 10)
    return [line[at : at + width] for line in text.splitlines() for at in range(0, max(len(line), 1), width)]
