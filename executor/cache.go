package executor

import (
	"container/list"
	"sync"

	"github.com/azr-train/azr"
)

// maxCached bounds a cached result's text, in bytes, and so the cache's memory.
const maxCached = 4 << 10

// cache keeps the results that were asked for last.
type cache struct {
	entries int
	mu      sync.Mutex
	byKey   map[string]*list.Element
	// order has the entries, the last used first.
	order list.List
}

type cached struct {
	key    string
	result azr.Result
}

func newCache(entries int) *cache {
	return &cache{entries: entries, byKey: map[string]*list.Element{}}
}

func (c *cache) get(key string) (azr.Result, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.byKey[key]
	if e == nil {
		return azr.Result{}, false
	}
	c.order.MoveToFront(e)
	return e.Value.(cached).result, true
}

// put keeps the first result given for a key, as a Journal does.
func (c *cache) put(key string, r azr.Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries == 0 || c.byKey[key] != nil || len(r.Value)+len(r.Error) > maxCached {
		return
	}
	c.byKey[key] = c.order.PushFront(cached{key, r})
	if c.order.Len() > c.entries {
		last := c.order.Back()
		delete(c.byKey, last.Value.(cached).key)
		c.order.Remove(last)
	}
}
