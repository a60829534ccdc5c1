"""The whole line against a list: whatever is done to a gateway, in whatever order, nothing goes without a word.

Written, folded, handed over, receipted, refused, stopped, killed, filled, trimmed, damaged: at the end everything is delivered, every
record that was promised has arrived or is confessed, no place of a chain was used twice, and the ISMS's own verifier finds the
chain sound. Without damage and without a full disk nothing may be missing at all.
"""

import random
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agent.collect.recorder import Recorder
from agent.core.moment import Moment
from agent.publish.spool import Spool
from buffer.errors import SpoolDamagedError, SpoolFullError
from buffer.journal import went_back
from buffer.limits import most_bytes
from buffer.outbox import Outbox, Stored
from buffer.watermark import Watermark, read_watermark
from evidence.keys import public_from_jwk
from evidence.kinds import GapReason
from evidence.trust import Registry
from isms.verify import Auditor
from tests.effort import examples
from tests.faults.gateway import AGENT, ISSUER, Place, Receiver, deliver, epoch, moment, numbered, state
from tests.faults.rot import damaged

JOURNAL_CAP = 96 * 1024
OUTBOX_CAP = 192 * 1024
LARGE = 2500
VICTIMS = [
    "publish/outbox.db",
    "publish/outbox.db-wal",
    "publish/outbox.db.end",
    "collect/journal.db",
    "collect/journal.db-journal",
    "watermark",
]


