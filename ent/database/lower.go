package database

import (
	"database/sql/driver"
	"strings"
	"sync"

	"modernc.org/sqlite"
)

// lowerAllLetters replaces SQLite's lower, which knows ASCII alone: a search
// without regard to case would not find Über, not even by that very name.
var lowerAllLetters = sync.OnceFunc(func() {
	sqlite.MustRegisterDeterministicScalarFunction("lower", 1, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		if text, ok := args[0].(string); ok {
			return strings.ToLower(text), nil
		}
		return args[0], nil
	})
})
