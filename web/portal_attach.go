package web

import (
	"opora/itsm"
	"opora/templates"
)

// attachField is the part of a form that takes files. What was sent with a form that came back for another fault is kept: it has a box
// by which it can be left out.
type attachField struct {
	templates.Files
	Sent []templates.Option // Value is the token
}

func newAttachField(r *req, p templates.Page, kept []itsm.Attachment) attachField {
	f := attachField{Files: p.Files("files", "portal.files", r.filesLimit())}
	for _, a := range kept {
		f.Sent = append(f.Sent, templates.Option{Value: a.Token, Label: a.Name, Hint: fileSize(r.P, a.Size)})
	}
	return f
}
