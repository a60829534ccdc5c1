"""The simulated OPC UA device as a program: says when it is ready, takes changes, counts, and ends on SIGTERM."""

import json
import subprocess
import sys


def test_device_is_ready_changes_and_ends_with_its_counts() -> None:
    specification = json.dumps({"devices": {"PLC_1": {"SoftwareRevision": "V1"}}})
    command = [sys.executable, "-I", "-m", "agent.demo.opcua_device", specification]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert ready["ready"] and ready["port"] > 0
        process.stdin.write(json.dumps({"device": "PLC_1", "property": "SoftwareRevision", "value": "V2"}) + "\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline()) == {"changed": "SoftwareRevision"}
        process.terminate()
        assert json.loads(process.stdout.readline()) == {"requests": {}, "connections": 0}
        assert process.wait(5) == 0
