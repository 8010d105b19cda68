package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// A token is 256 random bits as unpadded base64url. The database holds only its digest, so that a copy of the database opens
// nothing; with that many bits a plain SHA-256 is enough.
const tokenLength = 43

func newToken() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// digest is the key of a token in the database; false when the text cannot be a token, "" above all.
func digest(token string) ([]byte, bool) {
	if len(token) != tokenLength {
		return nil, false
	}
	sum := sha256.Sum256([]byte(token))
	return sum[:], true
}

// publicID names a session in pages and logs; it opens nothing.
func publicID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}
