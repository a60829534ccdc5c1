"""The outbox against a list: whatever is done to it, in whatever order, both say the same, and opening it again changes nothing."""

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from buffer.errors import SpoolFullError
from buffer.limits import MIN_FILE_BYTES
from buffer.outbox import Outbox, Parcel, Stored
from tests.buffer.samples import in_child, parcel
from tests.effort import examples

epochs = st.sampled_from(["e1", "e2"])
notes = st.dictionaries(st.sampled_from(["head", "watermark"]), st.binary(max_size=4), max_size=2)


class OutboxModel(RuleBasedStateMachine):
    """`self.kept` is the model: the parcels that wait, by position."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.path = Path(self.directory.name) / "outbox.db"
        self.kept: dict[int, Parcel] = {}
        self.notes: dict[str, bytes] = {}
        self.next_seq = {"e1": 1, "e2": 1}
        self.last_position = 0

    @initialize()
    def begin(self) -> None:
        self.outbox = Outbox.open(self.path, max_bytes=MIN_FILE_BYTES)

    @rule(epoch=epochs, sizes=st.lists(st.integers(0, 6000), max_size=4), notes=notes)
    def fold(self, epoch: str, sizes: list[int], notes: dict[str, bytes]) -> None:
        first = self.next_seq[epoch]
        parcels = [parcel(seq, epoch=epoch, token=bytes(size)) for seq, size in enumerate(sizes, first)]
        try:
            self.outbox.commit(parcels, notes)
        except SpoolFullError:
            return  # the invariant below sees that nothing was left behind
        self.kept |= dict(enumerate(parcels, self.last_position + 1))
        self.last_position += len(parcels)
        self.next_seq[epoch] = first + len(parcels)
        self.notes |= notes

    @rule(epoch=epochs, upto=st.integers(0, 20), notes=notes)
    def receipt(self, epoch: str, upto: int, notes: dict[str, bytes]) -> None:
        covered = [position for position, each in self.kept.items() if each.epoch == epoch and each.seq <= upto]
        assert self.outbox.settle(epoch, upto, notes) == len(covered)
        self.kept = {position: each for position, each in self.kept.items() if position not in covered}
        self.notes |= notes

    @rule(positions=st.sets(st.integers(0, 30), max_size=4))
    def acknowledge(self, positions: set[int]) -> None:
        assert self.outbox.settle_positions(positions) == len(positions & self.kept.keys())
        self.kept = {position: each for position, each in self.kept.items() if position not in positions}

    @rule()
    def stop_and_start(self) -> None:
        self.outbox.close()
        self.outbox = Outbox.open(self.path, max_bytes=MIN_FILE_BYTES)
        assert self.outbox.damaged is None

    @rule()
    def be_killed_in_a_fold(self) -> None:
        self.outbox.close()

        def fold() -> None:
            outbox = Outbox.open(self.path, max_bytes=MIN_FILE_BYTES)
            outbox._store.run("BEGIN IMMEDIATE")
            outbox._store.run("DELETE FROM parcel")
            outbox._store.run("DELETE FROM note")

        assert in_child(fold) == 0  # the child exits without closing: to the file that is a kill
        self.outbox = Outbox.open(self.path, max_bytes=MIN_FILE_BYTES)

    @invariant()
    def outbox_and_model_agree(self) -> None:
        if not hasattr(self, "outbox"):
            return
        found = self.outbox.pending(0, limit=1000)
        assert {entry.position: as_parcel(entry) for entry in found if isinstance(entry, Stored)} == self.kept
        assert [entry.position for entry in found] == sorted(self.kept)
        assert self.outbox.notes() == self.notes
        assert self.outbox.depth().count == len(self.kept)
        assert self.path.stat().st_size <= MIN_FILE_BYTES

    def teardown(self) -> None:
        if hasattr(self, "outbox"):
            self.outbox.close()
        self.directory.cleanup()


def as_parcel(stored: Stored) -> Parcel:
    return Parcel(
        epoch=stored.epoch,
        seq=stored.seq,
        kind=stored.kind,
        subject=stored.subject,
        at=stored.at,
        token=stored.token,
        digest=stored.digest,
    )


OutboxModel.TestCase.settings = settings(max_examples=examples(12), stateful_step_count=25, deadline=None)
test_outbox_agrees_with_its_model = OutboxModel.TestCase
