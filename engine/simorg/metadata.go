package simorg

import (
	"encoding/xml"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
)

// maxListQueries is how many queries one listMetadata takes.
const maxListQueries = 3

// metadataState is what the Metadata API keeps: component files, and requests
// at work.
type metadataState struct {
	mu         sync.Mutex
	components map[string]*component // by type and full name
	deploys    map[string]*deployment
	retrieves  map[string]*retrieval
}

// component is a piece of metadata kept as files.
type component struct {
	typ        *metadataType
	fullName   string
	id         string
	body, meta []byte
	created    time.Time
	modified   time.Time
	createdBy  *person
	modifiedBy *person
	namespace  string // of the managed package that brought it: its files are not given out
}

func (m *metadataState) init() {
	m.components, m.deploys, m.retrieves = map[string]*component{}, map[string]*deployment{}, map[string]*retrieval{}
}

func componentID(typ, fullName string) string { return typ + ":" + strings.ToLower(fullName) }

func metadataMethods() map[string]soapMethod {
	return map[string]soapMethod{
		"describeMetadata": soapDescribeMetadata, "listMetadata": soapListMetadata, "readMetadata": soapReadMetadata,
		"retrieve": soapRetrieve, "checkRetrieveStatus": soapCheckRetrieve, "deploy": soapDeploy,
		"checkDeployStatus": soapCheckDeploy, "cancelDeploy": soapCancelDeploy,
		"createMetadata": soapWriteMetadata(metadataWrite{create: true}), "updateMetadata": soapWriteMetadata(metadataWrite{update: true}),
		"upsertMetadata": soapWriteMetadata(metadataWrite{create: true, update: true}), "deleteMetadata": soapDeleteMetadata,
		"checkStatus": soapCheckStatus,
	}
}

// mayMetadata refuses a user without the permission that even reading needs.
func (c *call) mayMetadata() error {
	if p := c.session.user; !p.may("ModifyAllData") && !p.may("ModifyMetadata") {
		return badRequest("INSUFFICIENT_ACCESS", "Modify Metadata Through Metadata API Functions or Modify All Data is needed")
	}
	return nil
}

func soapDescribeMetadata(c *soapCall) ([]*element, error) {
	if err := c.mayMetadata(); err != nil {
		return nil, err
	}
	result := el("result")
	for _, t := range metadataTypes {
		object := el("metadataObjects")
		for _, child := range t.children {
			object.add(leaf("childXmlNames", child))
		}
		object.add(leaf("directoryName", t.dir), boolLeaf("inFolder", t.folder), boolLeaf("metaFile", t.metaFile))
		if t.suffix != "" {
			object.add(leaf("suffix", t.suffix))
		}
		result.add(object.add(leaf("xmlName", t.name)))
	}
	return []*element{result.add(leaf("organizationNamespace", ""), boolLeaf("partialSaveAllowed", true), boolLeaf("testRequired", false))}, nil
}

// listedComponent is one line of listMetadata.
type listedComponent struct {
	typ, fullName, file, id string
	created, modified       time.Time
	createdBy, modifiedBy   *person // nil: who made the org
	namespace               string
}

// undated is when the platform says that what came with it was made and changed.
var undated = time.Unix(0, 0).UTC()

func (o *Org) fileProperties(name string, l listedComponent) *element {
	created, modified, state := l.createdBy, l.modifiedBy, "unmanaged"
	if created == nil {
		created = o.first
	}
	if modified == nil {
		modified = created
	}
	if l.namespace != "" {
		state = "installed"
	}
	e := el(name, leaf("createdById", created.id), leaf("createdByName", created.name()), leaf("createdDate", l.created.Format(stampLayout)),
		leaf("fileName", l.file), leaf("fullName", l.fullName), leaf("id", l.id), leaf("lastModifiedById", modified.id),
		leaf("lastModifiedByName", modified.name()), leaf("lastModifiedDate", l.modified.Format(stampLayout)), leaf("manageableState", state))
	if l.namespace != "" {
		e.add(leaf("namespacePrefix", l.namespace))
	}
	return e.add(leaf("type", l.typ))
}

