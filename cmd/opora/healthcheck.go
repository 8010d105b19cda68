package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

type healthcheckCommand struct {
	Web Web `embed:""`
}

// Run asks /readyz of the server that this configuration would start; exit 1 when it is not ready.
func (c *healthcheckCommand) Run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	address := (&Web{Listen: c.Web.Listen}).Address() + "/readyz"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("asking %s: %w", address, err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("not ready: %w", err)
	}
	defer res.Body.Close() //nolint:errcheck // its status is all we want
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s answers %s", address, res.Status)
	}
	return nil
}
