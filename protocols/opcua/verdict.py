"""The answer of a visit, from what it knows at its end. Pure.

Decides what a failure means for the operator and what the next visit should know. Never keeps a nameplate that was read by half.
"""

from asyncua.ua.uaerrors import UaStatusCodeError

from protocols.contract import Answer, Outcome
from protocols.errors import MalformedError, ReadError, RefusedError, UnreachableError, UntrustedError
from protocols.opcua import remedy
from protocols.opcua.identity import Identity, identify
from protocols.opcua.own import own_remarks
from protocols.opcua.plan import LOOK_FIRST
from protocols.opcua.progress import Progress, Protection


def succeeded(this: Progress) -> Answer:
    """A session was held, and everything was read that there was."""
    identity = _identity(this)
    return Answer(
        outcome=Outcome.IDENTIFIED if identity.facts else Outcome.ANONYMOUS,
        detail=identity.basis.value,
        facts=identity.facts,
        components=identity.components,
        children=identity.children,
        posture=this.posture,
        capabilities=this.discovery.capabilities,
        remarks=_remarks(this),
        learned=this.learned or (),
        ledger=this.meter.ledger(),
    )


def failed(this: Progress, error: ReadError) -> Answer:
    """A nameplate read by half would look like a change of the device: it is left out. What is whole is kept."""
    return Answer(
        outcome=error.outcome,
        detail=_with_remedy(this, error),
        components=_identity(this).components,
        posture=this.posture,
        capabilities=this.discovery.capabilities,
        remarks=_remarks(this),
        learned=_learned_from_failure(this, error),
        ledger=this.meter.ledger(),
    )


def _with_remedy(this: Progress, error: ReadError) -> str:
    """A server that refuses a protected channel most often does not trust us yet; one without a session still told its name."""
    if this.to_carry is not None and refuses_ours(this, error):
        settled = this.protection is Protection.STANDS or this.posture is not None
        return remedy.let_it_trust_us(str(error), this.to_carry, settled=settled)
    if isinstance(error, RefusedError) and not this.created and this.application.name:
        return f"{error}; it calls itself {this.application.name} ({this.application.uri})"
    return str(error)


def _learned_from_failure(this: Progress, error: ReadError) -> tuple[str, ...]:
    """What the next visit should know; nothing keeps what was known before."""
    if this.learned is not None:
        return this.learned
    match error:
        case RefusedError() | UntrustedError() | MalformedError():
            return this.learned_now or (LOOK_FIRST,)
        case _:
            return this.ask.learned


def refuses_ours(this: Progress, error: ReadError) -> bool:
    """Whether it may be our certificate that the server does not want: it says so, or does not open the channel."""
    says_so = isinstance(error, UntrustedError) and isinstance(error.__cause__, UaStatusCodeError)
    return says_so or in_question(this, error)


def in_question(this: Progress, error: ReadError) -> bool:
    """Whether a protected channel was asked for and does not stand: one of the two certificates is not the right one."""
    return this.protection is Protection.ASKED and not isinstance(error, UnreachableError)


def _remarks(this: Progress) -> tuple[str, ...]:
    """What was odd, about the server and about the certificate that it was shown."""
    remarks = set(this.discovery.remarks)
    if this.own is not None:
        remarks |= own_remarks(this.own.certificate, this.now)
        if this.following is not None and this.following is not this.own:
            remarks.add("own-next-certificate-not-accepted")
    return tuple(sorted(remarks))


def _identity(this: Progress) -> Identity:
    speaks_for_others = bool(this.application.gateway_uri) or this.discovery.servers > 1
    return identify(this.discovery.build, this.discovery.devices, speaks_for_others=speaks_for_others)
