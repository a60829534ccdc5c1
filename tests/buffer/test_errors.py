"""Errors that say what happens next."""

import pytest

from buffer.errors import SpoolBusyError, SpoolDamagedError, SpoolError, SpoolFullError, SpoolNewerError


def test_the_abstract_error_cannot_be_raised() -> None:
    with pytest.raises(TypeError, match="abstract"):
        raise SpoolError("something")


@pytest.mark.parametrize("kind", [SpoolFullError, SpoolBusyError, SpoolDamagedError, SpoolNewerError])
def test_every_other_error_is_a_spool_error_and_keeps_its_sentence(kind: type[SpoolError]) -> None:
    assert isinstance(kind("no room"), SpoolError) and str(kind("no room")) == "no room"
