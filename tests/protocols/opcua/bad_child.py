"""A child process that does what no child should, named by the job's profile. Run by the reader in place of the real one."""

import os
import signal
import sys
import time

from protocols.opcua.child import confine
from protocols.opcua.wire import EXIT_FORBIDDEN, decode_job


def main() -> int:
    job = decode_job(sys.stdin.buffer.readline())
    match job.ask.profile:
        case "hangs":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(30)
        case "floods":
            sys.stdout.write("x" * (2 * 1024 * 1024))
        case "babbles":
            print("a warning on stdout")
        case "complains":
            sys.stderr.write("x" * 100_000 + "\nValueError: \x1b[31mred\n")
            return 1
        case "is killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "eats memory":
            confine()
            return len(bytearray(512 * 1024 * 1024))
        case "violates":
            print(f"a request of type i=673; environment {sorted(os.environ)}")
            return EXIT_FORBIDDEN
    return 0


if __name__ == "__main__":
    sys.exit(main())
