package templates

// Field is a labelled input with hint and fault. Make it in the template with Page.Field and refine it:
//
//	{{template "field" ((.Field "text" "report.text" .Form.Text).Required.Lines 6)}}
type Field struct {
	Words    fieldWords
	ID       string // of the input; "field-" and the name
	Name     string // of the form's value
	Label    string
	Value    string
	Hint     string
	Error    string
	Kind     string // type of the input; "textarea", "select", "radios", "checkbox"
	Must     bool
	Rows     int
	Max      int // most characters, 0 = not said
	Auto     string
	Options  []Option
	Disabled bool
	Blank    bool // of a select: none of its options can be chosen, whatever the value is
}

// fieldWords are the few words that the partial says by itself.
type fieldWords struct{ Optional, Wrong, None string }

// Field makes a field of this page's form: its name, the message id of its label and its present value. The fault is
// taken from Page.Errors.
func (p Page) Field(name, label, value string) Field {
	return Field{
		Words: fieldWords{p.P.T("ui.optional"), p.P.T("ui.wrong"), p.P.T("ui.choose")},
		ID:    "field-" + name, Name: name, Label: p.P.T(label), Value: value, Kind: "text", Error: p.Errors.On(name),
	}
}

// Required marks a field that must be filled; all others say that they are optional.
func (f Field) Required() Field { f.Must = true; return f }

// WithHint sets a line of help below the label; pass it through P.T.
func (f Field) WithHint(text string) Field { f.Hint = text; return f }

// OfType sets the input's type: email, tel, number, date, datetime-local, time, search, url.
func (f Field) OfType(kind string) Field { f.Kind = kind; return f }

// Lines makes it a text of n lines that grows with what is typed.
func (f Field) Lines(n int) Field { f.Kind, f.Rows = "textarea", n; return f }

// Limit sets the most characters.
func (f Field) Limit(n int) Field { f.Max = n; return f }

// Autofill sets the autocomplete token: "username", "name", "off".
func (f Field) Autofill(token string) Field { f.Auto = token; return f }

// Select makes it a choice of one from a list.
func (f Field) Select(options []Option) Field { f.Kind, f.Options = "select", options; return f }

// OrNone lets none of a select's options be chosen, and says what that means.
func (f Field) OrNone(text string) Field { f.Blank, f.Words.None = true, text; return f }

// Radios makes it a choice of one with all options in sight; each may have a hint.
func (f Field) Radios(options []Option) Field { f.Kind, f.Options = "radios", options; return f }

// Checkbox makes it a yes or no; Value "" is no.
func (f Field) Checkbox() Field { f.Kind = "checkbox"; return f }

// Locked shows the field without letting it be changed.
func (f Field) Locked() Field { f.Disabled = true; return f }

// DescribedBy lists the ids of hint and fault for aria-describedby.
func (f Field) DescribedBy() string {
	switch {
	case f.Hint != "" && f.Error != "":
		return f.ID + "-error " + f.ID + "-hint"
	case f.Error != "":
		return f.ID + "-error"
	case f.Hint != "":
		return f.ID + "-hint"
	}
	return ""
}

// IsSelected tells whether an option is the field's value.
func (f Field) IsSelected(o Option) bool { return o.Selected || o.Value == f.Value && f.Value != "" }

// Picker is a field in which a person, an item or a ticket is found by typing. Without scripts it is a plain text field
// whose words arrive as NAME_text: the handler then looks them up itself.
type Picker struct {
	Field
	Source string // address that answers ?q= with partial "options"
	Text   string // what is shown for Value
}

// Picker makes a picker of this page's form; text is what is shown for the present value.
func (p Page) Picker(name, label, value, text, source string) Picker {
	return Picker{Field: p.Field(name, label, value), Source: source, Text: text}
}

// Required marks a picker that must be filled.
func (p Picker) Required() Picker { p.Must = true; return p }

// WithHint sets a line of help below the label.
func (p Picker) WithHint(text string) Picker { p.Hint = text; return p }

// Files is an input of attachments; Limit says in words what may be sent, Kept lists what was sent before.
type Files struct {
	Field
	Limit string
	Kept  []File
}

// File is an attachment to show.
type File struct {
	Name string
	Size string
	Href string
}

// Files makes an attachment input of this page's form.
func (p Page) Files(name, label, limit string) Files {
	return Files{Field: p.Field(name, label, ""), Limit: limit}
}

// Options is the answer to a picker: partial "options". Prefix keeps ids apart, None is said when nothing was found.
type Options struct {
	Options []Option
	Prefix  string
	None    string
}
