"""The smallest plant file that works, for tests that are about something else."""

PLANT = """
[plant]
id = "werk-ulm"
[gateway]
id = "gw-halle3"
state_dir = "state"
[broker]
url = "mqtt://127.0.0.1:1"
[[asset]]
id = "press-07"
address = "modbus-tcp://127.0.0.1:1?unit=1"
"""
