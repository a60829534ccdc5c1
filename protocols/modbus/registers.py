"""Reading registers (function codes 3 and 4): one question, one answer of exactly its length, or a remark.

Decides whether an answer is the answer. Must never accept one that is not exactly as long as the question, and never ask more
often than the budget says.

Source: MODBUS Application Protocol Specification V1.1b3, sections 6.3 and 6.4.
"""

from collections.abc import Generator
from dataclasses import dataclass, field

from protocols.modbus.dialogue import Refusal, Remark, refusal
from protocols.profile_form import Read

NO_SUCH_REGISTER = frozenset({Refusal.ILLEGAL_ADDRESS, Refusal.ILLEGAL_VALUE})

Registers = dict[int, bytes]  # address -> two bytes


@dataclass(slots=True)
class Asking:
    """What a dialogue may still spend, and what went wrong on the way.

    Attributes:
        max_requests: Budget, 1 or more.
        requests: Spent so far.
        refusal: The last exception code, or None.
        remarks: Deviations seen.
    """

    max_requests: int
    requests: int = 0
    refusal: int | None = None
    remarks: set[Remark] = field(default_factory=set)

    @property
    def over(self) -> bool:
        """Nothing more may be asked: the budget is spent, or the device was silent, wrong or unwilling."""
        unwilling = self.refusal is not None and self.refusal not in NO_SUCH_REGISTER
        return unwilling or bool(self.remarks) or self.requests >= self.max_requests


def ask(read: Read, base: int, asking: Asking) -> Generator[bytes, bytes, Registers]:
    """Spend one request; return the registers by their address from the base, none if they were not to be had."""
    asking.requests += 1
    answer = yield bytes((read.fc,)) + (base + read.addr).to_bytes(2, "big") + read.count.to_bytes(2, "big")
    if not answer:
        asking.remarks.add(Remark.SILENT)
    elif (code := refusal(answer, read.fc)) is not None:
        asking.refusal = code
    elif answer[:2] != bytes((read.fc, 2 * read.count)) or len(answer) != 2 + 2 * read.count:
        asking.remarks.add(Remark.UNRELATED)
    else:
        return {register: answer[2 + 2 * at : 4 + 2 * at] for at, register in enumerate(read.registers)}
    return {}
