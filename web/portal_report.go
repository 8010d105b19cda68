package web

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"opora/auth"
	"opora/cmdb"
	"opora/internal/fault"
	"opora/itsm"
	"opora/templates"
)

// groupedField is a choice of one whose options stand in groups.
type groupedField struct {
	templates.Field
	Single []templates.Option // those without a group come first
	Groups []group
}

type group struct {
	Label   string
	Options []templates.Option
}

type reportPage struct {
	templates.Page
	Heading  templates.Heading
	Title    string
	Text     string
	For      templates.Picker
	Service  templates.Field
	Category groupedField
	Urgency  templates.Field
	Impact   templates.Field
	Items    []templates.Option // the reader's own things
	Item     *templates.Picker  // any other thing; only for who sees them
	Inform   templates.Picker
	Attach   attachField
	More     bool // something of what is seldom needed is filled in, or wrong
}

// reportForm is what was typed and chosen.
type reportForm struct {
	Title, Text       string
	Service, Category string
	Urgency, Impact   string
	Items             []string
	Kept              []itsm.Attachment
}

func (s *Server) reportPage(r *req) error {
	form := reportForm{Title: r.Query("title"), Service: r.Query("service"), Category: r.Query("category"), Urgency: "3", Impact: "3", Items: r.QueryArray("items")}
	p, err := s.newReportPage(r, form, nil)
	if err != nil {
		return err
	}
	return r.Show("portal/report", p)
}

func (s *Server) report(r *req) error {
	form := reportForm{
		Title: r.PostForm("title"), Text: r.PostForm("description"), Service: r.PostForm("service"), Category: r.PostForm("category"),
		Urgency: r.PostForm("urgency"), Impact: r.PostForm("impact"), Items: r.PostFormArray("items"),
	}
	var wrong fault.Fields
	var err error
	if form.Kept, err = r.uploads(); fault.Is(err, fault.Invalid) {
		addFields(&wrong, err)
	} else if err != nil {
		return err
	}
	n := itsm.NewIncident{Title: form.Title, Description: form.Text, Impact: r.Int("impact"), Urgency: r.Int("urgency"), Files: tokens(form.Kept)}
	if err := s.decodeReport(r, &n, form, &wrong); err != nil {
		return err
	}
	if !wrong.Empty() {
		n.AffectedID = unknown // so that itsm takes nothing, and says what else is wrong
	}
	t, err := s.desk.OpenIncident(r.Ctx(), r.Actor, n)
	switch {
	case fault.Is(err, fault.Invalid):
		p, pageErr := s.newReportPage(r, form, reportErrors(r, &wrong, err))
		if pageErr != nil {
			return pageErr
		}
		return r.HTML(http.StatusUnprocessableEntity, "portal/report", p)
	case err != nil:
		return err
	}
	return r.Done("/tickets/"+t.Number, "portal.report.done", "Number", t.Number)
}

// unknown is an id that nothing has: itsm then says what is wrong with it, together with all other faults.
const unknown = -1

// addFields notes the fields of an Invalid fault among others.
func addFields(f *fault.Fields, err error) {
	for _, x := range asFault(err).Fields {
		f.Add(x.Name, x.ID, x.Args...)
	}
}

// decodeReport finds what the pickers and choices of the form mean. What the reader was not offered does not exist for him.
func (s *Server) decodeReport(r *req, n *itsm.NewIncident, form reportForm, wrong *fault.Fields) error {
	var err error
	if n.AffectedID, err = r.person(wrong, "affected"); err != nil {
		return err
	}
	inform, err := r.person(wrong, "participants")
	if err != nil {
		return err
	}
	if inform != 0 {
		n.Participants = []int64{inform}
	}
	services, err := s.items.Services(r.Ctx(), r.Actor)
	if err != nil {
		return err
	}
	n.ServiceID = offered(form.Service, services, func(i cmdb.Item) int64 { return i.ID })
	categories, err := s.desk.Categories(r.Ctx(), r.Actor, itsm.PortalCategories)
	if err != nil {
		return err
	}
	n.CategoryID = offered(form.Category, categories, func(c itsm.Category) int64 { return c.ID })
	own, err := s.ownItems(r)
	if err != nil {
		return err
	}
	for _, text := range form.Items {
		id := offered(text, own, func(i cmdb.Item) int64 { return i.ID })
		if id <= 0 {
			wrong.Add("items", "itsm.unknown_choice")
			continue
		}
		n.ItemIDs = append(n.ItemIDs, id)
	}
	item, err := r.item(wrong, "item")
	if item > 0 {
		n.ItemIDs = append(n.ItemIDs, item)
	}
	return err
}

// ownItems are the things that belong to the reader.
func (s *Server) ownItems(r *req) ([]cmdb.Item, error) {
	items, _, err := s.items.List(r.Ctx(), r.Actor, cmdb.Filter{OwnerID: r.Actor.ID, Limit: 20})
	return slices.DeleteFunc(items, func(i cmdb.Item) bool { return i.Class == cmdb.ClassService }), err
}

