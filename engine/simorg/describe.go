package simorg

import (
	"net/http"
	"strings"
)

func describeGlobal(c *call) (reply, error) {
	var entries []map[string]any
	unchanged := false
	_ = c.read(func() error {
		unchanged = c.notModified(c.org.schemaChanged.Unix())
		for _, obj := range c.org.schema().All() {
			if c.session.user.seesObject(obj) {
				entries = append(entries, obj.Entry(c.root))
			}
		}
		return nil
	})
	if unchanged {
		return reply{Status: http.StatusNotModified, Header: c.modified(c.org.schemaChanged.Unix())}, nil
	}
	return ok(map[string]any{"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": entries})
}

func describe(c *call) (reply, error) {
	var answer reply
	err := c.read(func() error {
		obj, err := c.object(c.path("object"))
		if err != nil {
			return err
		}
		at := obj.ModifiedAt.Unix()
		answer = reply{Status: http.StatusNotModified, Header: c.modified(at)}
		if !c.notModified(at) {
			answer.Status = http.StatusOK
			answer.Raw = encode(obj.Describe(c.root, c.session.user.view(obj)), c.r.Header.Get("X-PrettyPrint") == "1")
			answer.Header["Content-Type"] = "application/json;charset=UTF-8"
		}
		return nil
	})
	return answer, err
}

func basicInfo(c *call) (reply, error) {
	var body map[string]any
	err := c.read(func() error {
		obj, err := c.object(c.path("object"))
		if err != nil {
			return err
		}
		body = map[string]any{"objectDescribe": obj.Entry(c.root), "recentItems": []any{}}
		return nil
	})
	return reply{Status: http.StatusOK, Body: body}, err
}

// notModified says whether If-Modified-Since covers a change at the Unix second.
func (c *call) notModified(at int64) bool {
	since, err := http.ParseTime(c.r.Header.Get("If-Modified-Since"))
	return err == nil && at <= since.Unix()
}

func limits(c *call) (reply, error) {
	if !c.session.user.may("ViewSetup") {
		return reply{}, refuse(http.StatusForbidden, "INSUFFICIENT_ACCESS", "View Setup and Configuration is needed")
	}
	return ok(c.org.quota.body(c.session.user))
}

func recordCount(c *call) (reply, error) {
	counts := []map[string]any{}
	wanted := c.query().Get("sObjects")
	_ = c.read(func() error {
		for _, obj := range c.org.schema().All() {
			kind, _ := obj.Associate()
			n := c.org.tables[obj.Name].LiveLen()
			if kind == "" && n > 0 && c.session.user.seesObject(obj) && (wanted == "" || listed(wanted, obj.Name)) {
				counts = append(counts, map[string]any{"count": n, "name": obj.Name})
			}
		}
		return nil
	})
	return ok(map[string]any{"sObjects": counts})
}

func listed(list, name string) bool {
	for item := range strings.SplitSeq(list, ",") {
		if strings.EqualFold(strings.TrimSpace(item), name) {
			return true
		}
	}
	return false
}

// LiveCount is how many live records an object has; the tests' own view.
func (o *Org) LiveCount(object string) int {
	o.mu.RLock()
	defer o.mu.RUnlock()
	if t := o.tables[object]; t != nil {
		return t.LiveLen()
	}
	return 0
}

// modified are the headers that date a describe.
func (c *call) modified(at int64) map[string]string {
	return map[string]string{"Last-Modified": httpTime(at), "ETag": etag(at)}
}
