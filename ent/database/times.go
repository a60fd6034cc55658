package database

import (
	"context"
	"time"

	"github.com/holdfast-backup/holdfast/ent"
)

// truncateTimes writes times in UTC and in microseconds, which both databases
// keep: a value read back equals the value written.
func truncateTimes(next ent.Mutator) ent.Mutator {
	return ent.MutateFunc(func(ctx context.Context, m ent.Mutation) (ent.Value, error) {
		for _, name := range m.Fields() {
			value, _ := m.Field(name)
			at, ok := value.(time.Time)
			if !ok {
				continue
			}
			if err := m.SetField(name, at.UTC().Truncate(time.Microsecond)); err != nil {
				return nil, err
			}
		}
		return next.Mutate(ctx, m)
	})
}
