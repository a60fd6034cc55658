package job

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/lib/pq"

	"github.com/holdfast-backup/holdfast/engine"
)

func TestPasses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err  error
		want bool
	}{
		{engine.E(engine.KindTransient, "X", "x"), true},
		{engine.Wrap("read", engine.E(engine.KindTransient, "X", "x")), true},
		{engine.E(engine.KindDenied, "X", "x"), false},
		{&engine.Error{Kind: engine.KindCorrupt, Err: driver.ErrBadConn}, false},
		{fmt.Errorf("save: %w", driver.ErrBadConn), true},
		{&net.OpError{Op: "dial", Err: errors.New("refused")}, true},
		{&pq.Error{Code: "57P01"}, true},
		{&pq.Error{Code: "40P01"}, true},
		{&pq.Error{Code: "42601"}, false},
		{context.DeadlineExceeded, false},
		{errors.New("a fault of ours"), false},
	}
	for _, test := range tests {
		if got := passes(test.err); got != test.want {
			t.Errorf("passes(%v) = %t", test.err, got)
		}
	}
}
