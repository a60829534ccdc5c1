"""The plan of a visit: look before a first session, ask a known server less, and never a session with a stranger."""

from dataclasses import replace

import pytest

from protocols.contract import Ask, Endpoint, OfferedEndpoint, Security, Transport
from protocols.opcua.plan import Plan, learned_from, plan, remembered, strongest_policy
from protocols.opcua.posture import Application

SECURE = Security.SIGN_AND_ENCRYPT


def ask(security: Security, *learned: str) -> Ask:
    return Ask(endpoint=Endpoint(transport=Transport.OPC_UA, host="192.0.2.1", port=4840), security=security, learned=learned)


def offered(*ways: tuple[str, str]) -> list[OfferedEndpoint]:
    return [OfferedEndpoint(url="opc.tcp://x", policy=policy, mode=mode, user_tokens=()) for policy, mode in ways]


@pytest.mark.parametrize(
    ("what", "pinned", "expected"),
    [
        (ask(Security.NONE), False, Plan(policy="None", look=True, session=True)),
        (ask(Security.NONE, "open-session"), False, Plan(policy="None", look=False, session=True)),
        (ask(SECURE), False, Plan(policy="None", look=True, session=False)),
        (ask(SECURE, "policy=Basic256Sha256"), False, Plan(policy="None", look=True, session=False)),
        (ask(SECURE), True, Plan(policy="Basic256Sha256", look=False, session=True)),
        (ask(SECURE, "policy=Aes256_Sha256_RsaPss"), True, Plan(policy="Aes256_Sha256_RsaPss", look=False, session=True)),
        (ask(Security.NONE, "look-first"), False, Plan(policy="None", look=True, session=True)),
        (ask(SECURE, "look-first"), True, Plan(policy="Basic256Sha256", look=False, session=True)),
        (ask(SECURE, "open-session"), True, Plan(policy="Basic256Sha256", look=False, session=True)),
    ],
)
def test_steps_follow_from_security_pin_and_what_was_learned(what: Ask, pinned: bool, expected: Plan) -> None:
    assert plan(what, pinned=pinned) == expected


@pytest.mark.parametrize("learned", ["policy=None", "policy=Basic128Rsa15", "policy=Basic256", "policy=", "nonsense"])
def test_learned_word_can_never_weaken_the_channel(learned: str) -> None:
    assert plan(ask(SECURE, learned), pinned=True).policy == "Basic256Sha256"


def test_strongest_policy_of_the_wanted_mode_is_taken() -> None:
    ways = offered(
        ("None", "none"),
        ("Basic256Sha256", "sign-and-encrypt"),
        ("Aes256_Sha256_RsaPss", "sign"),
        ("Basic256", "sign-and-encrypt"),
    )
    assert strongest_policy(ways, ask(SECURE)) == "Basic256Sha256"
    assert strongest_policy(ways, ask(Security.SIGN)) == "Aes256_Sha256_RsaPss"
    assert strongest_policy(ways, ask(Security.NONE)) == "None"


def test_deprecated_policies_alone_are_nothing_to_connect_with() -> None:
    ways = offered(("Basic256", "sign-and-encrypt"), ("None", "none"))
    assert strongest_policy(ways, ask(SECURE)) is None
    assert strongest_policy(ways, replace(ask(SECURE), deprecated_policies=True)) == "Basic256"


def test_deprecated_policy_is_the_last_choice_even_where_it_is_allowed() -> None:
    tolerant = replace(ask(SECURE), deprecated_policies=True)
    ways = offered(("Basic256", "sign-and-encrypt"), ("Aes128_Sha256_RsaOaep", "sign-and-encrypt"))
    assert strongest_policy(ways, tolerant) == "Aes128_Sha256_RsaOaep"
    assert plan(replace(tolerant, learned=("policy=Basic256",)), pinned=True).policy == "Basic256"


def test_next_visit_learns_the_policy_or_that_a_session_is_open_to_all() -> None:
    ways = offered(("None", "none"), ("Aes128_Sha256_RsaOaep", "sign-and-encrypt"))
    assert learned_from(ways, Application(), ask(SECURE)) == ("policy=Aes128_Sha256_RsaOaep",)
    assert learned_from(ways, Application(), ask(Security.NONE)) == ("open-session",)
    assert learned_from(ways, Application(), ask(Security.SIGN)) == ()


def test_name_of_the_server_is_remembered_and_never_taken_for_a_policy() -> None:
    told = Application(name="policy=None", uri="urn:plc", product_uri="")
    learned = learned_from(offered(("None", "none"), ("Basic256Sha256", "sign-and-encrypt")), told, ask(SECURE))
    assert remembered(learned) == told
    assert plan(ask(SECURE, *learned), pinned=True).policy == "Basic256Sha256"
    assert remembered(("open-session",)) == Application()
