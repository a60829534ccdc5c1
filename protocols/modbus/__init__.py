"""Modbus: which questions are asked (pure dialogues), what may leave (the guard), and the one connection that carries them."""
