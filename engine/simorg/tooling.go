package simorg

import (
	"net/http"
	"strings"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
	"github.com/holdfast-backup/holdfast/engine/soql"
)

// toolingTables are the Tooling API's objects: what rows each has.
func (o *Org) toolingTable(name string) (string, []fact) {
	switch strings.ToLower(name) {
	case "validationrule":
		return "ValidationRule", o.ruleFacts()
	case "workflowrule":
		return "WorkflowRule", o.triggerFacts(WorkflowKind)
	case "apextrigger":
		return "ApexTrigger", o.triggerFacts("")
	case "flowdefinition":
		return "FlowDefinition", o.triggerFacts(FlowKind)
	case "customfield":
		return "CustomField", o.fieldFacts()
	case "entitydefinition", "customobject":
		return "EntityDefinition", o.entityFacts()
	case "apexclass":
		return "ApexClass", o.classFacts()
	}
	return "", nil
}

var toolingNames = []string{"ValidationRule", "WorkflowRule", "ApexTrigger", "FlowDefinition", "CustomField", "EntityDefinition", "ApexClass"}

func (o *Org) entityFact(object string) fact {
	obj := o.schema().Get(object)
	if obj == nil {
		return fact{"@type": "EntityDefinition", "QualifiedApiName": object, "DurableId": object, "DeveloperName": object}
	}
	return fact{
		"@type": "EntityDefinition", "QualifiedApiName": obj.Name, "DurableId": obj.Name, "DeveloperName": strings.TrimSuffix(obj.Name, "__c"),
		"Label": obj.Label(), "KeyPrefix": textOrNull(obj.KeyPrefix), "IsCustomSetting": obj.Can("customSetting"), "IsQueryable": obj.Can("queryable"),
	}
}

func (o *Org) entityFacts() []fact {
	var rows []fact
	for _, obj := range o.schema().All() {
		rows = append(rows, o.entityFact(obj.Name))
	}
	return rows
}

func (o *Org) ruleFacts() []fact {
	var rows []fact
	for _, r := range o.auto.validation {
		id := o.toolingID("03d", r.Object+"."+r.Name)
		rows = append(rows, fact{
			"Id": id, "ValidationName": r.Name, "Active": !r.Inactive, "NamespacePrefix": nil, "ErrorMessage": r.Message,
			"ErrorDisplayField": textOrNull(r.Field), "EntityDefinitionId": r.Object, "EntityDefinition": o.entityFact(r.Object),
			"FullName": r.Object + "." + r.Name, "ManageableState": "unmanaged", "Metadata": map[string]any{
				"active": !r.Inactive, "description": nil,
				"errorConditionFormula": r.Condition, "errorDisplayField": textOrNull(r.Field), "errorMessage": r.Message,
				"shouldEvaluateOnClient": nil, "urls": nil,
			},
		})
	}
	return rows
}

func (o *Org) triggerFacts(kind string) []fact {
	var rows []fact
	for _, t := range o.auto.triggers {
		if t.Kind == kind {
			rows = append(rows, o.triggerFact(t))
		}
	}
	return rows
}

func (o *Org) triggerFact(t *Trigger) fact {
	switch t.Kind {
	case WorkflowKind:
		return fact{
			"Id": o.toolingID("01Q", t.Name), "Name": t.Name, "TableEnumOrId": t.Object, "NamespacePrefix": nil,
			"FullName": t.Object + "." + t.Name, "Metadata": map[string]any{"active": !t.Inactive, "triggerType": "onAllChanges", "formula": "true", "actions": []any{}},
		}
	case FlowKind:
		active := any(o.toolingID("301", t.Name))
		number := 1
		if t.Inactive {
			active, number = nil, 0
		}
		return fact{
			"Id": o.toolingID("300", t.Name), "DeveloperName": t.Name, "ActiveVersionId": active, "LatestVersionId": o.toolingID("301", t.Name),
			"NamespacePrefix": nil, "ManageableState": "unmanaged", "FullName": t.Name, "Metadata": map[string]any{"activeVersionNumber": number, "description": nil, "masterLabel": nil, "urls": nil},
		}
	}
	status := "Active"
	if t.Inactive {
		status = "Inactive"
	}
	return fact{
		"Id": o.toolingID("01q", t.Name), "Name": t.Name, "Status": status, "ApiVersion": 66, "TableEnumOrId": t.Object, "NamespacePrefix": nil,
		"EntityDefinitionId": t.Object, "EntityDefinition": o.entityFact(t.Object), "Body": string(t.source()), "FullName": t.Name,
		"Metadata": map[string]any{"apiVersion": 66.0, "status": status, "packageVersions": []any{}, "urls": nil},
	}
}

