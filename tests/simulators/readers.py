"""A reader without a network: it implements the port that real readers implement, and notes how it was used."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field

from protocols.contract import Answer, Ask, Fact, Field, Ledger, Outcome

Answering = Callable[[Ask], Answer]


def identified(**values: str) -> Answer:
    """An answer with a nameplate."""
    facts = tuple(Fact(field=Field(name), value=value, source="test", raw=value.encode().hex()) for name, value in values.items())
    return Answer(outcome=Outcome.IDENTIFIED, detail="seen", facts=facts, ledger=Ledger(connections=1, requests={"43/14": 1}))


def failed(outcome: Outcome = Outcome.SILENT) -> Answer:
    """An answer without one."""
    return Answer(outcome=outcome, detail="no answer", ledger=Ledger(connections=1, requests={"43/14": 1}))


@dataclass
class SimulatedReader:
    """Answers as it is told; counts visits, and how many run side by side on one lane."""

    answering: Answering
    visit_s: float = 0.001
    visits: list[tuple[str, ...]] = field(default_factory=list)
    asked: list[Ask] = field(default_factory=list)
    under_way: list[str] = field(default_factory=list)
    most_on_a_lane: int = 0
    most_at_once: int = 0

    async def visit(self, asks: Sequence[Ask]) -> AsyncGenerator[Answer, None]:
        lane = asks[0].endpoint.lane
        self.under_way.append(lane)
        self.most_on_a_lane = max(self.most_on_a_lane, self.under_way.count(lane))
        self.most_at_once = max(self.most_at_once, len(self.under_way))
        self.visits.append(tuple(f"{ask.endpoint.host}/{ask.endpoint.unit}" for ask in asks))
        try:
            for ask in asks:
                self.asked.append(ask)
                await asyncio.sleep(self.visit_s)
                yield self.answering(ask)
        finally:
            self.under_way.remove(lane)
