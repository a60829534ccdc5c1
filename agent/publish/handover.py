"""Handing the chain over to the next key.

Decides the order: the record first, durably, in which the old key names the new one; then everything else. Must never sign with the new
key before that record is written, or the chain would end in a record that nobody can place.
"""

from dataclasses import replace

from agent.core.moment import Moment
from agent.log import line, logger
from agent.publish.fold import Author, Chain
from agent.publish.spool import Spool
from buffer.errors import SpoolFullError
from evidence.keys import Signer
from evidence.kinds import KeyRotate
from evidence.rotation import offer

_log = logger("publish")


def hand_over(spool: Spool, author: Author, heir: Signer, now: Moment) -> Author:
    """Write the last record of the old key; return who signs from now on. Durable on return.

    A chain that has no end yet, because a damaged outbox is being saved, is not handed over: the old author comes back, and the next
    start tries again. The same if there is no room that could be made: only delivery makes some then, and it must not wait for a key.

    Raises:
        OSError: The disk failed. Nothing has changed.
    """
    if spool.chain.seq < 0:
        return author

    def body(chain: Chain) -> KeyRotate:
        return offer(heir, iss=author.issuer, epoch=chain.epoch, seq=chain.seq + 1, old_kid=author.signer.kid)

    after = replace(author, signer=heir)
    try:
        spool.rotate(after, body, now)
    except SpoolFullError as error:
        _log.warning(line("key.rotation-waits", old=author.signer.kid, new=heir.kid, why=str(error)))
        return author
    _log.info(line("key.rotated", old=author.signer.kid, new=heir.kid, seq=spool.chain.seq))
    return after
