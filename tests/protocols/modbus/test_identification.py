"""Device identification: one request where one does, never more than the budget, and any bytes become an answer."""

from collections.abc import Collection

from hypothesis import given
from hypothesis import strategies as st

from protocols.modbus.dialogue import Refusal, Remark, hold, refusal
from protocols.modbus.guard import check_pdu
from protocols.modbus.identification import MAX_VALUE_BYTES, Access, Identification, Learned, follow, identify

BASICS = ((0, b"ACME"), (1, b"P7"), (2, b"2.1"))
NO_STREAM = bytes((0xAB, Refusal.ILLEGAL_VALUE))


def page(
    *objects: tuple[int, bytes], conformity: int = 0x82, more: int = 0x00, next_id: int = 0, count: int | None = None
) -> bytes:
    body = b"".join(bytes((object_id, len(value))) + value for object_id, value in objects)
    return bytes((0x2B, 0x0E, 2, conformity, more, next_id, len(objects) if count is None else count)) + body


def read(*answers: bytes, learned: Collection[str] = (), max_requests: int = 6) -> tuple[Identification, list[bytes]]:
    asked: list[bytes] = []
    remaining = iter(answers)

    def exchange(request: bytes) -> bytes:
        asked.append(request)
        return next(remaining)

    return hold(identify(learned, max_requests=max_requests), exchange), asked


def test_regular_stream_with_basics_takes_one_request() -> None:
    result, asked = read(page(*BASICS, (5, b"P7-S")))
    assert result.objects == {0: b"ACME", 1: b"P7", 2: b"2.1", 5: b"P7-S"}
    assert asked == [bytes.fromhex("2b0e0200")] and result.learned == frozenset()


def test_basics_are_asked_for_when_the_regular_stream_leaves_them_out() -> None:
    result, asked = read(page((5, b"P7-S")), page(*BASICS))
    assert set(result.objects) == {0, 1, 2, 5}
    assert [request[2] for request in asked] == [Access.REGULAR, Access.BASIC]


def test_device_that_refuses_streams_is_asked_object_by_object_and_next_time_at_once() -> None:
    result, asked = read(NO_STREAM, bytes((0xAB, Refusal.ILLEGAL_ADDRESS)), *(page(item) for item in BASICS))
    assert set(result.objects) == {0, 1, 2} and len(asked) == 5
    assert result.learned == {Learned.INDIVIDUAL_ONLY}

    again, asked = read(*(page(item) for item in BASICS), learned=result.learned)
    assert again.objects == result.objects and len(asked) == 3
    assert again.learned == result.learned


def test_device_that_refuses_the_regular_stream_only_is_next_time_asked_for_the_basic_one() -> None:
    result, asked = read(NO_STREAM, page(*BASICS))
    assert len(asked) == 2 and result.learned == {Learned.BASIC_ONLY}

    again, asked = read(page(*BASICS), learned=result.learned)
    assert asked == [bytes.fromhex("2b0e0100")] and again.learned == result.learned


def test_a_lesson_that_no_longer_holds_is_forgotten() -> None:
    result, _ = read(NO_STREAM, NO_STREAM, NO_STREAM, learned=[Learned.INDIVIDUAL_ONLY])
    assert result.learned == frozenset()


def test_device_without_identification_is_not_asked_again() -> None:
    result, asked = read(bytes((0xAB, Refusal.ILLEGAL_FUNCTION)))
    assert result.objects == {} and result.refusal == Refusal.ILLEGAL_FUNCTION
    assert len(asked) == 1 and result.learned == {Learned.NO_IDENTIFICATION}


def test_busy_device_is_left_alone() -> None:
    result, asked = read(bytes((0xAB, 0x06)))
    assert result.refusal == 0x06 and len(asked) == 1 and result.learned == frozenset()


def test_pages_are_followed_to_the_end() -> None:
    result, asked = read(page(*BASICS, more=0xFF, next_id=4), page((4, b"Press")))
    assert result.objects[4] == b"Press" and not result.remarks
    assert [request[3] for request in asked] == [0, 4]


def test_endless_more_follows_ends_after_the_page_that_brings_nothing_new() -> None:
    same = page(*BASICS, more=0xFF, next_id=1)
    result, asked = read(same, same)
    assert Remark.LOOPED in result.remarks and len(asked) == 2


def test_stream_that_goes_back_ends_even_if_it_brings_something_new() -> None:
    result, asked = read(page(*BASICS, more=0xFF, next_id=3), page((3, b"url"), more=0xFF, next_id=3))
    assert Remark.LOOPED in result.remarks and len(asked) == 2


