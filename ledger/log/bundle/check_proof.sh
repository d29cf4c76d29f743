#!/usr/bin/env bash
# Checks the proof of one event with bash, coreutils and openssl alone.
#
#   check_proof.sh PROOF ENTRY VKEY
#
# PROOF is a .tlog-proof, ENTRY the event's bytes as the log holds them, VKEY the log's public key (the line of log.vkey).
set -euo pipefail
proof=$1 entry=$2 vkey=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

hex() { basenc --base16 -w0; }
bytes() { basenc --base16 -d; }
sha() { sha256sum | cut -c1-64 | tr a-f A-F; }
node() { printf '01%s%s' "$1" "$2" | bytes | sha; }
fail() {
    echo "not proven: $1" >&2
    exit 1
}

# The proof: its first line, the index, a hash a line, an empty line, the checkpoint.
{
    read -r first && [ "$first" = "c2sp.org/tlog-proof@v1" ] || fail "this is no proof"
    read -r word index && [ "$word" = index ] || fail "the proof has no index"
    hashes=()
    while read -r line && [ -n "$line" ]; do hashes+=("$(base64 -d <<<"$line" | hex)"); done
    read -r origin
    read -r size
    read -r root64
    read -r empty && [ -z "$empty" ] || fail "the checkpoint has more lines than three"
    signature=
    while read -r dash name value; do
        if [ "$dash" = "—" ] && [ "$name" = "$origin" ]; then signature=$value; fi
    done
} <"$proof"

# The signature, by the key in VKEY: name+id+base64(01 and 32 bytes). The first four bytes signed are the key's id.
[ "${vkey%%+*}" = "$origin" ] || fail "the checkpoint is of another log"
rest=${vkey#*+}
{
    echo 302A300506032B6570032100 | tr -d '\n'
    base64 -d <<<"${rest#*+}" | tail -c 32 | hex
} | bytes >"$work/key.der"
base64 -d <<<"$signature" | tail -c +5 >"$work/signature"
printf '%s\n%s\n%s\n' "$origin" "$size" "$root64" >"$work/text"
openssl pkeyutl -verify -rawin -pubin -keyform DER -inkey "$work/key.der" -in "$work/text" \
    -sigfile "$work/signature" >/dev/null || fail "the signature is wrong"

# The way from the leaf to the root (RFC 9162, 2.1.3.2).
((index < size)) || fail "the log has no entry $index"
hash=$({ printf '\0' && cat "$entry"; } | sha)
fn=$index sn=$((size - 1))
for sibling in "${hashes[@]}"; do
    ((sn > 0)) || fail "the proof is too long"
    if ((fn & 1)) || ((fn == sn)); then
        hash=$(node "$sibling" "$hash")
        while ((fn > 0 && !(fn & 1))); do fn=$((fn >> 1)) sn=$((sn >> 1)); done
    else
        hash=$(node "$hash" "$sibling")
    fi
    fn=$((fn >> 1)) sn=$((sn >> 1))
done
((sn == 0)) || fail "the proof is too short"
[ "$hash" = "$(base64 -d <<<"$root64" | hex)" ] || fail "the way leads to another root"
echo "entry $index is in the log of $origin, signed at $size entries"
