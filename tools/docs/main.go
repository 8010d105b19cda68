// Command docs writes the pages of the documentation that are made from what Opora runs: docs DIRECTORY.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"opora/itsm/lifecycles"
	"opora/workflows/lifecycle"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: docs DIRECTORY")
		os.Exit(2)
	}
	page := lifecycle.Page(lifecycles.All()...)
	if err := os.WriteFile(filepath.Join(os.Args[1], "lifecycles.md"), []byte(page), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