def test_device_that_falls_silent_is_left_alone_and_what_it_said_is_kept() -> None:
    result, asked = read(page((0, b"ACME"), more=0xFF, next_id=1), b"")
    assert result.objects == {0: b"ACME"} and Remark.SILENT in result.remarks
    assert len(asked) == 2


def test_answer_to_another_question_ends_the_dialogue() -> None:
    result, asked = read(bytes.fromhex("030441420000"))
    assert result.objects == {} and Remark.UNRELATED in result.remarks and len(asked) == 1


def test_malformed_exception_is_no_refusal() -> None:
    result, _ = read(bytes.fromhex("ab0100"))
    assert result.refusal is None and Remark.UNRELATED in result.remarks


def test_truncated_object_is_left_out_and_the_whole_ones_are_kept() -> None:
    result, _ = read(page(*BASICS, (5, b"P7-S"))[:-1])
    assert set(result.objects) == {0, 1, 2} and {Remark.TRUNCATED, Remark.MISCOUNTED} <= result.remarks


def test_a_lone_byte_behind_the_objects_is_remarked() -> None:
    result, _ = read(page(*BASICS) + b"\x07")
    assert set(result.objects) == {0, 1, 2} and result.remarks == {Remark.TRUNCATED}


def test_wrong_count_is_remarked_and_the_bytes_decide() -> None:
    result, _ = read(page(*BASICS, count=2))
    assert set(result.objects) == {0, 1, 2} and result.remarks == {Remark.MISCOUNTED}


def test_the_first_word_about_an_object_counts() -> None:
    result, _ = read(page(*BASICS, (0, b"EVIL")))
    assert result.objects[0] == b"ACME"


def test_more_than_a_whole_identity_is_not_kept() -> None:
    many = [page(*((64 * part + at, b"") for at in range(64)), more=0xFF, next_id=64 * part + 64) for part in range(2)]
    result, _ = read(*many)
    assert len(result.objects) == 64 and Remark.OVERSIZED in result.remarks


def test_a_conformity_level_that_there_is_not_is_remarked_and_the_objects_count() -> None:
    result, _ = read(page(*BASICS, conformity=0x07))
    assert set(result.objects) == {0, 1, 2} and result.remarks == {Remark.UNKNOWN_CONFORMITY}


def followed(*answers: bytes, access: int, first: int = 0, objects: Collection[int] = ()) -> tuple[Identification, list[bytes]]:
    asked: list[bytes] = []
    remaining = iter(answers)

    def exchange(request: bytes) -> bytes:
        asked.append(request)
        return next(remaining)

    return hold(follow(access, first, objects), exchange), asked


def test_a_profile_may_ask_for_the_stream_that_a_few_drives_number_from_0() -> None:
    result, asked = followed(page(*BASICS), access=0)
    assert asked == [bytes.fromhex("2b0e0000")] and set(result.objects) == {0, 1, 2}


def test_a_profile_may_begin_a_stream_in_the_private_objects_and_follow_it() -> None:
    first, second = page((0x87, b"\2"), more=0xFF, next_id=0x88), page((0x88, b"1=a"), (0x89, b"1=b"))
    result, asked = followed(first, second, access=3, first=0x87)
    assert asked == [bytes.fromhex("2b0e0387"), bytes.fromhex("2b0e0388")] and set(result.objects) == {0x87, 0x88, 0x89}


def test_a_profile_may_ask_for_single_objects_and_goes_on_past_a_missing_one() -> None:
    result, asked = followed(page((0, b"A")), bytes((0xAB, 2)), page((4, b"B")), access=4, objects=(0, 1, 4))
    assert [request[3] for request in asked] == [0, 1, 4] and set(result.objects) == {0, 4}


def test_single_objects_of_a_busy_device_are_left() -> None:
    _, asked = followed(bytes((0xAB, 6)), access=4, objects=(0, 1, 4))
    assert len(asked) == 1


def test_refusal_reads_the_exception_of_its_own_function_only() -> None:
    assert refusal(bytes.fromhex("ab02"), 0x2B) == 2 and refusal(bytes.fromhex("8302"), 0x2B) is None


ANSWER = st.one_of(st.binary(max_size=260), st.binary(max_size=250).map(lambda tail: b"\x2b\x0e" + tail))


@given(st.lists(ANSWER, min_size=6, max_size=6), st.sets(st.sampled_from(Learned)), st.integers(1, 6))
def test_any_bytes_become_an_identification_within_the_budget(answers: list[bytes], learned: set[str], budget: int) -> None:
    result, asked = read(*answers, learned=learned, max_requests=budget)
    assert result.requests == len(asked) <= budget
    assert sum(map(len, result.objects.values())) <= MAX_VALUE_BYTES
    for request in asked:
        check_pdu(request)
