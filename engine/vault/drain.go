package vault

import (
	"context"
	"sync"
)

// drain knows the reads under way in this process, so that a blob is deleted
// when none is left that may still want it.
type drain struct {
	mu     sync.Mutex
	next   uint64
	active map[uint64]string // the org that is read
	ended  chan struct{}     // closed and replaced when a read ends
}

func newDrain() *drain {
	return &drain{active: map[uint64]string{}, ended: make(chan struct{})}
}

// begin notes a read of an org; the function returned ends it.
func (d *drain) begin(orgID string) (end func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.next
	d.next++
	d.active[n] = orgID
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.active, n)
		close(d.ended)
		d.ended = make(chan struct{})
	}
}

// wait returns when every read of the org that began before the call has ended.
func (d *drain) wait(ctx context.Context, orgID string) error {
	d.mu.Lock()
	before := d.next
	d.mu.Unlock()
	for {
		d.mu.Lock()
		busy, ended := false, d.ended
		for n, org := range d.active {
			busy = busy || (n < before && org == orgID)
		}
		d.mu.Unlock()
		if !busy {
			return nil
		}
		select {
		case <-ended:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
