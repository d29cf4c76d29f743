"""The command `dealledger`."""

from __future__ import annotations
