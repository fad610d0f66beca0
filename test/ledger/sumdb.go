// Reads a folder that "zgoda ledger export" wrote, with Go's own packages for signed notes and transparency logs, which know nothing of Zgoda.
// Checks: the checkpoint's signature, every tile against its root, every entry against its leaf, inclusion of some leaves, and consistency with the
// checkpoints that earlier runs were given. Prints size and root.
package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type folder struct {
	root string
	size int64
}

func (f folder) Height() int                                  { return 8 }
func (f folder) SaveTiles(tiles []tlog.Tile, data [][]byte) {}

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	all := make([][]byte, len(tiles))
	for at, tile := range tiles {
		data, err := os.ReadFile(filepath.Join(f.root, pathOf(tile)))
		if err != nil {
			return nil, err
		}
		all[at] = data
	}
	return all, nil
}

// c2sp.org/tlog-tiles leaves out the height, which sumdb has in front.
func pathOf(tile tlog.Tile) string {
	return strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
}

func main() {
	f := folder{root: os.Args[1]}
	tree := open(f.root, read(filepath.Join(f.root, "checkpoint")))
	f.size = tree.N
	hashes := tlog.TileHashReader(tree, f)

	for index := int64(0); index < tree.N; index += 256 {
		checkBundle(f, hashes, index)
	}
	for _, index := range []int64{0, tree.N / 2, tree.N - 1} {
		leaf := leafAt(hashes, index)
		proof, err := tlog.ProveRecord(tree.N, index, hashes)
		must(err)
		must(tlog.CheckRecord(proof, tree.N, tree.Hash, index, leaf))
	}
	for _, path := range os.Args[2:] {
		earlier := open(f.root, read(path))
		proof, err := tlog.ProveTree(tree.N, earlier.N, hashes)
		must(err)
		must(tlog.CheckTree(proof, tree.N, tree.Hash, earlier.N, earlier.Hash))
	}
	fmt.Println(tree.N, tree.Hash)
}

func checkBundle(f folder, hashes tlog.HashReader, start int64) {
	tile := tlog.Tile{H: 8, L: -1, N: start / 256, W: 256}
	if f.size-start < 256 {
		tile.W = int(f.size - start)
	}
	path := strings.Replace(pathOf(tile), "tile/data/", "tile/entries/", 1)
	rest := read(filepath.Join(f.root, path))
	for index := start; index < start+int64(tile.W); index++ {
		length := int(binary.BigEndian.Uint16(rest))
		entry := rest[2 : 2+length]
		if tlog.RecordHash(entry) != leafAt(hashes, index) {
			fail("entry " + strconv.FormatInt(index, 10) + " is not the one in the tree")
		}
		rest = rest[2+length:]
	}
	if len(rest) > 0 {
		fail(path + " holds more than its entries")
	}
}

func leafAt(hashes tlog.HashReader, index int64) tlog.Hash {
	found, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
	must(err)
	return found[0]
}

func open(root string, signed []byte) tlog.Tree {
	vkey := strings.TrimSpace(string(read(filepath.Join(root, "vkey"))))
	verifier, err := note.NewVerifier(vkey)
	must(err)
	opened, err := note.Open(signed, note.VerifierList(verifier))
	must(err)
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		fail("not a checkpoint of this log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err)
	hash, err := tlog.ParseHash(lines[2])
	must(err)
	return tlog.Tree{N: size, Hash: hash}
}

func read(path string) []byte {
	data, err := os.ReadFile(path)
	must(err)
	return data
}

func must(err error) {
	if err != nil {
		fail(err.Error())
	}
}

func fail(words string) {
	fmt.Fprintln(os.Stderr, words)
	os.Exit(1)
}
