package audit

// Diff says what changed between two states of a record, for Entry.Details: "from → to" by field; what stayed is left
// out. The state of a new record is compared with nil.
func Diff(before, after map[string]string) map[string]string {
	out := map[string]string{}
	for field, to := range after {
		if from := before[field]; from != to {
			out[field] = from + " → " + to
		}
	}
	for field, from := range before {
		if _, stays := after[field]; !stays && from != "" {
			out[field] = from + " → "
		}
	}
	return out
}
