"""A gateway at work, alone with its disk: `python -m tests.faults.workload DIRECTORY SEED STEPS FIRST`.

What it may promise at each moment it says on standard output, in the order in which it could promise it:
`A n` record n is on disk; `S epoch seq digest n` an envelope was handed over, -1 where it carries no number; `R epoch seq` a
receipt came. Whoever records its writes finds these lines in the same order.
"""

import os
import random
import sys
from pathlib import Path

from agent.publish.spool import Spool
from agent.publish.stated import claims_of
from buffer.outbox import Stored
from evidence import kinds
from evidence.claims import Receipt, Stream
from evidence.envelope import hash_text
from tests.faults.gateway import AUDIENCE, ISSUER, Place, moment, numbered, state

SMALL = 256 * 1024


def say(words: str) -> None:
    os.write(1, f"{words}\n".encode())


def number_of(parcel: Stored) -> int:
    body = kinds.decode_body(claims_of(parcel))
    return int(body.subject) if isinstance(body, kinds.Event) and body.name == "n" else -1


def hand_over(spool: Spool, after: int, chance: random.Random) -> tuple[int, Stored | None]:
    """Hand over some of what waits; return how far, and the last envelope."""
    last = None
    for parcel in spool.outbox.pending(after, limit=chance.randrange(1, 30)):
        assert isinstance(parcel, Stored)
        say(f"S {parcel.epoch} {parcel.seq} {parcel.digest.hex()} {number_of(parcel)}")
        after, last = parcel.position, parcel
    return after, last


def receipt_for(parcel: Stored) -> Receipt:
    head = hash_text(parcel.digest)
    return Receipt(v=1, iss=AUDIENCE, aud=ISSUER, stream=Stream.EVIDENCE, epoch=parcel.epoch, upto=parcel.seq, head=head, iat=1)


def main(directory: Path, seed: int, steps: int, *, first: int = 0) -> None:
    """Work on, from record number `first`."""
    place = Place(directory, journal_cap=SMALL, outbox_cap=4 * SMALL)
    chance, number, after = random.Random(seed), first, 0
    last: Stored | None = None
    with place.recorder() as recorder, place.spool(place.author) as spool:
        for step in range(steps):
            match chance.randrange(10):
                case 0 | 1 | 2 | 3 | 4:
                    count = chance.randrange(1, 4)
                    new = [numbered(number + n, f"a{chance.randrange(5)}", chance.randrange(1000)) for n in range(count)]
                    if recorder.record(new, [state(step)], moment(step)):
                        for n in range(count):
                            say(f"A {number + n}")
                        number += count
                case 5:
                    recorder.record([], [state(step)], moment(step), at_once=True)
                case 6 | 7:
                    spool.fold(moment(step))
                case 8:
                    after, found = hand_over(spool, after, chance)
                    last = found or last
                case 9 if last is not None:
                    say(f"R {last.epoch} {last.seq}")
                    spool.settle(receipt_for(last))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), first=int(sys.argv[4]))
