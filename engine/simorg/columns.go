package simorg

import (
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
	"github.com/holdfast-backup/holdfast/engine/soql"
)

// columnMetadata is what ?columns=true tells of a column of a result: a field,
// a parent or a sub-select with columns of its own, or a function's value.
type columnMetadata struct {
	Aggregate      bool              `json:"aggregate"`
	ApexType       *string           `json:"apexType"`
	BooleanType    bool              `json:"booleanType"`
	ColumnName     string            `json:"columnName"`
	Custom         bool              `json:"custom"`
	DisplayName    string            `json:"displayName"`
	ForeignKeyName *string           `json:"foreignKeyName"`
	Insertable     bool              `json:"insertable"`
	JoinColumns    []*columnMetadata `json:"joinColumns"`
	NumberType     bool              `json:"numberType"`
	TextType       bool              `json:"textType"`
	Updatable      bool              `json:"updatable"`
}

// apexTypes are Apex's types of values by the type of a field; text is String.
var apexTypes = map[string]string{
	"id": "Id", "reference": "Id", "boolean": "Boolean", "int": "Integer", "double": "Double", "currency": "Double", "percent": "Double",
	"date": "Date", "datetime": "Datetime", "time": "Time", "base64": "Blob", "address": "Address", "location": "Location",
}

// columns tells what the columns of a query are, without running it.
func (c *call) columns(q *soql.Query, src string) (reply, error) {
	body := map[string]any{}
	err := c.withIndexes(false, func(e *engine) error {
		s, err := e.prepare(q, src)
		if err != nil {
			return err
		}
		list := s.columnList()
		body["columnMetadata"], body["entityName"], body["groupBy"] = list, s.obj.Name, len(q.GroupBy) > 0
		body["idSelected"] = slices.ContainsFunc(list, func(m *columnMetadata) bool { return m.ColumnName == "Id" && !m.Aggregate })
		body["keyPrefix"] = textOrNull(s.obj.KeyPrefix)
		return nil
	})
	return reply{Status: 200, Body: body}, err
}

func (s *selection) columnList() []*columnMetadata {
	top := &columnMetadata{JoinColumns: []*columnMetadata{}}
	unnamed := 0
	for _, item := range s.query.Select {
		switch item := item.(type) {
		case soql.Selection:
			call, is := item.Expr.(soql.Call)
			switch {
			case !is:
				top.addPath(s, s.obj, item.Expr.(soql.Field).Path)
			case len(call.Args) > 0:
				m := s.functionColumn(call)
				if item.Alias != "" {
					m.ColumnName = item.Alias
				} else if m.ColumnName == "" {
					m.ColumnName = "expr" + strconv.Itoa(unnamed)
					unnamed++
				}
				top.JoinColumns = append(top.JoinColumns, m)
			}
		case soql.FieldSet:
			var outs []output
			s.addSet(&outs, item.Set)
			for _, out := range outs {
				top.addPath(s, s.obj, []string{out.key})
			}
		case soql.Children:
			if child, err := s.childOutput(item.Query); err == nil {
				top.JoinColumns = append(top.JoinColumns, &columnMetadata{
					Aggregate: true, ColumnName: child.key, DisplayName: child.key, JoinColumns: child.plan.columnList(),
				})
			}
		}
	}
	return top.JoinColumns
}

// addPath adds a field, behind the parents that lead to it.
func (m *columnMetadata) addPath(s *selection, obj *schema.Object, path []string) {
	if len(path) == 1 {
		m.JoinColumns = append(m.JoinColumns, fieldColumn(obj, path[0]))
		return
	}
	if obj == nil {
		return
	}
	via := lookup(obj, path[0])
	if via == nil {
		return
	}
	at := slices.IndexFunc(m.JoinColumns, func(j *columnMetadata) bool { return j.ForeignKeyName != nil && *j.ForeignKeyName == via.Name })
	if at < 0 {
		at = len(m.JoinColumns)
		m.JoinColumns = append(m.JoinColumns, &columnMetadata{
			ColumnName: *via.RelationshipName, DisplayName: *via.RelationshipName, Custom: via.Custom, ForeignKeyName: &via.Name, JoinColumns: []*columnMetadata{},
		})
	}
	var target *schema.Object
	if len(via.ReferenceTo) == 1 {
		target = s.engine.org.schema().Get(via.ReferenceTo[0])
	}
	m.JoinColumns[at].addPath(s, target, path[1:])
}

// fieldColumn is a field; of a polymorphic parent only its name is known.
func fieldColumn(obj *schema.Object, name string) *columnMetadata {
	m := &columnMetadata{ColumnName: name, DisplayName: name, JoinColumns: []*columnMetadata{}}
	if obj == nil || obj.Field(name) == nil {
		return m
	}
	f := obj.Field(name)
	m.ColumnName, m.DisplayName, m.Custom, m.Insertable, m.Updatable = f.Name, f.Name, f.Custom, f.Createable, f.Updateable
	m.typed(f)
	return m
}

// typed says what the values of a field are.
func (m *columnMetadata) typed(f *schema.Field) {
	apex, known := apexTypes[f.Type]
	if !known {
		apex = "String"
	}
	m.ApexType, m.BooleanType, m.TextType = &apex, f.Type == "boolean", !known
	m.NumberType = f.Type == "int" || f.Type == "double" || f.Type == "currency" || f.Type == "percent"
}

// functionColumn is a function's value, which no field holds. toLabel and
// FORMAT are text under the field's name, the others make values of many.
func (s *selection) functionColumn(call soql.Call) *columnMetadata {
	m := &columnMetadata{
		Aggregate: true, NumberType: true, JoinColumns: []*columnMetadata{},
		DisplayName: strings.ToLower(call.Func) + strings.TrimPrefix(call.String(), call.Func),
	}
	f, is := call.Args[0].(soql.Field)
	if !is {
		return m
	}
	field := s.column(f.Path).field
	switch {
	case call.Func == "toLabel" || call.Func == "FORMAT":
		m.Aggregate, m.NumberType, m.TextType, m.ColumnName = false, false, true, f.Path[len(f.Path)-1]
	case field != nil && (call.Func == "MIN" || call.Func == "MAX"):
		m.typed(field)
		m.ApexType = nil
	}
	return m
}
