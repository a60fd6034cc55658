// Judges an org with go-salesforce and simpleforce, two clients that are not
// ours: one line a check, and last `CLIENT: N passed, N failed` for each. The
// org has the objects of ../jsforce/objects.
package main

import (
	"fmt"
	"os"
)

// judge counts the checks of one client.
type judge struct {
	client         string
	passed, failed int
}

// check passes when run returns no error.
func (j *judge) check(name string, run func() error) {
	if err := run(); err != nil {
		j.failed++
		fmt.Printf("FAIL %s: %s\n       %v\n", j.client, name, err)
		return
	}
	j.passed++
	fmt.Printf("ok   %s: %s\n", j.client, name)
}

// same is an error when got is not want.
func same[T comparable](what string, got, want T) error {
	if got != want {
		return fmt.Errorf("%s is %v, want %v", what, got, want)
	}
	return nil
}

// first is the first error of several.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func env(name string) string { return os.Getenv("ORG_" + name) }

func main() {
	bad := false
	for _, run := range []func() *judge{goSalesforce, simpleForce} {
		j := run()
		fmt.Printf("%s: %d passed, %d failed\n", j.client, j.passed, j.failed)
		bad = bad || j.failed > 0 || j.passed == 0
	}
	if bad {
		os.Exit(1)
	}
}
