package simorg_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
)

type column struct {
	Aggregate                bool
	ApexType, ForeignKeyName *string
	ColumnName, DisplayName  string
	NumberType, TextType     bool
	BooleanType, Custom      bool
	Insertable, Updatable    bool
	JoinColumns              []column
}

func (c column) String() string {
	text := c.ColumnName
	if c.Aggregate {
		text += "*"
	}
	if c.DisplayName != c.ColumnName {
		text += "=" + c.DisplayName
	}
	if c.ForeignKeyName != nil {
		text += "<" + *c.ForeignKeyName
	}
	if c.ApexType != nil {
		text += ":" + *c.ApexType
	}
	if c.NumberType {
		text += " n"
	}
	if c.TextType {
		text += " t"
	}
	if c.BooleanType {
		text += " b"
	}
	if c.Insertable {
		text += " i"
	}
	if c.Updatable {
		text += " u"
	}
	if len(c.JoinColumns) > 0 {
		text += "(" + columnsText(c.JoinColumns) + ")"
	}
	return text
}

func columnsText(list []column) string {
	texts := make([]string, len(list))
	for i, c := range list {
		texts[i] = c.String()
	}
	return strings.Join(texts, "; ")
}

// TestQueryColumns: columns=true describes a query's columns instead of
// running it: fields, parents by their foreign key, sub-selects and functions.
func TestQueryColumns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, row := range []struct{ soql, want, rest string }{
		{"SELECT id, Name, IsDeleted FROM Account", "Id:Id; Name:String t i u; IsDeleted:Boolean b", "Account false true 001"},
		{"SELECT Name, Owner.Name, Owner.Profile.Name, Owner.Email FROM Account", "Name:String t i u; Owner<OwnerId(Name:String t; Profile<ProfileId(Name:String t i u); Email:String t i u)", "Account false false 001"},
		{"SELECT Name, (SELECT LastName FROM Contacts) FROM Account", "Name:String t i u; Contacts*(LastName:String t i u)", "Account false false 001"},
		{"SELECT CampaignId, AVG(Amount), MAX(CloseDate) last, COUNT(Id) FROM Opportunity GROUP BY CampaignId", "CampaignId:Id i u; expr0*=avg(Amount) n; last*=max(CloseDate); expr1*=count(Id) n", "Opportunity true false 006"},
	} {
		var got struct {
			ColumnMetadata        []column
			EntityName, KeyPrefix string
			GroupBy, IDSelected   bool
		}
		status, body := w.do("GET", "/query?columns=true&q="+url.QueryEscape(row.soql), nil)
		if err := json.Unmarshal(body, &got); err != nil || status != 200 {
			t.Fatalf("%d %s", status, body)
		}
		expect(w, row.soql, columnsText(got.ColumnMetadata), row.want)
		flags := map[bool]string{true: " true", false: " false"}
		expect(w, row.soql, got.EntityName+flags[got.GroupBy]+flags[got.IDSelected]+" "+got.KeyPrefix, row.rest)
	}
	if status, body := w.do("GET", "/query?columns=true&q=SELECT+Nope+FROM+Account", nil); status != 400 || !strings.Contains(string(body), "INVALID_FIELD") {
		t.Errorf("%d %s", status, body)
	}
}

// TestVersionLabels: each version has the season and year it came in (§2.1).
func TestVersionLabels(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var versions []struct{ Label, Version string }
	w.must("GET", "/services/data", nil, &versions)
	labels := map[string]string{}
	for _, v := range versions {
		labels[v.Version] = v.Label
	}
	for version, label := range map[string]string{"31.0": "Summer '14", "60.0": "Spring '24", "62.0": "Winter '25", "66.0": "Spring '26"} {
		expect(w, version, labels[version], label)
	}
}
