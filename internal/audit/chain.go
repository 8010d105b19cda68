// Package audit makes rows that cannot be changed unseen. A stream (one ticket, the sign-ins, the settings) is a chain: each
// row carries HMAC(key, previous mac, its canonical text); a keyed ledger row holds the stream's head and count, so that a cut
// tail shows; keyed sums over the names of streams show one that is gone with its ledger. The key is not in the database.
// What a row says belongs to the package that writes it; this one knows only bytes, and the log of sign-ins and settings.
package audit

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/fnv"
)

// Size is the length of a mac in bytes.
const Size = sha256.Size

// Shards is how many keyed sums there are. More of them let more tickets be opened at the same moment.
const Shards = 64

// Key seals rows. It is derived from the instance's secret, for this one purpose.
type Key struct{ k []byte }

// NewKey derives the sealing key from the secret, which must have at least 32 bytes.
func NewKey(secret []byte) (Key, error) {
	if len(secret) < 32 {
		return Key{}, errors.New("audit: the secret must have at least 32 bytes")
	}
	k, err := hkdf.Key(sha256.New, secret, nil, "opora audit chain", 32)
	return Key{k}, err
}

func (k Key) mac(label string, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, k.k)
	h.Write([]byte(label))
	var n [8]byte
	for _, p := range parts {
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write(p)
	}
	return h.Sum(nil)
}

// Seal is the mac of a row with the canonical text, after a row with mac prev (nil for the first) in the stream.
func (k Key) Seal(stream string, prev []byte, text string) []byte {
	return k.mac("row", []byte(stream), prev, []byte(text))
}

// Ledger is the mac of the ledger row of a stream that has count rows and ends in head.
func (k Key) Ledger(stream string, count int64, head []byte) []byte {
	return k.mac("ledger", []byte(stream), number(count), head)
}

// Shard is the keyed sum in which the stream stands.
func Shard(stream string) int {
	h := fnv.New32a()
	h.Write([]byte(stream))
	return int(h.Sum32() % Shards)
}

// Member is what a stream adds to the sum of its shard (by Sum).
func (k Key) Member(stream string) []byte { return k.mac("member", []byte(stream)) }

// ShardMac is the mac of a shard's row.
func (k Key) ShardMac(shard int, count int64, sum []byte) []byte {
	return k.mac("shard", number(int64(shard)), number(count), sum)
}

// Sum adds a member to a sum, or takes it out again: exclusive or, which no order matters to. A nil sum is zero.
func Sum(sum, member []byte) []byte {
	out := make([]byte, Size)
	copy(out, sum)
	for i := range member {
		out[i] ^= member[i]
	}
	return out
}

// Equal compares macs in constant time.
func Equal(a, b []byte) bool { return hmac.Equal(a, b) }

func number(n int64) []byte {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n))
	return b[:]
}
