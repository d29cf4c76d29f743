"""What the ledger is compared with, each built as somebody who knows it would, and as little as can be."""
