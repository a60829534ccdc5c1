"""Every encoding that devices keep their nameplates in, and no bytes that could break one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.encoding import DIVISORS, Encoding, Kind, Order, decode, in_order, problems

CASES: list[tuple[Encoding, str, str]] = [
    (Encoding(kind=Kind.TEXT), "41420000", "AB"),
    (Encoding(kind=Kind.TEXT), "ffffffff", ""),
    (Encoding(kind=Kind.TEXT), "414200ff4142", "AB"),
    (Encoding(kind=Kind.TEXT), "00004142", "AB"),
    (Encoding(kind=Kind.TEXT), "20204142", "AB"),
    (Encoding(kind=Kind.TEXT, order=Order.BADC), "42414443", "ABCD"),
    (Encoding(kind=Kind.TEXT, part="2"), b"1=SUN;2=V1 ;3=x".hex(), "V1"),
    (Encoding(kind=Kind.TEXT, part="9"), b"1=SUN;2=V1".hex(), ""),
    (Encoding(kind=Kind.SPARSE), "00530046", "SF"),
    (Encoding(kind=Kind.SPARSE), "0053000000ff0041", "S"),
    (Encoding(kind=Kind.UTF16), "005400e90000", "T\u00e9"),
    (Encoding(kind=Kind.UTF16), "d8000041", "A"),
    (Encoding(kind=Kind.NUMBER), "00010000", "65536"),
    (Encoding(kind=Kind.NUMBER, order=Order.CDAB), "00010000", "1"),
    (Encoding(kind=Kind.NUMBER, order=Order.DCBA), "00010000", "256"),
    (Encoding(kind=Kind.NUMBER), "0000000100000000", "4294967296"),
    (Encoding(kind=Kind.NUMBER, divisor=100), "00cb", "2.03"),
    (Encoding(kind=Kind.NUMBER, divisor=10), "000a", "1.0"),
    (Encoding(kind=Kind.NUMBER, absent=("ffffffff",)), "ffffffff", ""),
    (Encoding(kind=Kind.FLOAT), "400b851f", "2.18"),
    (Encoding(kind=Kind.FLOAT, order=Order.CDAB), "851f400b", "2.18"),
    (Encoding(kind=Kind.FLOAT), "4001700a3d70a3d7", "2.17971"),
    (Encoding(kind=Kind.FLOAT), "7fc00000", ""),
    (Encoding(kind=Kind.FLOAT), "ff800000", ""),
    (Encoding(kind=Kind.FLOAT), "400b", ""),
    (Encoding(kind=Kind.BCD), "20230517", "20230517"),
    (Encoding(kind=Kind.BCD), "2023051a", ""),
    (Encoding(kind=Kind.HEX), "22031a34", "22031a34"),
    (Encoding(), "0001000a", "1.10"),
    (Encoding(format="{1:04x}/{0:02d}"), "0005beef", "beef/05"),
    (Encoding(format="{0:c}"), "d800", "?"),
    (Encoding(kind=Kind.BYTES, format="{0:c}{1}.{2}.{3}"), "56030102", "V3.1.2"),
    (Encoding(kind=Kind.BYTES, format="{0:c}{1}.{2}.{3}"), "1b030102", "3.1.2"),
    (Encoding(kind=Kind.NIBBLES, format="{0}.{1}.{2:x}{3:x}"), "1203", "1.2.03"),
    (Encoding(names={"57": "EM21"}), "0039", "EM21"),
    (Encoding(names={"57": "EM21"}), "003a", "58"),
    (Encoding(kind=Kind.TEXT), "", ""),
]  # fmt: skip


@pytest.mark.parametrize(("encoding", "raw", "text"), CASES, ids=[f"{case[0].kind} {case[1][:16]}" for case in CASES])
def test_bytes_become_text(encoding: Encoding, raw: str, text: str) -> None:
    assert decode(bytes.fromhex(raw), encoding) == text


@pytest.mark.parametrize("kind", [Kind.TEXT, Kind.SPARSE, Kind.UTF16, Kind.BCD, Kind.HEX, Kind.WORDS, Kind.BYTES, Kind.NIBBLES])
def test_no_value_is_longer_than_a_nameplate_field(kind: Kind) -> None:
    assert 0 < len(decode(b"\x41" * 1000, Encoding(kind=kind))) <= 256


@given(st.binary(min_size=2, max_size=8).filter(lambda raw: len(raw) % 2 == 0), st.sampled_from(Order))
def test_every_order_undoes_itself(raw: bytes, order: Order) -> None:
    assert in_order(in_order(raw, order), order) == raw


ENCODINGS = st.builds(
    Encoding,
    kind=st.sampled_from(Kind),
    order=st.sampled_from(Order),
    format=st.one_of(
        st.just(""), st.from_regex(r"[a-z.]{0,3}\{[0-9]{1,2}(:[0-9]{0,2}[cdxX])?\}", fullmatch=True), st.text(max_size=12)
    ),
    divisor=st.sampled_from(DIVISORS),
    part=st.sampled_from(("", "1")),
)


@given(ENCODINGS, st.binary(max_size=250), st.booleans())
def test_any_bytes_under_any_sound_encoding_become_clean_text(encoding: Encoding, raw: bytes, fixed: bool) -> None:
    if list(problems(encoding, len(raw) if fixed else None)):
        return
    text = decode(raw, encoding)
    assert len(text) <= 256 and text == text.strip() and text.isprintable()
