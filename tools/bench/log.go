package main

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"time"
)

// The real log's size, and how many incidents of it have 2, 3, 4 … rows (the last: 20 and more).
const (
	logIncidents = 24_918
	logRows      = 141_712
)

var rowsOf = []int{1806, 6421, 4145, 3015, 2214, 1813, 1332, 1102, 765, 596, 440, 293, 222, 173, 122, 106, 74, 66, 213}

// logColumns are those of a ServiceNow instance's audit log.
var logColumns = []string{
	"number", "incident_state", "active", "reassignment_count", "reopen_count", "sys_mod_count", "made_sla", "caller_id", "opened_by",
	"opened_at", "sys_created_by", "sys_created_at", "sys_updated_by", "sys_updated_at", "contact_type", "location", "category", "subcategory",
	"u_symptom", "cmdb_ci", "impact", "urgency", "priority", "assignment_group", "assigned_to", "knowledge", "u_priority_confirmation", "notify",
	"problem_id", "rfc", "vendor", "caused_by", "closed_code", "resolved_by", "resolved_at", "closed_at",
}

// writeLog makes a log of the real one's shape: as many incidents and rows, people, groups, categories and steps, and no real word.
func writeLog(path string) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	buffer := bufio.NewWriterSize(f, 1<<20)
	w := csv.NewWriter(buffer)
	if err := w.Write(logColumns); err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(7, 7))
	lengths := logLengths(r)
	opened := time.Date(2016, 2, 29, 1, 16, 0, 0, time.UTC)
	for i, n := range lengths {
		opened = opened.Add(time.Duration(r.IntN(13)) * time.Minute)
		for _, row := range logIncident(r, i, n, opened) {
			if err := w.Write(row); err != nil {
				return err
			}
		}
	}
	w.Flush()
	return errors.Join(w.Error(), buffer.Flush())
}

// logLengths is how many rows each incident has, logRows together.
func logLengths(r *rand.Rand) []int {
	var out []int
	sum := 0
	for i, n := range rowsOf {
		for range n {
			rows := i + 2
			if i == len(rowsOf)-1 {
				rows += r.IntN(20)
			}
			out, sum = append(out, rows), sum+rows
		}
	}
	for sum != logRows {
		i := r.IntN(len(out))
		switch {
		case sum < logRows:
			out[i]++
			sum++
		case out[i] > 2:
			out[i]--
			sum--
		}
	}
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// logIncident is the rows of one incident: some as New, some as Active with waiting between, Resolved, Closed at the end.
func logIncident(r *rand.Rand, i, n int, opened time.Time) [][]string {
	stamp := func(t time.Time) string { return t.Format("2/1/2006 15:04") }
	pick := func(word string, many int) string {
		return word + " " + strconv.Itoa(1+int(float64(many)*r.Float64()*r.Float64()))
	}
	level := []string{"2 - Medium", "2 - Medium", "3 - Moderate"}
	if r.IntN(20) == 0 {
		level = []string{"1 - High", "1 - High", "1 - Critical"}
	}
	caller, opener, group, who := pick("Caller", 5245), pick("Opened by ", 208), pick("Group", 79), "?"
	category, sub, symptom, location := pick("Category", 59), pick("Subcategory", 255), pick("Symptom", 526), pick("Location", 225)
	at, moved, out := opened, 0, make([][]string, 0, n)
	states := logStates(r, n)
	closed := opened.Add(time.Duration(n) * 9 * time.Hour)
	for j, state := range states {
		at = at.Add(time.Duration(r.IntN(16*60)) * time.Minute)
		if j == 0 {
			at = opened
		}
		if state != "New" && who == "?" {
			who = pick("Resolver", 235)
		}
		if j > 0 && r.IntN(5) == 0 {
			group, moved = pick("Group", 79), moved+1
		}
		out = append(out, []string{
			fmt.Sprintf("INC%07d", 45+2*i), state, strconv.FormatBool(state != "Closed"), strconv.Itoa(moved), "0", strconv.Itoa(j), "true", caller, opener,
			stamp(opened), pick("Created by", 186), stamp(opened), pick("Updated by", 846), stamp(at), "Phone", location, category, sub,
			symptom, "?", level[0], level[1], level[2], group, who, strconv.FormatBool(r.IntN(5) == 0), "false", "Do Not Notify",
			"?", "?", "?", "?", "code 6", pick("Resolved by", 217), stamp(closed), stamp(closed),
		})
	}
	return out
}

func logStates(r *rand.Rand, n int) []string {
	out := make([]string, n)
	fresh := r.IntN(max(1, n-2))
	for i := range out {
		switch {
		case i == n-1:
			out[i] = "Closed"
		case i == n-2:
			out[i] = "Resolved"
		case i <= fresh && i < (n-1)/2:
			out[i] = "New"
		case r.IntN(4) == 0:
			out[i] = one(r, []string{"Awaiting User Info", "Awaiting User Info", "Awaiting Vendor", "Awaiting Problem"})
		default:
			out[i] = "Active"
		}
	}
	return out
}
