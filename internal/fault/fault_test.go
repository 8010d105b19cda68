package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"opora/internal/fault"
)

func TestKindsSurviveWrapping(t *testing.T) {
	cause := errors.New("connection refused")
	err := fmt.Errorf("reading a ticket: %w", fault.Wrap(cause, fault.Unavailable, "fault.unavailable"))
	if !fault.Is(err, fault.Unavailable) || !errors.Is(err, cause) || fault.KindOf(cause) != fault.Internal {
		t.Errorf("kind %s of %v", fault.KindOf(err), err)
	}
	if fault.Is(nil, fault.Internal) || fault.Wrap(nil, fault.Invalid, "x") != nil {
		t.Error("no error is a fault")
	}
}

func TestFieldsAreSaidAtOnce(t *testing.T) {
	var f fault.Fields
	if f.Err() != nil {
		t.Fatal("an input without faults is refused")
	}
	f.Add("title", "itsm.title_needed")
	f.Add("urgency", "itsm.unknown_choice")
	var e *fault.Error
	if !errors.As(f.Err(), &e) || e.Kind != fault.Invalid || len(e.Fields) != 2 || e.Fields[1].Name != "urgency" {
		t.Errorf("fields: %v", f.Err())
	}
}
