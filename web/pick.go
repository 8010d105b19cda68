package web

import (
	"strconv"
	"strings"

	"opora/auth"
	"opora/internal/fault"
	"opora/itsm"
	"opora/templates"
)

// What pickers ask while one types, and what becomes of their answers.

// maxPicked is how many choices a picker offers.
const maxPicked = 8

// typedFor is what was typed into a picker: ?q=, or the value of the input NAME_text that asks.
func (r *req) typedFor() string {
	if q := r.Query("q"); q != "" {
		return q
	}
	for name, values := range r.Request.URL.Query() {
		if strings.HasSuffix(name, "_text") && len(values) > 0 {
			return values[0]
		}
	}
	return ""
}

func (r *req) offer(prefix string, list []templates.Option) error {
	return r.Block("errors/error", "options", templates.Options{Options: list, Prefix: prefix, None: r.P.T("pick.none")})
}

func (s *Server) pickPeople(r *req) error {
	found, err := s.auth.Find(r.Ctx(), r.Actor, r.typedFor(), maxPicked)
	if err != nil {
		return err
	}
	list := make([]templates.Option, len(found))
	for i, p := range found {
		list[i] = templates.Option{Value: p.Ref, Label: p.Name, Hint: joined(p.Title, p.Department, p.Mail)}
	}
	return r.offer("people", list)
}

func (s *Server) pickItems(r *req) error {
	found, err := s.items.Search(r.Ctx(), r.Actor, r.typedFor(), "", maxPicked)
	if err != nil {
		return err
	}
	list := make([]templates.Option, len(found))
	for i, item := range found {
		list[i] = templates.Option{Value: strconv.FormatInt(item.ID, 10), Label: item.Name.In(r.P.Lang), Hint: joined(r.P.T(item.Class.Label()), item.Tag, item.Owner)}
	}
	return r.offer("items", list)
}

func (s *Server) pickTickets(r *req) error {
	typed := r.typedFor()
	var list []templates.Option
	if number, ok, err := s.desk.FindNumber(r.Ctx(), r.Actor, typed); err != nil {
		return err
	} else if ok {
		rows, err := s.desk.List(r.Ctx(), r.Actor, itsm.Filter{Number: number, Limit: 1})
		if err != nil {
			return err
		}
		list = append(list, ticketOptions(rows.Rows)...)
	} else if words := strings.TrimSpace(typed); words != "" {
		rows, err := s.desk.List(r.Ctx(), r.Actor, itsm.Filter{Text: words, Sort: itsm.SortNewest, Limit: maxPicked})
		if err != nil && !fault.Is(err, fault.Invalid) {
			return err
		}
		list = append(list, ticketOptions(rows.Rows)...)
	}
	return r.offer("tickets", list)
}

func ticketOptions(rows []itsm.Row) []templates.Option {
	out := make([]templates.Option, len(rows))
	for i, row := range rows {
		out[i] = templates.Option{Value: row.Number, Label: row.Number, Hint: row.Title}
	}
	return out
}

func joined(parts ...string) string {
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, " · ")
}

// person is the choice of a picker of people, 0 when it is empty or still the one that the form began with (FIELD_was,
// FIELD_was_text). Words that were not chosen from (there was no script) count when they mean one person; else the field is at fault.
func (r *req) person(f *fault.Fields, field string) (int64, error) {
	ref, words := strings.TrimSpace(r.Text(field)), strings.TrimSpace(r.Text(field+"_text"))
	if was := r.Text(field + "_was"); ref == was && was != "" {
		if words == strings.TrimSpace(r.Text(field+"_was_text")) {
			return 0, nil
		}
		ref = ""
	}
	if ref == "" && words == "" {
		return 0, nil
	}
	if ref == "" {
		found, err := r.s.auth.Find(r.Ctx(), r.Actor, words, maxPicked)
		if err != nil {
			return 0, err
		}
		if ref = meant(found, words); ref == "" {
			f.Add(field, "pick.unclear_person", "Text", words)
			return 0, nil
		}
	}
	id, err := r.s.auth.Adopt(r.Ctx(), r.Actor, ref)
	if fault.Is(err, fault.NotFound) {
		f.Add(field, "itsm.unknown_person")
		return 0, nil
	}
	return id, err
}

// meant is the one of the found whom the words mean: the only one, or the one who has them as login or mail; "" when that is not clear.
func meant(found []auth.PersonHit, words string) string {
	if len(found) == 1 {
		return found[0].Ref
	}
	for _, p := range found {
		if strings.EqualFold(p.Login, words) || strings.EqualFold(p.Mail, words) {
			return p.Ref
		}
	}
	return ""
}

// item is the choice of a picker of items, as person is of people.
func (r *req) item(f *fault.Fields, field string) (int64, error) {
	id, words := r.ID(field), strings.TrimSpace(r.Text(field+"_text"))
	if id == 0 && words == "" {
		return 0, nil
	}
	if id == 0 {
		found, err := r.s.items.Search(r.Ctx(), r.Actor, words, "", 2)
		if err != nil {
			return 0, err
		}
		if len(found) != 1 {
			f.Add(field, "pick.unclear_item", "Text", words)
			return 0, nil
		}
		id = found[0].ID
	}
	_, err := r.s.items.Get(r.Ctx(), r.Actor, id)
	if fault.Is(err, fault.NotFound) {
		f.Add(field, "itsm.unknown_choice")
		return 0, nil
	}
	return id, err
}

// otherTicket is the choice of a picker of tickets: the number as the desk writes it.
func (r *req) otherTicket(f *fault.Fields, field string) (string, error) {
	typed := strings.TrimSpace(r.Text(field))
	if typed == "" {
		typed = strings.TrimSpace(r.Text(field + "_text"))
	}
	if typed == "" {
		f.Add(field, "itsm.no_other_ticket")
		return "", nil
	}
	number, ok, err := r.s.desk.FindNumber(r.Ctx(), r.Actor, typed)
	if err == nil && !ok {
		f.Add(field, "itsm.no_other_ticket")
	}
	return number, err
}
