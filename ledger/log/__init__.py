"""The verifiable log: the events as leaves of a tree whose signed root anybody can check with software of their own.

`entry`: the bytes that a leaf hashes. `merkle`: the tree and its proofs. `tiles`: the tree in files. `note`,
`checkpoint`, `proof`, `witness`: the texts that are signed, shown and sent. `signer`: signs what the log holds.
`verify`: takes nothing on trust. Public standards throughout (RFC 6962; C2SP tlog-tiles, tlog-checkpoint, signed-note,
tlog-proof, tlog-witness), so that none of this has to be believed.
"""
