"""Topics and names: what is built parses back, and nothing else parses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.topics import LEAVES, audience, issuer, parse_issuer, parse_topic, subscription, topic

IDS = st.from_regex(r"[a-z0-9-]{1,32}", fullmatch=True)
PREFIXES = st.sampled_from(["", "acme", "acme/", "acme/site-1"])


@given(PREFIXES, IDS, IDS, st.one_of(st.sampled_from(LEAVES), IDS.map("request/{}".format)))
def test_every_topic_parses_back(prefix: str, plant: str, gateway: str, leaf: str) -> None:
    text = topic(prefix, plant, gateway, leaf)
    assert parse_topic(text, prefix) == (plant, gateway, leaf)
    assert parse_topic(text + "/", prefix) is None and parse_topic("x/" + text, prefix) is None


@given(st.text(max_size=60))
def test_any_text_is_a_topic_of_ours_or_none(text: str) -> None:
    found = parse_topic(text)
    assert found is None or topic("", *found) == text


@given(IDS, IDS)
def test_every_issuer_parses_back(plant: str, gateway: str) -> None:
    assert parse_issuer(issuer(plant, gateway)) == (plant, gateway)


@pytest.mark.parametrize("name", ["", "A", "a/b", "+", "#", "a\n", "x" * 33, "ü", "a b", "$sys"])
def test_no_foreign_level_gets_into_a_topic_or_a_name(name: str) -> None:
    for build in (lambda: topic("", name, "g", "status"), lambda: topic("", "p", name, "status"), lambda: issuer("p", name)):
        with pytest.raises(ValueError):
            build()
    with pytest.raises(ValueError):
        audience(name)
    with pytest.raises(ValueError):
        topic("", "p", "g", name)


@pytest.mark.parametrize("prefix", ["+", "a/#", "$share/x", "a//b", "a\x00", "/a", "a b"])
def test_no_wildcard_gets_into_a_prefix(prefix: str) -> None:
    with pytest.raises(ValueError):
        subscription(prefix, "status")


def test_only_leaves_of_ours_are_subscribed_to() -> None:
    assert subscription("", "health") == "nameplated/v1/+/+/health"
    with pytest.raises(ValueError):
        subscription("", "#")


@pytest.mark.parametrize("text", ["", "urn:nameplated:a", "urn:nameplated:a:b:c", "urn:nameplated:a:b\n", "urn:isms:a"])
def test_another_name_is_no_issuer(text: str) -> None:
    assert parse_issuer(text) is None


def test_the_topics_of_a_gateway_are_those_that_the_publisher_needs() -> None:
    from dataclasses import fields

    from agent.publish.voice import Topics
    from evidence.topics import of_gateway

    found = of_gateway("acme", "werk-ulm", "gw-1")
    assert set(found) == {field.name for field in fields(Topics)}
    assert parse_topic(f"{found['request']}/status", "acme") == ("werk-ulm", "gw-1", "request/status")
