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
number='^(0|[1-9][0-9]{0,17})$' hexes=() signatures=() signature=
key_id=${vkey#*+}
key_id=$(tr a-f A-F <<<"${key_id%%+*}")
{
    IFS= read -r first && [ "$first" = "c2sp.org/tlog-proof@v1" ] || fail "this is no proof"
    IFS= read -r index && [[ ${index#index } =~ $number ]] || fail "the proof has no index"
    index=${index#index }
    while IFS= read -r line && [ -n "$line" ]; do
        hexes+=("$(base64 -d <<<"$line" | hex)") || fail "a hash is not base64"
        [ ${#hexes[-1]} = 64 ] || fail "a hash has 32 bytes"
    done
    IFS= read -r origin
    IFS= read -r size && [[ $size =~ $number ]] || fail "the checkpoint has no size"
    IFS= read -r root64
    IFS= read -r empty && [ -z "$empty" ] || fail "the checkpoint has more lines than three"
    while IFS= read -r line || [ -n "$line" ]; do
        [[ $line =~ ^—\ ([^\ ]+)\ ([A-Za-z0-9+/]+=?=?)$ ]] || fail "a line after the checkpoint is no signature"
        name=${BASH_REMATCH[1]} value=${BASH_REMATCH[2]}
        signatures+=("$line")
        if [ "$name" = "$origin" ] && [[ $(base64 -d <<<"$value" | hex) = "$key_id"* ]]; then
            [ -z "$signature" ] || fail "the key signed twice"
            signature=$value
        fi
    done
} <"$proof"
[ -n "$signature" ] || fail "the key didn't sign the checkpoint"
printf '%s\n%s\n%s\n' "$origin" "$size" "$root64" >"$work/text"

# Written again from what was read, it is the same bytes: nothing in it was passed over.
{
    printf '%s\nindex %s\n' "$first" "$index"
    for one in "${hexes[@]}"; do bytes <<<"$one" | base64 -w0 && echo; done
    echo
    cat "$work/text"
    echo
    printf '%s\n' "${signatures[@]}"
} | cmp -s - "$proof" || fail "the proof isn't written as it should be"

# The signature, by the key in VKEY: name+id+base64(01 and 32 bytes). The first four bytes signed are the key's id.
[ "${vkey%%+*}" = "$origin" ] || fail "the checkpoint is of another log"
rest=${vkey#*+}
{
    echo 302A300506032B6570032100 | tr -d '\n'
    base64 -d <<<"${rest#*+}" | tail -c 32 | hex
} | bytes >"$work/key.der"
base64 -d <<<"$signature" | tail -c +5 >"$work/signature"
openssl pkeyutl -verify -rawin -pubin -keyform DER -inkey "$work/key.der" -in "$work/text" \
    -sigfile "$work/signature" >/dev/null || fail "the signature is wrong"

# The way from the leaf to the root (RFC 9162, 2.1.3.2).
((index < size)) || fail "the log has no entry $index"
hash=$({ printf '\0' && cat "$entry"; } | sha)
fn=$index sn=$((size - 1))
for sibling in "${hexes[@]}"; do
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
