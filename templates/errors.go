package templates

import "strconv"

// ErrorPage is the data of "errors/error". Kept is what had been typed, so that it is never lost; Again offers to try
// once more; Request is the id under which the log has the cause.
type ErrorPage struct {
	Page
	Status  int
	Heading string
	Text    string
	Kept    string
	Again   bool
	Request string
}

// errorStatuses are those with words of their own; any other reads like a 500.
var errorStatuses = map[int]bool{400: true, 403: true, 404: true, 405: true, 413: true, 429: true, 500: true, 503: true}

// NewErrorPage fills an error page with the catalogue's words for the HTTP status.
func NewErrorPage(p Page, status int, request string) ErrorPage {
	id := "ui.error.500"
	if errorStatuses[status] {
		id = "ui.error." + strconv.Itoa(status)
	}
	p.Title = p.P.T(id)
	return ErrorPage{
		Page: p, Status: status, Heading: p.Title, Text: p.P.T(id + "_text"),
		Again: status == 503 || status == 500 || status == 429, Request: request,
	}
}

// Conflict is the data of "errors/conflict": somebody changed the ticket while the reader was at it. It shows what
// changed, keeps the text under TextName, and sends the same again with the new version among Values.
type Conflict struct {
	Page
	Number   string
	Ticket   string // address
	Changes  []Entry
	Action   string
	Values   []Option // hidden fields: Value is the name, Label what is sent
	TextName string
	Text     string
	Wanted   []Change
}

// Setup is the data of "setup/shell".
type Setup struct {
	Page
	Progress Stepper
	Checks   []SetupCheck
	Next     string
}

// SetupCheck is one thing that set-up tests; State is "good", "bad" or "open". Mend says what to do about it.
type SetupCheck struct {
	State  string
	Label  string
	Detail string
	Mend   string
	Rows   []Change // a preview: what the directory gave
}
