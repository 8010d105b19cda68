package auth

import "time"

// SetClock lets a test say what time it is.
func (s *Service) SetClock(now func() time.Time) { s.clock = now }