func soapListMetadata(c *soapCall) ([]*element, error) {
	if err := c.mayMetadata(); err != nil {
		return nil, err
	}
	queries := c.elements("queries")
	if len(queries) > maxListQueries {
		return nil, &soapFault{"EXCEEDED_ID_LIMIT", "you can not query more than 3 types at once"}
	}
	var results []*element
	c.org.mu.RLock()
	defer c.org.mu.RUnlock()
	for _, q := range queries {
		list, known := c.org.listComponents(q.child("type").text, q.child("folder").text)
		if !known {
			return nil, &soapFault{"INVALID_TYPE", "Unknown type name '" + q.child("type").text + "' specified"}
		}
		for _, l := range list {
			results = append(results, c.org.fileProperties("result", l))
		}
	}
	return results, nil
}

// listComponents lists a type's components; the read lock must be held.
func (o *Org) listComponents(typ, folder string) ([]listedComponent, bool) {
	switch typ {
	case "CustomObject":
		return o.listObjects(), true
	case "CustomField", "ValidationRule", "RecordType":
		return o.listChildren(typ), true
	}
	t, isFolder := typeNamed(typ), false
	if t == nil {
		if t = typeNamed(folderTypes[typ]); t == nil && !childType(typ) {
			return nil, false
		}
		isFolder = true
	}
	list := o.listAutomation(typ)
	if t == nil {
		return list, true
	}
	o.meta.mu.Lock()
	defer o.meta.mu.Unlock()
	if isFolder {
		return o.listFolders(t, typ), true
	}
	for _, comp := range o.meta.components {
		if comp.typ == t && (!t.folder || path.Dir(comp.fullName) == folder) {
			list = append(list, comp.listed())
		}
	}
	slices.SortFunc(list, func(a, b listedComponent) int { return strings.Compare(a.fullName, b.fullName) })
	return list, true
}

func (c *component) listed() listedComponent {
	return listedComponent{
		typ: c.typ.name, fullName: c.fullName, file: c.typ.file(c.fullName), id: c.id, created: c.created, modified: c.modified,
		createdBy: c.createdBy, modifiedBy: c.modifiedBy, namespace: c.namespace,
	}
}

// listFolders lists a type's folders, which are there because something is in them.
func (o *Org) listFolders(t *metadataType, typ string) []listedComponent {
	seen := map[string]listedComponent{}
	for _, c := range o.meta.components {
		for dir := path.Dir(c.fullName); c.typ == t && dir != "." && dir != "unfiled$public"; dir = path.Dir(dir) {
			if known, is := seen[dir]; !is || c.created.Before(known.created) {
				seen[dir] = listedComponent{typ: typ, fullName: dir, file: t.dir + "/" + dir, id: o.toolingID("00l", typ+dir), created: c.created, modified: c.created}
			}
		}
	}
	list := make([]listedComponent, 0, len(seen))
	for _, dir := range sortedMapKeys(seen) {
		list = append(list, seen[dir])
	}
	return list
}

// InstallComponents adds components of a managed package: the org lists them,
// and does not give their files out.
func (o *Org) InstallComponents(namespace, typ string, names ...string) error {
	t := typeNamed(typ)
	if t == nil {
		return fmt.Errorf("the org knows no metadata type %s", typ)
	}
	for _, name := range names {
		o.keepComponent(component{typ: t, fullName: namespace + "__" + name, namespace: namespace}, &element{})
	}
	return nil
}

func childType(name string) bool {
	return slices.ContainsFunc(metadataTypes, func(t metadataType) bool { return slices.Contains(t.children, name) })
}

func (o *Org) listObjects() []listedComponent {
	var list []listedComponent
	for _, obj := range o.schema().All() {
		if kind, _ := obj.Associate(); kind == "" && !obj.Trait("virtual") && !obj.Trait("filtered") {
			l := listedComponent{typ: "CustomObject", fullName: obj.Name, file: "objects/" + obj.Name + ".object", created: undated, modified: undated}
			if strings.Contains(obj.Name, "__") {
				l.id, l.created, l.modified = o.toolingID("01I", obj.Name), obj.ModifiedAt, obj.ModifiedAt
			}
			list = append(list, l)
		}
	}
	return list
}

