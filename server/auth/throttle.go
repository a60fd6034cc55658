package auth

import (
	"context"
	"sync"

	"golang.org/x/time/rate"

	"github.com/holdfast-backup/holdfast/engine"
)

// maxAddresses bounds the memory of a Throttle, whoever comes.
const maxAddresses = 10_000

// Throttle lets each address try so often, and no oftener.
type Throttle struct {
	perSecond rate.Limit
	burst     int

	mu        sync.Mutex
	addresses map[string]*rate.Limiter
}

// NewThrottle allows burst tries at once and perMinute from then on.
func NewThrottle(perMinute float64, burst int) *Throttle {
	return &Throttle{perSecond: rate.Limit(perMinute / 60), burst: burst, addresses: map[string]*rate.Limiter{}}
}

// Allow refuses the context's address when it tries too often.
func (t *Throttle) Allow(ctx context.Context) error {
	address, _ := ctx.Value(addressKey{}).(string)
	if !t.AllowKey(address) {
		return engine.E(engine.KindLimit, "TOO_MANY_TRIES", "There were too many tries from your address: wait a minute.")
	}
	return nil
}

// AllowKey is Allow for anything else that tries, by its name.
func (t *Throttle) AllowKey(key string) bool { return t.limiter(key).Allow() }

func (t *Throttle) limiter(address string) *rate.Limiter {
	t.mu.Lock()
	defer t.mu.Unlock()
	l, known := t.addresses[address]
	if !known {
		t.makeRoom()
		l = rate.NewLimiter(t.perSecond, t.burst)
		t.addresses[address] = l
	}
	return l
}

// makeRoom forgets those who have been quiet for so long that they may try as
// often as a stranger; when nobody has, everybody.
func (t *Throttle) makeRoom() {
	if len(t.addresses) < maxAddresses {
		return
	}
	for address, l := range t.addresses {
		if l.Tokens() >= float64(t.burst) {
			delete(t.addresses, address)
		}
	}
	if len(t.addresses) >= maxAddresses {
		clear(t.addresses)
	}
}
