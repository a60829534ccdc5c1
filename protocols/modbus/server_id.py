"""Report server id (function code 17) as a dialogue without I/O: one question that only a profile may ask for.

Decides what of the answer is whole. The standard leaves the layout to the device (a server id of any length, a run indicator,
anything), so meaning comes from a profile alone. Never raises for what a device sends.

Source: MODBUS Application Protocol Specification V1.1b3, section 6.13.
"""

from dataclasses import dataclass

from protocols.modbus.dialogue import Dialogue, Remark, refusal

FUNCTION = 0x11


@dataclass(frozen=True, slots=True)
class ServerId:
    """What a device reported.

    Attributes:
        data: Everything behind the byte count; empty if it reported nothing.
        refusal: The exception code, or None.
        remarks: Deviations seen.
    """

    data: bytes
    refusal: int | None
    remarks: frozenset[Remark]


def report_server_id() -> Dialogue[ServerId]:
    r"""Ask once.

    >>> from protocols.modbus.dialogue import hold
    >>> hold(report_server_id(), lambda request: bytes.fromhex("1104faff4142")).data
    b'\xfa\xffAB'
    """
    answer = yield bytes((FUNCTION,))
    if not answer:
        return ServerId(b"", None, frozenset({Remark.SILENT}))
    if (code := refusal(answer, FUNCTION)) is not None:
        return ServerId(b"", code, frozenset())
    if answer[0] != FUNCTION or len(answer) < 2:
        return ServerId(b"", None, frozenset({Remark.UNRELATED}))
    counted, data = answer[1], answer[2:]  # devices miscount their own report: what came is what there is
    return ServerId(data, None, frozenset({Remark.MISCOUNTED} if counted != len(data) else ()))
