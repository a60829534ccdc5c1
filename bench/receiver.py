"""How fast one receiver takes reports in, beside bare signature checks with the same library in the same run.

    python -m bench.receiver [--records N] [--gateways N]

Verify, check the chain, store and commit in the batches of the service, against `VerifyKey.verify` of PyNaCl over the same bytes. The aim is 0.40.
Both run in turn, three times, and the middle ratio counts: by the clock on the wall, which includes waiting for the disk, and by the
time of one core. Memory is that of the whole process, early and late.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import psutil
from nacl.signing import VerifyKey

from evidence.strict import decode_base64url
from evidence.trust import Registry
from isms.broker import BATCH_MESSAGES
from isms.intake import Intake
from isms.inventory import Books
from tests.evidence.samples import AT, AUDIENCE, Gateway, asset, start

AIM = 0.40


def made(gateways: int, records: int) -> tuple[list[tuple[str, bytes]], Registry]:
    """Sign the reports of a fleet, side by side, and trust it."""
    fleet = [Gateway(gateway=f"gw-{number}", seed=number.to_bytes(32, "big")) for number in range(1, gateways + 1)]
    registry, messages = Registry(), []
    for gateway in fleet:
        registry = registry.with_key(gateway.public, gateway.iss) if gateways < 50 else registry
        gateway.report(start())
    for number in range(records // gateways):
        body = asset(f"asset-{number % 100}", firmware=str(number))
        messages += [(gateway.topic(), gateway.report(body).token) for gateway in fleet]
    return [(gateway.topic(), gateway.sent[0].token) for gateway in fleet] + messages, registry


def bare(messages: list[tuple[str, bytes]], keys: dict[str, VerifyKey]) -> tuple[float, float]:
    """Return signature checks a second and a core's second, and nothing else."""
    split = [(topic, token.rpartition(b".")) for topic, token in messages]
    ready = [(keys[topic], parts[0], decode_base64url(parts[2])) for topic, parts in split]
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    for key, message, signature in ready:
        key.verify(message, signature)
    return len(ready) / (time.perf_counter() - began_s), len(ready) / (time.process_time() - began_cpu_s)


def taken(messages: list[tuple[str, bytes]], trust: Registry, directory: Path) -> tuple[float, float, int, int]:
    """Return reports a second and a core's second through a receiver, and its memory when a tenth and when all was taken."""
    process, early = psutil.Process(), 0
    with Books.open(directory / "isms.db") as books:
        intake = Intake(books, prefix="", audience=AUDIENCE)
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        for number, (topic, token) in enumerate(messages, 1):
            intake.take(topic, token, trust=trust, at=AT)
            if number % BATCH_MESSAGES == 0:
                intake.commit()
            if number == len(messages) // 10:
                early = process.memory_info().rss
        intake.commit()
        spent_s, spent_cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
        assert sum(one["records"] for one in books.gateways()) == len(messages)
    return len(messages) / spent_s, len(messages) / spent_cpu_s, early, process.memory_info().rss


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--gateways", type=int, default=10)
    options = parser.parse_args()
    messages, trust = made(options.gateways, options.records)
    fleet = dict(messages[: options.gateways])
    keys = {
        Gateway(gateway=f"gw-{number}").topic(): VerifyKey(
            decode_base64url(Gateway(seed=number.to_bytes(32, "big")).public.jwk["x"].encode())
        )
        for number in range(1, options.gateways + 1)
    }
    assert keys.keys() == fleet.keys()
    ratios, cpu_ratios = [], []
    for _ in range(3):
        with tempfile.TemporaryDirectory() as directory:
            alone, cpu_alone = bare(messages, keys)
            rate, cpu_rate, early, late = taken(messages, trust, Path(directory))
        ratios.append(rate / alone)
        cpu_ratios.append(cpu_rate / cpu_alone)
        memory = f"{early / 2**20:.1f} -> {late / 2**20:.1f} MiB"
        print(
            f"bare {alone:8.0f}/s  receiver {rate:8.0f}/s  ratio {rate / alone:.2f}, of a core {cpu_rate / cpu_alone:.2f}  memory {memory}"
        )
    middle, cpu_middle = statistics.median(ratios), statistics.median(cpu_ratios)
    print(
        f"ratio {middle:.2f}, of one core {cpu_middle:.2f} (aim {AIM:.2f}), {statistics.mean(len(token) for _, token in messages):.0f} bytes a report"
    )


if __name__ == "__main__":
    main()
