package salesforce

import (
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/holdfast-backup/holdfast/engine"
)

// errIncomplete is an answer that lacks something it must have.
var errIncomplete = errors.New("the answer is incomplete")

// resource is one of the two ways to query.
type resource string

const (
	current  resource = "/query"    // what lives
	everyone resource = "/queryAll" // the soft-deleted and archived too
)

// query is the path that runs soql.
func (o *org) query(r resource, soql string) string {
	return o.data(string(r) + "?q=" + url.QueryEscape(soql))
}

// selection is a SOQL query in parts; empty parts are left out.
type selection struct {
	fields []string
	object string
	where  []string // joined by AND
	order  []string
	limit  string
}

func (s selection) String() string {
	var b strings.Builder
	b.WriteString("SELECT " + strings.Join(s.fields, ",") + " FROM " + s.object)
	for i, condition := range s.where {
		b.WriteString([]string{" WHERE ", " AND "}[min(i, 1)] + condition)
	}
	if len(s.order) > 0 {
		b.WriteString(" ORDER BY " + strings.Join(s.order, ","))
	}
	if s.limit != "" {
		b.WriteString(" LIMIT " + s.limit)
	}
	return b.String()
}

// stamp is a datetime literal; milliseconds only where there are some.
func stamp(t time.Time) string {
	t = t.UTC()
	if t.Nanosecond() < int(time.Millisecond) {
		return t.Format("2006-01-02T15:04:05Z")
	}
	return t.Format("2006-01-02T15:04:05.000Z")
}

// bounds are the conditions that a request puts on its rows.
func bounds(r engine.ReadRequest) []string {
	var where []string
	if r.Where != "" {
		where = append(where, "("+r.Where+")")
	}
	if strings.HasSuffix(r.Object.Name, "__kav") || r.Object.Name == "KnowledgeArticleVersion" {
		where = append(where, "PublishStatus IN ('Draft','Online','Archived')") // asked for none, the platform refuses
	}
	if r.StampField != "" && !r.Since.IsZero() {
		where = append(where, r.StampField+" >= "+stamp(r.Since))
	}
	if r.StampField != "" && !r.Until.IsZero() {
		where = append(where, r.StampField+" < "+stamp(r.Until))
	}
	return where
}

// quote makes a SOQL string literal of plain ASCII such as an id.
func quote(id string) string { return "'" + id + "'" }
