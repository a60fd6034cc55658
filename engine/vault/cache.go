package vault

import (
	"container/list"
	"sync"

	"github.com/holdfast-backup/holdfast/engine/vault/segment"
)

// cache keeps opened segments (their indexes and blooms), the least recently
// used go first. A Reader that was dropped stays good for whoever has it.
type cache struct {
	mu    sync.Mutex
	room  int
	order *list.List
	byID  map[string]*list.Element
}

func newCache(room int) *cache {
	return &cache{room: room, order: list.New(), byID: map[string]*list.Element{}}
}

func (c *cache) get(id string) *segment.Reader {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byID[id]
	if !ok {
		return nil
	}
	c.order.MoveToFront(e)
	return e.Value.(*segment.Reader)
}

func (c *cache) put(r *segment.Reader) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.byID[r.ID()]; ok {
		return
	}
	c.byID[r.ID()] = c.order.PushFront(r)
	for c.room -= r.Weight(); c.room < 0 && c.order.Len() > 1; {
		c.drop(c.order.Back())
	}
}

func (c *cache) drop(e *list.Element) {
	r := c.order.Remove(e).(*segment.Reader)
	delete(c.byID, r.ID())
	c.room += r.Weight()
}

// forget drops a segment that will not be read again.
func (c *cache) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.byID[id]; ok {
		c.drop(e)
	}
}
