"""From asyncua's structures to plain data: what is not what the standard says it is, is as if it were not there."""

from typing import Any

import pytest
from asyncua import ua

from protocols.opcua import decode
from protocols.opcua.identity import Value


def data(value: Any, kind: ua.VariantType | None = None, status: int = 0) -> ua.DataValue:
    return ua.DataValue(ua.Variant(value, kind) if kind else ua.Variant(value), StatusCode=ua.StatusCode(status))


def test_string_and_localised_text_are_read_with_their_bytes() -> None:
    assert decode.value_of(data("P7\x07é"), "i=1") == Value(text="P7é", raw="503707c3a9", source="i=1")
    assert decode.value_of(data(ua.LocalizedText("ACME", "de")), "i=1") == Value(text="ACME", raw="41434d45", source="i=1")


def test_bytes_that_are_no_utf8_come_back_as_they_were_sent() -> None:
    value = decode.value_of(data(b"T\xe9l\xe9".decode("utf-8", "surrogateescape")), "i=1")
    assert value == Value(text="Télé", raw="54e96ce9", source="i=1")


@pytest.mark.parametrize(
    "answer",
    [
        None,
        data(""),
        data(None),
        data(7),
        data(["a", "b"]),
        data(b"raw"),
        data("x", status=0x80340000),
        data(ua.QualifiedName("q", 1)),
        ua.DataValue(),
    ],
)
def test_anything_else_is_no_value(answer: Any) -> None:
    assert decode.value_of(answer, "i=1") is None


def test_evidence_is_bounded() -> None:
    value = decode.value_of(data("x" * 100_000), "i=1")
    assert value is not None and (len(value.text), len(value.raw)) == (256, 2048)


def test_numbers_and_arrays_of_strings_are_read_strictly() -> None:
    assert decode.number_of(data(3)) == 3
    assert decode.number_of(data(True)) is None and decode.number_of(data("3")) is None
    assert decode.strings_of(data(["a", None, "c"], ua.VariantType.String)) == ("a", "", "c")
    assert decode.strings_of(data("abc")) == () and decode.strings_of(None) == ()
    assert len(decode.strings_of(data(["a"] * 9999))) == decode.MAX_ARRAY


@pytest.mark.parametrize(("value", "text"), [(2021, "2021"), (0, None), (65535, None), ("2021", None), (True, None)])
def test_year_is_one_that_a_machine_can_have_been_built_in(value: Any, text: str | None) -> None:
    found = decode.year_of(data(value), "i=1")
    assert (found.text if found else None) == text


def test_number_that_a_later_standard_gives_a_name_is_kept_as_unknown() -> None:
    assert (ua.MessageSecurityMode(77).name, int(ua.UserTokenType(99))) == ("Unknown_77", 99)
    way = ua.EndpointDescription(EndpointUrl="opc.tcp://plc", SecurityMode=ua.MessageSecurityMode(77))
    assert decode.offers([way])[0].mode == "invalid"


def test_discovery_server_is_known_by_its_type() -> None:
    told = ua.ApplicationDescription(ApplicationUri="urn:lds", ApplicationType=ua.ApplicationType.DiscoveryServer)
    assert decode.described(told).discovers and not decode.described(ua.ApplicationDescription()).discovers


def test_endpoint_of_empty_fields_is_described_and_other_transports_are_left_out() -> None:
    https = ua.EndpointDescription(EndpointUrl="https://plc:443")
    empty = ua.EndpointDescription(EndpointUrl="opc.tcp://plc:4840", UserIdentityTokens=None)
    [offer] = decode.offers([https, empty, ua.EndpointDescription()])
    assert (offer.policy, offer.mode, offer.tokens, offer.certificate) == ("", "invalid", (), b"")
    assert decode.offers([]) == () and decode.application([]).uri == ""


def test_number_of_endpoints_and_tokens_is_bounded() -> None:
    endpoint = ua.EndpointDescription(EndpointUrl="opc.tcp://plc:4840", UserIdentityTokens=[ua.UserTokenPolicy()] * 50)
    offers = decode.offers([endpoint] * 500)
    assert len(offers) == decode.MAX_ENDPOINTS and len(offers[0].tokens) == decode.MAX_TOKENS


def test_token_without_a_policy_has_that_of_its_endpoint() -> None:
    token = ua.UserTokenPolicy(TokenType=ua.UserTokenType.UserName, PolicyId="u")
    endpoint = ua.EndpointDescription(
        EndpointUrl="opc.tcp://plc:4840",
        SecurityPolicyUri="http://opcfoundation.org/UA/SecurityPolicy#Basic256",
        SecurityMode=ua.MessageSecurityMode.Sign,
        UserIdentityTokens=[token],
    )
    [offer] = decode.offers([endpoint])
    assert (offer.tokens[0].kind, offer.tokens[0].policy) == ("username", "Basic256")