func (o *Org) fieldFacts() []fact {
	var rows []fact
	for _, obj := range o.schema().All() {
		for _, f := range obj.Fields {
			if !f.Custom || strings.HasSuffix(f.Name, "__s") {
				continue
			}
			rows = append(rows, fact{
				"Id": o.toolingID("00N", obj.Name+"."+f.Name), "DeveloperName": strings.TrimSuffix(f.Name, "__c"),
				"TableEnumOrId": obj.Name, "NamespacePrefix": nil, "FullName": obj.Name + "." + f.Name,
				"EntityDefinition": o.entityFact(obj.Name), "EntityDefinitionId": obj.Name, "Metadata": fieldMetadata(f),
			})
		}
	}
	return rows
}

func fieldMetadata(f *schema.Field) map[string]any {
	return map[string]any{
		"label": f.Label, "length": f.Length, "precision": f.Precision, "scale": f.Scale, "type": f.Type,
		"required": !f.Nillable, "unique": f.Unique, "externalId": f.ExternalID, "formula": textOrNull(f.Formula),
	}
}

func (o *Org) classFacts() []fact {
	o.meta.mu.Lock()
	defer o.meta.mu.Unlock()
	var rows []fact
	for _, key := range sortedMapKeys(o.meta.components) {
		if c := o.meta.components[key]; c.typ.name == "ApexClass" {
			rows = append(rows, fact{
				"Id": c.id, "Name": c.fullName, "Status": "Active", "ApiVersion": 66, "Body": string(c.body), "NamespacePrefix": nil,
				"FullName": c.fullName, "Metadata": map[string]any{"status": "Active"},
			})
		}
	}
	return rows
}

func (o *Org) toolingRoutes(mux *http.ServeMux) {
	const v = "/services/data/{version}/tooling"
	for path, m := range map[string]methods{
		"":                            {"GET": toolingResources},
		"/query":                      {"GET": toolingQuery},
		"/sobjects":                   {"GET": toolingGlobal},
		"/sobjects/{object}/describe": {"GET": toolingDescribe},
		"/sobjects/{object}/{id}":     {"GET": toolingGet, "PATCH": toolingPatch},
		"/composite":                  {"POST": composite},
	} {
		mux.HandleFunc(v+path, o.resource(m))
	}
}

func toolingResources(c *call) (reply, error) {
	return ok(map[string]string{"query": c.root + "/tooling/query", "sobjects": c.root + "/tooling/sobjects"})
}

func toolingQuery(c *call) (reply, error) {
	src := c.query().Get("q")
	q, err := soql.Parse(src)
	if err != nil {
		return reply{}, err
	}
	var body []byte
	err = c.read(func() error {
		kind, rows, err := c.toolingRows(q)
		if err != nil {
			return err
		}
		if kind == "" {
			return soql.ErrorAt(src, q.FromPos, soql.CodeInvalidType, "sObject type '"+q.From+"' is not supported.")
		}
		fq := &factQuery{org: c.org, root: c.root + "/tooling", kind: kind, rows: rows, env: &soql.Env{Now: c.org.cfg.Now()}}
		body, err = fq.run(q)
		return err
	})
	return jsonReply(body), err
}

// toolingRows are the rows a query is over; those of UserFieldAccess depend on
// what it asks about.
func (c *call) toolingRows(q *soql.Query) (kind string, rows []fact, err error) {
	if strings.EqualFold(q.From, "UserFieldAccess") {
		rows, err = c.fieldAccess(q)
		return "UserFieldAccess", rows, err
	}
	kind, rows = c.org.toolingTable(q.From)
	return kind, rows, nil
}

func toolingGlobal(c *call) (reply, error) {
	entries := make([]map[string]any, len(toolingNames))
	for i, name := range toolingNames {
		entries[i] = schema.NewObject(name, "").Entry(c.root + "/tooling")
	}
	return ok(map[string]any{"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": entries})
}

