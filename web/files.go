package web

import (
	"fmt"
	"mime"
	"net/http"
	"slices"

	"opora/internal/fault"
	"opora/itsm"
)

// shown are the types that a browser may show in its own window; anything else is only saved. They are told by the content, never by
// the name.
var shown = []string{"image/png", "image/jpeg", "image/gif", "image/webp"}

// file is GET /files/:token: an attachment that the reader may see. With ?inline an image is shown instead of saved.
func (s *Server) file(r *req) error {
	a, f, err := s.desk.OpenFile(r.Ctx(), r.Actor, r.Param("token"))
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	how := "attachment"
	if _, asked := r.GetQuery("inline"); asked && slices.Contains(shown, a.MIME) {
		how = "inline"
	}
	kind := a.MIME
	if how == "attachment" {
		kind = "application/octet-stream"
	}
	r.Header("Content-Type", kind)
	r.Header("Content-Disposition", mime.FormatMediaType(how, map[string]string{"filename": a.Name}))
	r.Header("Content-Security-Policy", "default-src 'none'; sandbox")
	http.ServeContent(r.Writer, r.Request, "", a.UploadedAt, f)
	return nil
}

// uploads stores the files that the form's field "files" brings, and gives them with those that an earlier try left: their tokens come
// as "token". A fault names every file that could not be taken; the others are stored and returned with it, so that a page can keep
// them.
func (r *req) uploads() ([]itsm.Attachment, error) {
	kept := r.keptFiles()
	form := r.Request.MultipartForm
	if form == nil {
		return kept, nil
	}
	if len(form.File["files"])+len(kept) > maxFiles {
		var f fault.Fields
		f.Add("files", "attach.too_many", "Max", maxFiles)
		return kept, f.Err()
	}
	var wrong fault.Fields
	for _, h := range form.File["files"] {
		src, err := h.Open()
		if err != nil {
			return kept, fmt.Errorf("reading an upload: %w", err)
		}
		a, err := r.s.desk.Upload(r.Ctx(), r.Actor, h.Filename, src)
		if closed := src.Close(); err == nil && closed != nil {
			err = fmt.Errorf("reading an upload: %w", closed)
		}
		switch {
		case fault.Is(err, fault.Invalid):
			for _, x := range asFault(err).Fields {
				wrong.Add("files", "files.wrong", "Name", h.Filename, "Text", words(r.P, x.Message))
			}
		case err != nil:
			return kept, err
		default:
			kept = append(kept, a)
		}
	}
	return kept, wrong.Err()
}

// keptFiles are the actor's uploads of an earlier try that no ticket has used yet; others are left out.
func (r *req) keptFiles() []itsm.Attachment {
	var out []itsm.Attachment
	list := r.PostFormArray("token")
	for _, token := range list[:min(len(list), 2*maxFiles)] { // more than a page of ours has: each costs a question
		if len(out) == maxFiles || slices.ContainsFunc(out, func(a itsm.Attachment) bool { return a.Token == token }) {
			continue
		}
		a, f, err := r.s.desk.OpenFile(r.Ctx(), r.Actor, token)
		if err != nil {
			continue // the report then says that a file is gone only if it is named; a forged token names nothing
		}
		f.Close() //nolint:errcheck // only read
		out = append(out, a)
	}
	return out
}

func tokens(list []itsm.Attachment) []string {
	out := make([]string, len(list))
	for i, a := range list {
		out[i] = a.Token
	}
	return out
}

// filesLimit says what may be attached.
func (r *req) filesLimit() string {
	return r.P.T("attach.limit", "Files", maxFiles, "Size", fileSize(r.P, r.s.config.MaxUpload))
}