func (o *Org) listChildren(typ string) []listedComponent {
	var list []listedComponent
	add := func(obj *schema.Object, name, id string) {
		list = append(list, listedComponent{
			typ: typ, fullName: obj.Name + "." + name, file: "objects/" + obj.Name + ".object", id: id, created: obj.ModifiedAt, modified: obj.ModifiedAt,
		})
	}
	for _, obj := range o.schema().All() {
		switch typ {
		case "CustomField":
			for _, f := range obj.Fields {
				if f.Custom {
					add(obj, f.Name, o.toolingID("00N", obj.Name+"."+f.Name))
				}
			}
		case "RecordType":
			for _, rt := range obj.RecordTypes {
				if !rt.Master {
					add(obj, rt.DeveloperName, rt.RecordTypeID)
				}
			}
		}
	}
	if typ == "ValidationRule" {
		for _, r := range o.auto.validation {
			if obj := o.schema().Get(r.Object); obj != nil {
				add(obj, r.Name, o.toolingID("03d", r.Object+"."+r.Name))
			}
		}
	}
	return list
}

// listAutomation lists the rules that are Go functions, not files.
func (o *Org) listAutomation(typ string) []listedComponent {
	var list []listedComponent
	add := func(t *metadataType, name, id string) {
		list = append(list, listedComponent{typ: typ, fullName: name, file: t.file(name), id: id, created: o.schemaChanged, modified: o.schemaChanged})
	}
	for _, trigger := range o.auto.triggers {
		switch {
		case typ == "ApexTrigger" && trigger.Kind == "":
			add(typeNamed(typ), trigger.Name, o.toolingID("01q", trigger.Name))
		case typ == "Flow" && trigger.Kind == FlowKind:
			add(typeNamed(typ), trigger.Name, o.toolingID("301", trigger.Name))
		case typ == "WorkflowRule" && trigger.Kind == WorkflowKind:
			add(typeNamed("Workflow"), trigger.Object+"."+trigger.Name, o.toolingID("01Q", trigger.Name))
		}
	}
	if typ == "DuplicateRule" {
		for _, r := range o.auto.dupes {
			add(typeNamed(typ), r.Object+"."+r.Name, o.toolingID("0Bm", r.Object+"."+r.Name))
		}
	}
	return list
}

func sortedMapKeys[T any](m map[string]T) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// toolingID is the lasting id of a component, by its prefix and name.
func (o *Org) toolingID(prefix, name string) string {
	o.idMu.Lock()
	known := o.auto.ids[prefix+name]
	o.idMu.Unlock()
	if known == "" {
		known = o.nextID(prefix)
		o.idMu.Lock()
		o.auto.ids[prefix+name] = known
		o.idMu.Unlock()
	}
	return known
}

// exportObject is an object with its rules and record types.
func (o *Org) exportObject(obj *schema.Object) *schema.CustomObject {
	m := obj.Export()
	for _, r := range o.auto.validation {
		if strings.EqualFold(r.Object, obj.Name) {
			m.ValidationRules = append(m.ValidationRules, schema.ValidationRule{
				FullName: r.Name, Active: !r.Inactive,
				ErrorConditionFormula: r.Condition, ErrorDisplayField: r.Field, ErrorMessage: r.Message,
			})
		}
	}
	for _, rt := range obj.RecordTypes {
		if !rt.Master {
			m.RecordTypes = append(m.RecordTypes, schema.RecordTypeMetadata{FullName: rt.DeveloperName, Active: rt.Active, Label: rt.Name})
		}
	}
	return m
}

// file is a component's text, as a package holds it; nil when there is none.
// The read lock must be held.
func (o *Org) file(typ, fullName string) (body, meta []byte) {
	switch typ {
	case "CustomObject":
		if obj := o.schema().Get(fullName); obj != nil {
			return marshal(o.exportObject(obj)), nil
		}
		return nil, nil
	case "DuplicateRule":
		for _, r := range o.auto.dupes {
			if strings.EqualFold(r.Object+"."+r.Name, fullName) {
				return r.metadata(), nil
			}
		}
	case "ApexTrigger":
		for _, t := range o.auto.triggers {
			if t.Kind == "" && strings.EqualFold(t.Name, fullName) {
				return t.source(), t.metadata()
			}
		}
	case "Flow":
		for _, t := range o.auto.triggers {
			if t.Kind == FlowKind && strings.EqualFold(t.Name, fullName) {
				return t.metadata(), nil
			}
		}
	}
	o.meta.mu.Lock()
	defer o.meta.mu.Unlock()
	if c := o.meta.components[componentID(typ, fullName)]; c != nil {
		return c.body, c.meta
	}
	return nil, nil
}