class LineModel(RuleBasedStateMachine):
    """`self.promised` is the model: the numbers that are durably on record."""

    def __init__(self) -> None:
        super().__init__()
        self.base = tempfile.TemporaryDirectory()
        self.lives = self.epochs = self.up_s = self.number = 0
        self.place = Place(Path(self.base.name) / "0", journal_cap=JOURNAL_CAP, outbox_cap=OUTBOX_CAP)
        self.place.directory.mkdir()
        self.author = self.place.author
        self.receiver = Receiver()
        self.held: set[int] = set()
        self.promised: set[int] = set()
        self.damage_done = self.shed = False
        self.earlier = b""
        self.earlier_journal = b""
        self.earlier_name: tuple[str, int] = ("", 0)

    @initialize()
    def begin(self) -> None:
        self._start()

    # What a gateway does

    @rule(count=st.integers(1, 12), padding=st.sampled_from([0, 300, LARGE]))
    def write(self, count: int, padding: int) -> None:
        new = range(self.number, self.number + count)
        self.number += count
        self.held.update(new)
        drafts = [numbered(number, f"a{number % 4}", padding) for number in new]
        self._is_on_disk(self.recorder.record(drafts, [state(self.number)], self._now()))

    @rule()
    def fold(self) -> None:
        self._publish(lambda spool: spool.fold(self._now()))

    @rule(limit=st.integers(1, 40))
    def hand_over(self, limit: int) -> None:
        self._publish(lambda spool: deliver(spool, self.receiver, limit=limit, now=self._now()))

    @rule()
    def receipt(self) -> None:
        receipt = self.receiver.receipt()
        if receipt is not None:
            self._publish(lambda spool: spool.settle(receipt))

    @rule(which=st.integers(0, 30))
    def refuse(self, which: int) -> None:
        def give_up(spool: Spool) -> None:
            waiting = [parcel for parcel in spool.outbox.pending(0, limit=which + 1) if isinstance(parcel, Stored)]
            if waiting and waiting[-1].kind == "event/1":
                spool.give_up(waiting[-1], GapReason.QUARANTINE, self._now())

        self._publish(give_up)

    @rule(hours=st.integers(1, 50))
    def wait_and_trim(self, hours: int) -> None:
        self.up_s += hours * 3600
        self.recorder.tick(self._now())
        self._is_on_disk(not self.recorder.waiting)

    @rule(count=st.integers(40, 80))
    def write_while_nobody_folds(self, count: int) -> None:
        for _ in range(count):
            self.write(1, LARGE)
        rows = self.recorder._journal._store.rows("SELECT count(*), max(seq) - min(seq) + 1, min(seq) FROM record")
        mark = read_watermark(self.place.watermark)
        self.shed = self.shed or rows[0][0] != rows[0][1] or rows[0][2] > (mark.seq if mark else 0) + 1

    # What happens to it

    @rule()
    def stop_and_start(self) -> None:
        self.recorder.close(self._now())
        self._is_on_disk(not self.recorder.waiting)
        self.outbox.close()
        self._start()

    @rule(publish=st.booleans(), collect=st.booleans())
    def be_killed(self, publish: bool, collect: bool) -> None:
        """Go on with the files as a kill leaves them: copied while both are open, perhaps in the midst of a transaction."""
        journal, outbox = self.recorder._journal._store, self.outbox._store
        if collect:
            journal.run("PRAGMA cache_size = 1")  # then a part of it is in the file, and a rollback journal beside it
            journal.run("BEGIN IMMEDIATE")
            journal.run("DELETE FROM record")
        if publish:
            outbox.run("BEGIN IMMEDIATE")
            outbox.run("DELETE FROM parcel")
        self._move(lambda: None)

    @precondition(lambda self: self.earlier)
    @rule()
    def outbox_is_put_back_from_a_copy(self) -> None:
        self._move(lambda: self._replace(self.place.outbox, self.earlier))

    @rule()
    def copy_is_made(self) -> None:
        self.outbox.close()
        self.earlier = self.place.outbox.read_bytes()
        journal = self.recorder._journal
        self.earlier_journal, self.earlier_name = self.place.journal.read_bytes(), (journal.id, journal.last_seq)
        self._move(lambda: None)

    @rule()
    def journal_is_put_back_from_a_copy(self) -> None:
        """Noticed by its watermark. Of records that nobody had folded yet nobody knows then: none may wait."""
        mark, journal = read_watermark(self.place.watermark), self.recorder._journal
        if went_back(mark, *self.earlier_name) and mark == Watermark(journal_id=journal.id, seq=journal.last_seq):
            self._move(lambda: self._replace(self.place.journal, self.earlier_journal))

    @rule(seed=st.integers(0, 2**32), which=st.sampled_from(VICTIMS), gone=st.booleans())
    def file_is_damaged(self, seed: int, which: str, gone: bool) -> None:
        if which == "collect/journal.db" and read_watermark(self.place.watermark) is None:
            self.promised.clear()  # of a journal that vanishes before anything of it was folded nobody knows

        def harm() -> None:
            path = self.place.directory / which
            if gone:
                path.unlink(missing_ok=True)
            elif path.exists() and path.stat().st_size:
                path.write_bytes(damaged(path.read_bytes(), random.Random(seed)))

        self._move(harm)

    # What must hold

    @invariant()
    def files_stay_below_their_caps(self) -> None:
        for path, cap in ((self.place.journal, JOURNAL_CAP), (self.place.outbox, OUTBOX_CAP)):
            assert not path.exists() or path.stat().st_size <= cap
            assert sum(other.stat().st_size for other in path.parent.glob(f"{path.name}*")) <= most_bytes(cap)

    @rule()
    def everything_is_accounted_for(self) -> None:
        self.up_s += 90_000  # memory is written, and the manifest is due
        self.recorder.tick(self._now())
        self._is_on_disk(not self.recorder.waiting)
        for _ in range(400):
            folded = self._publish(lambda spool: spool.fold(self._now()))
            self._publish(lambda spool: deliver(spool, self.receiver, now=self._now()))
            self.receipt()
            if not folded and not self.outbox.depth().count:
                break
        else:
            raise AssertionError(f"never drained: {self.outbox.depth()}")
        unseen = len(self.promised - self.receiver.seen)
        confessed = self.receiver.missing + self.receiver.lost + self.receiver.named
        # One envelope that was lost may itself have confessed many records that a full journal gave up.
        indirectly = self.shed and self.receiver.missing + self.receiver.named > 0
        assert unseen <= confessed or self.receiver.uncounted or indirectly, (self.promised - self.receiver.seen, self.receiver)
        assert self.damage_done or not self.receiver.uncounted
        self._ask_the_verifier()

    def _ask_the_verifier(self) -> None:
        auditor = Auditor(Registry().with_key(public_from_jwk(self.author.signer.public_jwk), ISSUER))
        for number, token in enumerate(self.receiver.tokens):
            auditor.take(token, str(number))
        verdict = auditor.report()
        assert verdict.refused == 0
        for chain in verdict.chains:
            assert (chain.forks, chain.breaks) == (0, 0), chain
            assert self.damage_done or chain.missing == 0, chain

    def teardown(self) -> None:
        if hasattr(self, "outbox"):
            self.everything_is_accounted_for()
            self.outbox.close()
            self.recorder._journal.close()
        self.base.cleanup()

    def _now(self) -> Moment:
        self.up_s += 1
        return moment(self.up_s)

    def _start(self) -> None:
        self.recorder = Recorder(
            self.place.open_journal(), self.place.watermark, reopen=self.place.open_journal, floor_bytes=0, flush_after_s=60.0
        )
        self.recorder.begin(self._now(), assets=4)
        self._open_outbox()

    def _open_outbox(self, broken: str = "") -> None:
        self.epochs += 1
        self.outbox = Outbox.open(self.place.outbox, max_bytes=OUTBOX_CAP, broken=broken)
        self.spool = Spool(
            self.outbox,
            self.place.journal,
            self.place.watermark,
            author=self.author,
            begin=AGENT,
            epoch=epoch(self.epochs),
            now=self._now(),
            floor_bytes=0,
        )

    def _publish(self, work):
        """Do something with the spool as the role does: a full outbox waits, a broken one is opened again."""
        try:
            return work(self.spool)
        except SpoolFullError:
            return 0
        except SpoolDamagedError as damage:
            if not self.damage_done:
                raise
            self.outbox.close()
            self._open_outbox(str(damage))
            return 1

    def _move(self, harm) -> None:
        """End without a word, and go on with a copy of the files to which something was done."""
        self.lives += 1
        former, self.place = self.place, Place(Path(self.base.name) / str(self.lives), JOURNAL_CAP, OUTBOX_CAP)
        shutil.copytree(former.directory, self.place.directory)
        self.outbox.close()
        self.recorder._journal.close()
        shutil.rmtree(former.directory)
        self.held.clear()  # what was in memory only was never promised
        before = _contents(self.place)
        harm()
        self.damage_done = self.damage_done or _contents(self.place) != before
        self._start()

    def _replace(self, path: Path, content: bytes) -> None:
        path.write_bytes(content)
        for log in ("-wal", "-journal"):
            path.with_name(path.name + log).unlink(missing_ok=True)

    def _is_on_disk(self, all_of_it: bool) -> None:
        if all_of_it:
            self.promised |= self.held
            self.held.clear()


def _contents(place: Place) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(place.directory.rglob("*")) if path.is_file()}


LineModel.TestCase.settings = settings(
    max_examples=examples(8), stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
test_line_agrees_with_its_model = LineModel.TestCase
