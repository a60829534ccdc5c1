"""What answers amount to: facts with their evidence, or the one outcome that names why there are none."""

import pytest

from protocols.contract import Field, Outcome
from protocols.errors import MalformedError, RefusedError, SilentError
from protocols.modbus.dialogue import Remark
from protocols.modbus.identification import Identification, Learned
from protocols.modbus.meaning import Seen
from protocols.modbus.nameplate import from_identification, from_profile
from protocols.modbus.readout import Readout
from protocols.profile import bundled

NOTHING: frozenset[Remark] = frozenset()


def found(
    objects: dict[int, bytes] | None = None, *, refusal: int | None = None, remarks: frozenset[Remark] = NOTHING
) -> Identification:
    return Identification(objects or {}, 0x82, refusal, remarks, frozenset({Learned.BASIC_ONLY}), 1)


def test_objects_become_the_fields_that_they_mean_and_no_other() -> None:
    answer = from_identification(found({number: f"v{number}".encode() for number in (0, 1, 2, 3, 4, 5, 6, 0x80)}), None)
    assert {fact.source[-2:]: fact.field for fact in answer.facts} == {
        "00": Field.MANUFACTURER_NAME,
        "01": Field.ORDER_CODE_OF_MANUFACTURER,
        "02": Field.FIRMWARE_VERSION,
        "04": Field.MANUFACTURER_PRODUCT_DESIGNATION,
        "05": Field.MANUFACTURER_PRODUCT_TYPE,
    }
    assert answer.learned == ("basic-only",)


def test_one_fact_is_an_identity_even_if_the_device_failed_later() -> None:
    answer = from_identification(found({0: b"ACME"}, remarks=frozenset({Remark.SILENT})), SilentError("No answer."))
    assert answer.outcome is Outcome.IDENTIFIED and answer.detail.endswith("Then it failed: No answer.")


@pytest.mark.parametrize("failure", [SilentError("a."), RefusedError("b."), MalformedError("c.")])
def test_a_failure_without_facts_is_the_outcome(failure: SilentError | RefusedError | MalformedError) -> None:
    answer = from_identification(found(), failure)
    assert (answer.outcome, answer.detail, answer.facts) == (failure.outcome, str(failure), ())


@pytest.mark.parametrize(
    ("refusal", "outcome"),
    [
        (None, "anonymous"),
        (1, "anonymous"),
        (2, "anonymous"),
        (3, "anonymous"),
        (4, "refused"),
        (6, "refused"),
        (10, "refused"),
        (11, "silent"),
    ],
)
def test_each_exception_code_has_its_outcome(refusal: int | None, outcome: str) -> None:
    assert from_identification(found(refusal=refusal), None).outcome == outcome
    assert from_profile(bundled()["wago-750"], Readout(seen=Seen(), matched=False, refusal=refusal), None).outcome == outcome


def test_an_answer_to_another_question_is_malformed_and_says_so() -> None:
    answer = from_identification(found(remarks=frozenset({Remark.UNRELATED})), None)
    assert answer.outcome is Outcome.MALFORMED and Remark.UNRELATED in answer.detail


def test_a_long_identity_does_not_make_a_long_sentence() -> None:
    answer = from_identification(found(dict.fromkeys(range(6), b"x" * 244)), None)
    assert len(answer.detail) < 250