func marshal(v any) []byte {
	text, err := xml.MarshalIndent(v, "", "    ")
	if err != nil {
		return nil
	}
	return append([]byte(xml.Header), text...)
}

// source is what a trigger shows of itself: the signature that its Go function has.
func (t *Trigger) source() []byte {
	events := make([]string, len(t.Events))
	for i, e := range t.Events {
		text := string(e)
		for _, when := range []string{"Before", "After"} {
			if rest, is := strings.CutPrefix(text, when); is {
				events[i] = strings.ToLower(when + " " + rest)
			}
		}
	}
	return []byte(fmt.Sprintf("trigger %s on %s (%s) {\n}\n", t.Name, t.Object, strings.Join(events, ", ")))
}

func (t *Trigger) metadata() []byte {
	status := "Active"
	if t.Inactive {
		status = "Inactive"
	}
	if t.Kind == FlowKind {
		if t.Inactive {
			status = "Obsolete"
		}
		return []byte(xml.Header + `<Flow xmlns="` + schema.Namespace + `"><label>` + t.Name + `</label><processType>AutoLaunchedFlow</processType><start><object>` +
			t.Object + `</object><recordTriggerType>CreateAndUpdate</recordTriggerType><triggerType>RecordAfterSave</triggerType></start><status>` + status + `</status></Flow>`)
	}
	return []byte(xml.Header + `<ApexTrigger xmlns="` + schema.Namespace + `"><apiVersion>66.0</apiVersion><status>` + status + `</status></ApexTrigger>`)
}

func (r *DuplicateRule) metadata() []byte {
	action := "Allow"
	if r.Block {
		action = "Block"
	}
	return []byte(xml.Header + `<DuplicateRule xmlns="` + schema.Namespace + `"><actionOnInsert>` + action + `</actionOnInsert><actionOnUpdate>` + action +
		`</actionOnUpdate><isActive>` + strconv.FormatBool(!r.Inactive) + `</isActive><masterLabel>` + r.Name + `</masterLabel></DuplicateRule>`)
}

// soapReadMetadata answers components by name, synchronously.
func soapReadMetadata(c *soapCall) ([]*element, error) {
	if err := c.mayMetadata(); err != nil {
		return nil, err
	}
	typ, names := c.method.child("type").text, c.method.all("fullNames")
	most := 10
	if typ == "CustomMetadata" || typ == "CustomApplication" {
		most = 200
	}
	if len(names) > most {
		return nil, &soapFault{"EXCEEDED_ID_LIMIT", fmt.Sprintf("record limit reached. cannot submit more than %d records in this operation", most)}
	}
	c.org.mu.RLock()
	defer c.org.mu.RUnlock()
	result := el("result")
	for _, name := range names {
		result.add(c.org.readComponent(typ, name))
	}
	return []*element{result}, nil
}

// readComponent is a component as readMetadata prints it: an empty record when
// there is none.
func (o *Org) readComponent(typ, name string) *element {
	records := el("records")
	if typ == "CustomField" || typ == "ValidationRule" || typ == "RecordType" {
		return o.readChild(typ, name)
	}
	body, meta := o.file(typ, name)
	if meta != nil {
		body = meta
	}
	if body == nil {
		return records
	}
	document, err := parseXML(strings.NewReader(string(body)))
	if err != nil || len(document.children) == 0 {
		return records
	}
	records.add(leaf("fullName", name))
	for _, child := range document.children[0].children {
		if child.name != "fullName" {
			records.add(trimmed(child))
		}
	}
	return records
}

// trimmed drops the white space between an element's children.
func trimmed(e *element) *element {
	if len(e.children) > 0 {
		e.text = ""
	}
	for _, c := range e.children {
		trimmed(c)
	}
	return e
}

// readChild is a field, a rule or a record type of an object.
func (o *Org) readChild(typ, name string) *element {
	object, child, _ := strings.Cut(name, ".")
	list := map[string]string{"CustomField": "fields", "ValidationRule": "validationRules", "RecordType": "recordTypes"}[typ]
	for _, e := range o.readComponent("CustomObject", object).children {
		if e.name == list && strings.EqualFold(e.child("fullName").text, child) {
			e.name = "records"
			e.child("fullName").text = name
			return e
		}
	}
	return el("records")
}
