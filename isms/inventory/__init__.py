"""The receiver's books in SQLite: the only place of `isms` that knows SQL, behind the port `isms.store`.

Decides how and where things are stored, never what they mean. `database` opens the file, `books` writes, `reading` answers people
and auditors.
"""

from isms.inventory.books import Books

__all__ = ["Books"]
