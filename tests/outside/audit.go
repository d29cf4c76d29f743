// Audits a log over HTTP with the packages that the Go checksum database is audited with.
//
//	audit URL VKEY [OLD-CHECKPOINT-FILE]
//
// Nothing in here hashes or verifies a signature: note.Open, tlog.TileHashReader, tlog.CheckTree, tlog.CheckRecord
// and tlog.RecordHash do. What is ours is the way from a C2SP path to theirs, which has the tiles' height in it.
package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"

	"audit/sumdb/note"
	"audit/sumdb/tlog"
)

const height = 8

type reader struct {
	url   string
	known map[string][]byte
}

func (r reader) Height() int { return height }

func (r reader) SaveTiles(tiles []tlog.Tile, found [][]byte) {
	for i, tile := range tiles {
		r.known[tile.Path()] = found[i]
	}
}

func (r reader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range tiles {
		if data, ok := r.known[tile.Path()]; ok {
			found = append(found, data)
			continue
		}
		data, err := get(r.url + "/" + strings.Replace(tile.Path(), "tile/8/", "tile/", 1))
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}

func get(url string) ([]byte, error) {
	answer, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, answer.Status)
	}
	return io.ReadAll(answer.Body)
}

func open(msg []byte, verifier note.Verifier) tlog.Tree {
	opened, err := note.Open(msg, note.VerifierList(verifier))
	check(err)
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		log.Fatalf("not a checkpoint of %s: %q", verifier.Name(), opened.Text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err)
	hash, err := base64.StdEncoding.DecodeString(lines[2])
	check(err)
	tree := tlog.Tree{N: size}
	if copy(tree.Hash[:], hash) != tlog.HashSize || len(hash) != tlog.HashSize {
		log.Fatal("the root has another length")
	}
	return tree
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	log.SetFlags(0)
	verifier, err := note.NewVerifier(os.Args[2])
	check(err)
	msg, err := get(os.Args[1] + "/checkpoint")
	check(err)
	tree := open(msg, verifier)
	hashes := tlog.TileHashReader(tree, reader{os.Args[1], map[string][]byte{}})

	root, err := tlog.TreeHash(tree.N, hashes)
	check(err)
	if root != tree.Hash {
		log.Fatal("the tiles have another root")
	}
	if len(os.Args) > 3 {
		msg, err := os.ReadFile(os.Args[3])
		check(err)
		old := open(msg, verifier)
		proof, err := tlog.ProveTree(tree.N, old.N, hashes)
		check(err)
		check(tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash))
	}
	for first := int64(0); first < tree.N; first += 1 << height {
		width := min(1<<height, tree.N-first)
		tile := tlog.Tile{H: height, L: 0, N: first >> height, W: int(width)}
		bundle, err := get(os.Args[1] + "/" + strings.Replace(tile.Path(), "tile/8/0/", "tile/entries/", 1))
		check(err)
		var indexes []int64
		for n := range width {
			indexes = append(indexes, tlog.StoredHashIndex(0, first+n))
		}
		leaves, err := hashes.ReadHashes(indexes)
		check(err)
		for n := range width {
			if len(bundle) < 2 {
				log.Fatalf("the bundle of entry %d ends early", first)
			}
			length := int(bundle[0])<<8 | int(bundle[1])
			if len(bundle) < 2+length || tlog.RecordHash(bundle[2:2+length]) != leaves[n] {
				log.Fatalf("entry %d isn't what its leaf was made of", first+n)
			}
			bundle = bundle[2+length:]
		}
		if len(bundle) > 0 {
			log.Fatalf("the bundle of entry %d has more", first)
		}
		proof, err := tlog.ProveRecord(tree.N, first, hashes)
		check(err)
		check(tlog.CheckRecord(proof, tree.N, tree.Hash, first, leaves[0]))
	}
	fmt.Printf("%d %v\n", tree.N, tree.Hash)
}
