"""A plant in a box: simulated devices, both roles, a broker and the receiver on one machine, with a script that disturbs them.

Needs nothing from outside and listens on loopback only. Nothing here is part of the gateway: no role imports it.
"""
