"""What the commands of the gateway's keys do: make, show, prepare the next.

Decides what a person sees. Must never print a private key, and never replace one. Loads the signing library, so only a key
command imports it.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from agent.keys import qr, ring
from agent.service import Exit
from config.load import load
from evidence.errors import EvidenceError, KeyExistsError, KeyExposedError, KeyMissingError
from evidence.keys import FileSigner, create_key, load_signer
from evidence.words import words


def init(options: argparse.Namespace) -> int:
    """Make the key."""
    key = _place(options)
    key.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return _told(lambda: _handed_over(create_key(key), key), options, f"{key}: made")


def show(options: argparse.Namespace) -> int:
    """Show the public key."""
    key = _place(options)
    code = _told(lambda: load_signer(ring.next_file(key) if options.next else key), options, "")
    if code == Exit.OK and options.qr and not options.json:
        _say(qr.drawn(load_signer(ring.next_file(key) if options.next else key).kid))
    return code


def rotate(options: argparse.Namespace) -> int:
    """Make the next key."""
    key = _place(options)
    then = (
        f"{ring.next_file(key)}: made. It takes over when publish starts next: systemctl restart nameplated-publish\n"
        "The receiver learns of it from the chain; nothing has to be done there."
    )
    return _told(lambda: _handed_over(ring.prepare(key), ring.next_file(key)), options, then)


def _handed_over(signer: FileSigner, file: Path) -> FileSigner:
    """Give a key that root has made to the owner of its folder: the role that signs could not read it otherwise.

    Raises:
        KeyMissingError: That cannot be done; the sentence says what to do.
    """
    if os.geteuid() != 0:
        return signer
    folder = file.parent.stat()
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if (
                os.fstat(descriptor).st_uid == 0 and os.fstat(descriptor).st_nlink == 1
            ):  # what we have just made, and nothing else
                os.fchown(descriptor, folder.st_uid, folder.st_gid)
        finally:
            os.close(descriptor)
    except OSError as error:
        remedy = f"run `chown --reference={file.parent} {file}`"
        raise KeyMissingError(f"{file} was made, but stays root's ({error.strerror}): {remedy}") from error
    return signer


def _told(read: Callable[[], FileSigner], options: argparse.Namespace, said: str) -> int:
    """Read or make a key, and show its public half in the form that was asked for."""
    try:
        signer = read()
    except KeyExposedError as error:
        return _failed(error, Exit.PERMISSION)
    except KeyExistsError as error:
        return _failed(error, Exit.IO)
    except EvidenceError as error:
        return _failed(error, Exit.CONFIG)
    if options.json:
        _say(json.dumps(signer.public_jwk))
        return Exit.OK
    facts = [said, f"key id: {signer.kid}", f"in words: {words(signer.kid)}", f"public key: {json.dumps(signer.public_jwk)}"]
    _say("\n".join(filter(None, facts)))
    return Exit.OK


def _place(options: argparse.Namespace) -> Path:
    return ring.key_file(load(options.config), os.environ)


def _failed(error: Exception, code: Exit) -> int:
    sys.stderr.write(f"nameplated: {error}\n")
    return code


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