func toolingDescribe(c *call) (reply, error) {
	var body map[string]any
	err := c.read(func() error {
		kind, rows := c.org.toolingTable(c.path("object"))
		if kind == "" {
			return notFound()
		}
		obj := schema.NewObject(kind, "")
		if len(rows) > 0 {
			for _, name := range sortedMapKeys(rows[0]) {
				if !strings.HasPrefix(name, "@") {
					obj.Add(schema.NewField(name, "string", 255, 0).ReadOnly())
				}
			}
		}
		body = obj.Describe(c.root+"/tooling", func(f *schema.Field) *schema.Field { return f })
		return nil
	})
	return reply{Status: http.StatusOK, Body: body}, err
}

// toolingRow finds one row by its id.
func (c *call) toolingRow() (string, fact, error) {
	kind, rows := c.org.toolingTable(c.path("object"))
	if id, valid := readID(c.path("id")); valid {
		for _, r := range rows {
			if r["Id"] == id {
				return kind, r, nil
			}
		}
	}
	return "", nil, notFound()
}

func toolingGet(c *call) (reply, error) {
	var body map[string]any
	err := c.read(func() error {
		kind, row, err := c.toolingRow()
		if err != nil {
			return err
		}
		body = map[string]any{"attributes": map[string]string{"type": kind, "url": c.root + "/tooling/sobjects/" + kind + "/" + c.path("id")}}
		wanted := c.query().Get("fields")
		for name, v := range row {
			if _, nested := v.(fact); !nested && (wanted == "" || listed(wanted, name)) {
				body[name] = v
			}
		}
		return nil
	})
	return reply{Status: http.StatusOK, Body: body}, err
}

// toolingPatch replaces the Metadata of a rule, a flow or a trigger: what works
// is its switch, and a validation rule's formula and message.
func toolingPatch(c *call) (reply, error) {
	if !c.session.user.may("CustomizeApplication") {
		return reply{}, refuse(http.StatusForbidden, "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id")
	}
	var body struct{ Metadata map[string]any }
	if err := c.decode(&body); err != nil {
		return reply{}, err
	}
	err := c.write(func(t *tx) error {
		kind, row, err := c.toolingRow()
		if err != nil {
			return err
		}
		return t.o.setMetadata(t, kind, row["FullName"].(string), body.Metadata)
	})
	if err != nil {
		return reply{}, err
	}
	return noContent()
}

func (o *Org) setMetadata(t *tx, kind, fullName string, metadata map[string]any) error {
	if kind == "ValidationRule" {
		return o.setRule(t, fullName, metadata)
	}
	for _, trigger := range o.auto.triggers {
		var on bool
		switch {
		case kind == "WorkflowRule" && trigger.Kind == WorkflowKind && trigger.Object+"."+trigger.Name == fullName:
			on, _ = metadata["active"].(bool)
		case kind == "FlowDefinition" && trigger.Kind == FlowKind && trigger.Name == fullName:
			n := text(metadata["activeVersionNumber"])
			if n != "" && n != "0" && n != "1" {
				return badRequest("INVALID_INPUT", "Flow %s has no version %s", fullName, n)
			}
			on = n == "1"
		case kind == "ApexTrigger" && trigger.Kind == "" && trigger.Name == fullName:
			return badRequest("FIELD_INTEGRITY_EXCEPTION", "An Apex trigger is changed by a deploy, not here")
		default:
			continue
		}
		before := trigger.Inactive
		trigger.Inactive = !on
		t.undo = append(t.undo, func() { trigger.Inactive = before })
		return nil
	}
	return badRequest("INVALID_INPUT", "%s %s cannot be changed here", kind, fullName)
}

func (o *Org) setRule(t *tx, fullName string, metadata map[string]any) error {
	for _, r := range o.auto.validation {
		if r.Object+"."+r.Name != fullName {
			continue
		}
		next := *r
		active, _ := metadata["active"].(bool)
		next.Inactive, next.Condition, next.Message, next.Field = !active, text(metadata["errorConditionFormula"]), text(metadata["errorMessage"]), text(metadata["errorDisplayField"])
		if err := next.compile(); err != nil {
			return badRequest("FIELD_INTEGRITY_EXCEPTION", "%v", err)
		}
		before := *r
		*r = next
		t.undo = append(t.undo, func() { *r = before })
	}
	return nil
}
