"""Two packages from PyPI that others wrote: aics-tlog audits our log, aics-witness witnesses it."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ledger.log.checkpoint import Checkpoint, open_checkpoint
from ledger.log.merkle import consistency_proof, inclusion_proof
from ledger.log.note import VerifierKey, encoded, parse_verifier_key
from ledger.log.tiles import nodes
from ledger.log.witness import Request, cosignatures
from tests.ledger.log.logs import KEY
from tests.outside.conftest import EVENTS, OLD, Served

AUDIT = """
import json, sys, urllib.request
from aics_tlog.checkpoint import parse_checkpoint
from aics_tlog.note import parse_note, parse_vkey, verify_note
from aics_tlog.remote import HttpTileReader
from aics_tlog.verified import audit_tiles
url, vkey = sys.argv[1:]
note = parse_note(urllib.request.urlopen(url + "/checkpoint").read())
assert verify_note(note, [parse_vkey(vkey)]), "not signed"
checkpoint = parse_checkpoint(note.text)
report = audit_tiles(HttpTileReader(url), checkpoint.size, checkpoint.root_hash, entries=True)
print(json.dumps([report.size, report.tiles, report.bundles]))
"""