// offered is the id that was chosen from a list: 0 for no choice, unknown for what the list does not have.
func offered[T any](text string, list []T, id func(T) int64) int64 {
	if text == "" {
		return 0
	}
	for _, x := range list {
		if strconv.FormatInt(id(x), 10) == text {
			return id(x)
		}
	}
	return unknown
}

// reportErrors are the faults that the form's decoding found and then those of itsm, each field once.
func reportErrors(r *req, own *fault.Fields, err error) templates.FieldErrors {
	var list templates.FieldErrors
	if !own.Empty() {
		list = fieldErrors(r.P, own.Err())
	}
	for _, x := range fieldErrors(r.P, err) {
		switch {
		case list.On(x.Name) != "" || x.Name == "affected" && !own.Empty():
		case x.Name == "title":
			list = slices.Insert(list, 0, x) // as the form has it
		default:
			list = append(list, x)
		}
	}
	return list
}

func (s *Server) newReportPage(r *req, form reportForm, wrong templates.FieldErrors) (reportPage, error) {
	p := reportPage{Page: r.Page(r.P.T("ui.nav.report"), "report"), Title: form.Title, Text: form.Text}
	p.Path = "/report"
	p.Errors = wrong
	p.Heading = templates.Heading{Title: r.P.T("portal.report.title"), Lead: r.P.T("portal.report.lead")}
	p.For = p.Picker("affected", "portal.report.for", r.Text("affected"), r.Text("affected_text"), "/pick/people").WithHint(r.P.T("portal.report.for_hint"))
	p.Inform = p.Picker("participants", "portal.report.inform", r.Text("participants"), r.Text("participants_text"), "/pick/people").WithHint(r.P.T("portal.report.inform_hint"))
	p.Attach = newAttachField(r, p.Page, form.Kept)
	services, err := s.items.Services(r.Ctx(), r.Actor)
	if err != nil {
		return p, err
	}
	var options []templates.Option
	for _, i := range services {
		options = append(options, templates.Option{Value: strconv.FormatInt(i.ID, 10), Label: i.Name.In(r.P.Lang)})
	}
	p.Service = p.Field("service", "portal.report.service", form.Service).Select(options).WithHint(r.P.T("portal.report.service_hint"))
	categories, err := s.desk.Categories(r.Ctx(), r.Actor, itsm.PortalCategories)
	if err != nil {
		return p, err
	}
	p.Category = categoryChoice(r, p.Field("category", "portal.report.category", form.Category), categories)
	p.Urgency = p.Field("urgency", "portal.report.urgency", form.Urgency).Radios(levels(r, "urgency", 3, 2, 1)).Required()
	p.Impact = p.Field("impact", "portal.report.impact", form.Impact).Radios(levels(r, "impact", 3, 2, 1)).Required()
	own, err := s.ownItems(r)
	if err != nil {
		return p, err
	}
	for _, i := range own {
		id := strconv.FormatInt(i.ID, 10)
		p.Items = append(p.Items, templates.Option{Value: id, Label: i.Name.In(r.P.Lang), Hint: i.Tag, Selected: slices.Contains(form.Items, id)})
	}
	if r.Actor.Can(auth.WorkTickets) {
		item := p.Picker("item", "portal.report.item", r.Text("item"), r.Text("item_text"), "/pick/items")
		p.Item = &item
	}
	for _, name := range []string{"service", "items", "item", "affected", "participants"} {
		p.More = p.More || wrong.On(name) != "" || r.Text(name) != "" || r.Text(name+"_text") != ""
	}
	return p, nil
}

// levels are the answers to how bad it is, in plain words; what they do to the priority is not for the portal to say.
func levels(r *req, field string, list ...int) []templates.Option {
	out := make([]templates.Option, len(list))
	for i, n := range list {
		level := strconv.Itoa(n)
		out[i] = templates.Option{Value: level, Label: r.P.T("portal." + field + "." + level)}
	}
	return out
}

// categoryChoice groups the tree by its roots; a root can be chosen itself.
func categoryChoice(r *req, f templates.Field, tree []itsm.Category) groupedField {
	c := groupedField{Field: f.Select(nil).WithHint(r.P.T("portal.report.category_hint"))}
	option := func(x itsm.Category, label string) templates.Option {
		if x.Confidential {
			label = r.P.T("portal.report.confidential", "Name", label)
		}
		id := strconv.FormatInt(x.ID, 10)
		return templates.Option{Value: id, Label: label, Selected: id == f.Value}
	}
	for i, x := range tree {
		name := x.Name.In(r.P.Lang)
		switch {
		case x.Depth == 0 && (i+1 == len(tree) || tree[i+1].Depth == 0):
			c.Single = append(c.Single, option(x, name))
		case x.Depth == 0:
			c.Groups = append(c.Groups, group{Label: name, Options: []templates.Option{option(x, r.P.T("portal.report.category_other", "Name", name))}})
		default:
			var path []string
			for _, part := range x.Path[1:] {
				path = append(path, part.In(r.P.Lang))
			}
			last := &c.Groups[len(c.Groups)-1]
			last.Options = append(last.Options, option(x, strings.Join(path, " › ")))
		}
	}
	// "Something else" stands at the end of its group.
	for i := range c.Groups {
		o := c.Groups[i].Options
		c.Groups[i].Options = append(o[1:], o[0])
	}
	return c
}
