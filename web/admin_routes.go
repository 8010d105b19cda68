package web

// adminRoutes are the administration, the audit log and the reports.
func (s *Server) adminRoutes() []route { return nil }
