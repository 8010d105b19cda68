package audit

import "fmt"

// Verifier checks one stream, row by row in the order of their numbers.
type Verifier struct {
	Findings []Finding
	key      Key
	stream   string
	prev     []byte
	last     int64
	rows     int64
	broken   bool
}

// NewVerifier starts at the beginning of the stream.
func NewVerifier(key Key, stream string) *Verifier { return &Verifier{key: key, stream: stream} }

func (v *Verifier) find(seq int64, what string) {
	v.Findings = append(v.Findings, Finding{v.stream, seq, what})
}

// Row takes the next row. same says whether the row's columns agree with its canonical text.
//
// After a row whose mac is wrong the check goes on from the mac that stands there, so that one changed row is one finding and the
// rows after it are still checked.
func (v *Verifier) Row(seq int64, text string, mac []byte, same bool) {
	v.rows++
	if seq != v.last+1 {
		if seq == v.last+2 {
			v.find(v.last+1, "row removed")
		} else {
			v.find(v.last+1, fmt.Sprintf("rows %d to %d removed", v.last+1, seq-1))
		}
		v.broken = true
	}
	switch {
	case Equal(mac, v.key.Seal(v.stream, v.prev, text)):
		if !same {
			v.find(seq, "row changed: its columns differ from its sealed text")
		}
	case v.broken && seq != v.last+1:
		// The row before is gone, so this one cannot be checked against it; the next one is checked against this.
	default:
		v.find(seq, "row changed or put in")
	}
	v.prev, v.last = mac, seq
}

// End compares with the ledger row of the stream.
func (v *Verifier) End(count int64, head, mac []byte) {
	switch {
	case !Equal(mac, v.key.Ledger(v.stream, count, head)):
		v.find(0, "ledger row changed")
	case count > v.last:
		v.find(v.last+1, fmt.Sprintf("cut off at the end: %d of %d rows are there", v.last, count))
	case count < v.last:
		v.find(count+1, "rows put in after the end")
	case !Equal(head, v.prev) && len(v.Findings) == 0:
		v.find(v.last, "the last row is not the one that was written")
	}
}
