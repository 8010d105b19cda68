package web

import (
	"fmt"
	"strconv"

	"opora/internal/locale"
	"opora/itsm"
	"opora/templates"
)

type prioritiesPage struct {
	adminPage
	Levels []levelRow
	Urgent []string // names of the urgencies, the heads of the columns
	Matrix []matrixRow
}

// levelRow is a priority with its names.
type levelRow struct {
	Mark  templates.Priority
	Name  string // of the fields: name_1
	Value locale.Text
}

// matrixRow is the priorities of an impact.
type matrixRow struct {
	Impact string
	Cells  []templates.Field
}

func (s *Server) adminPriorities(r *req) error {
	levels, err := s.desk.Priorities(r.Ctx(), r.Actor)
	if err != nil {
		return err
	}
	matrix, err := s.desk.PriorityMatrix(r.Ctx(), r.Actor)
	if err != nil {
		return err
	}
	return s.showPriorities(r, levels, matrix, nil)
}

func (s *Server) showPriorities(r *req, levels []itsm.Priority, matrix itsm.Matrix, err error) error {
	p := prioritiesPage{adminPage: r.adminList("priorities")}
	status := p.wrong(err)
	var options []templates.Option
	for _, l := range levels {
		level := strconv.Itoa(l.Level)
		p.Levels = append(p.Levels, levelRow{templates.Priority{Level: l.Level, Label: l.Name.In(r.P.Lang)}, "name_" + level, l.Name})
		options = append(options, templates.Option{Value: level, Label: level + " · " + l.Name.In(r.P.Lang)})
	}
	for impact := range matrix {
		level := strconv.Itoa(impact + 1)
		p.Urgent = append(p.Urgent, r.P.T("admin.priorities.urgency."+level))
		row := matrixRow{Impact: r.P.T("admin.priorities.impact." + level)}
		for urgency, priority := range matrix[impact] {
			f := p.Field(fmt.Sprintf("matrix_%d_%d", impact+1, urgency+1), "admin.priorities.cell", idText(int64(priority))).Select(options).Required()
			f.Label = r.P.T("admin.priorities.cell", "Impact", row.Impact, "Urgency", r.P.T("admin.priorities.urgency."+strconv.Itoa(urgency+1)))
			row.Cells = append(row.Cells, f)
		}
		p.Matrix = append(p.Matrix, row)
	}
	return r.HTML(status, "admin/priorities", p)
}

func (s *Server) savePriorities(r *req) error {
	levels, err := s.desk.Priorities(r.Ctx(), r.Actor)
	if err != nil {
		return err
	}
	for i, l := range levels {
		levels[i].Name = r.textOf("name_" + strconv.Itoa(l.Level))
	}
	if err := s.desk.SavePriorities(r.Ctx(), r.Actor, levels); adminKept(err) {
		matrix, failed := s.desk.PriorityMatrix(r.Ctx(), r.Actor)
		if failed != nil {
			return failed
		}
		return s.showPriorities(r, levels, matrix, err)
	} else if err != nil {
		return err
	}
	return r.Done("/admin/priorities", "admin.saved")
}

func (s *Server) saveMatrix(r *req) error {
	var m itsm.Matrix
	for i := range m {
		for u := range m[i] {
			m[i][u] = max(r.Int(fmt.Sprintf("matrix_%d_%d", i+1, u+1)), 0)
		}
	}
	if err := s.desk.SaveMatrix(r.Ctx(), r.Actor, m); adminKept(err) {
		levels, failed := s.desk.Priorities(r.Ctx(), r.Actor)
		if failed != nil {
			return failed
		}
		return s.showPriorities(r, levels, m, err)
	} else if err != nil {
		return err
	}
	return r.Done("/admin/priorities", "admin.priorities.matrix_saved")
}
