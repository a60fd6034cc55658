package simorg

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
)

// deployment is a deploy request and what came of it.
type deployment struct {
	id        string
	options   map[string]any
	checkOnly bool
	rollback  bool
	polls     int
	cancelled bool
	by        *person
	created   time.Time
	done      []componentResult
	failed    []componentResult
}

// componentResult is what became of one component.
type componentResult struct {
	typ, fullName, file, problem string
	created, deleted             bool
}

// deploying is a package on its way in: it changes a copy of the schema, and
// keeps what else is to be done until all of it is known to work.
type deploying struct {
	*deployment
	org    *Org
	schema *schema.Catalogue
	apply  []func()
	files  map[string][]byte
}

// deploy brings a package in; the write lock must be held.
func (o *Org) deploy(d *deployment, archive []byte) {
	w := &deploying{deployment: d, org: o, schema: o.schema().Clone(), files: map[string][]byte{}}
	if err := w.unpack(archive); err != nil {
		w.fail(componentResult{typ: "Package", fullName: "package.xml", file: "package.xml", problem: err.Error()})
		return
	}
	w.destroy("destructiveChangesPre.xml")
	w.components()
	w.destroy("destructiveChanges.xml")
	w.destroy("destructiveChangesPost.xml")
	if d.checkOnly || d.failed != nil && d.rollback {
		return
	}
	old := o.schema()
	o.publish(w.schema)
	for _, f := range w.apply {
		f()
	}
	o.convert(old)
	o.addRecordTypes()
}

func (w *deploying) fail(r componentResult) { w.failed = append(w.failed, r) }
func (w *deploying) ok(r componentResult)   { w.done = append(w.done, r) }

// settle notes the outcome of one component.
func (w *deploying) settle(r componentResult, err error) {
	if err != nil {
		r.problem = err.Error()
		w.fail(r)
		return
	}
	w.ok(r)
}

// unpack reads the zip; the root folder, if there is one, is dropped.
func (w *deploying) unpack(archive []byte) error {
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return fmt.Errorf("the file is not a zip: %w", err)
	}
	if len(z.File) > maxPackageFiles {
		return fmt.Errorf("too many files in the package, limit is: %d", maxPackageFiles)
	}
	root := ""
	for _, f := range z.File {
		if dir, is := strings.CutSuffix(f.Name, "package.xml"); is && (root == "" || len(dir) < len(root)) {
			root = dir
		}
	}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			return err
		}
		data, err := io.ReadAll(io.LimitReader(r, maxBody))
		_ = r.Close()
		if err != nil {
			return err
		}
		if !strings.HasSuffix(f.Name, "/") {
			w.files[strings.TrimPrefix(f.Name, root)] = data
		}
	}
	if w.files["package.xml"] == nil {
		return fmt.Errorf("no package.xml found")
	}
	return nil
}

// destroy removes what a destructive manifest names.
func (w *deploying) destroy(manifest string) {
	data := w.files[manifest]
	if data == nil {
		return
	}
	document, err := parseXML(bytes.NewReader(data))
	if err != nil {
		w.fail(componentResult{typ: "Package", fullName: manifest, file: manifest, problem: err.Error()})
		return
	}
	for _, types := range document.child("Package").children {
		if types.name != "types" {
			continue
		}
		for _, member := range types.all("members") {
			typ := types.child("name").text
			w.settle(componentResult{typ: typ, fullName: member, file: manifest, deleted: true}, w.remove(typ, member))
		}
	}
}

func (w *deploying) remove(typ, member string) error {
	object, child, _ := strings.Cut(member, ".")
	obj := w.schema.Get(object)
	absent := fmt.Errorf("No %s named: %s found", typ, member) //nolint:staticcheck // the platform's text
	switch typ {
	case "CustomField":
		if obj == nil || obj.Field(child) == nil || !obj.Field(child).Custom {
			return absent
		}
		obj.Remove(child)
		w.schema.Unrelate(obj.Name, child)
	case "CustomObject":
		if obj == nil || !strings.Contains(obj.Name, "__") {
			return absent
		}
		w.schema.Drop(obj.Name)
		w.apply = append(w.apply, func() { delete(w.org.tables, obj.Name) })
	case "ValidationRule":
		if !slices.ContainsFunc(w.org.auto.validation, func(r *ValidationRule) bool { return strings.EqualFold(r.Object+"."+r.Name, member) }) {
			return absent
		}
		w.apply = append(w.apply, func() {
			w.org.auto.validation = slices.DeleteFunc(w.org.auto.validation, func(r *ValidationRule) bool { return strings.EqualFold(r.Object+"."+r.Name, member) })
		})
	default:
		return w.removeFile(typ, member, absent)
	}
	return nil
}

func (w *deploying) removeFile(typ, member string, absent error) error {
	w.org.meta.mu.Lock()
	defer w.org.meta.mu.Unlock()
	key := componentID(typ, member)
	if w.org.meta.components[key] == nil {
		return absent
	}
	w.apply = append(w.apply, func() {
		w.org.meta.mu.Lock()
		defer w.org.meta.mu.Unlock()
		delete(w.org.meta.components, key)
	})
	return nil
}

// components brings the package's files in, objects first.
func (w *deploying) components() {
	names := sortedMapKeys(w.files)
	slices.SortStableFunc(names, func(a, b string) int { return order(a) - order(b) })
	for _, name := range names {
		t, fullName, meta := typeOfPath(name)
		switch {
		case t == nil || meta:
		case t.name == "CustomObject":
			w.object(fullName, name)
		default:
			w.settle(componentResult{typ: t.name, fullName: fullName, file: name, created: !w.org.hasComponent(t.name, fullName)},
				w.keep(t, fullName, w.files[name], w.files[name+"-meta.xml"]))
		}
	}
}

func order(path string) int {
	if strings.HasPrefix(path, "objects/") {
		return 0
	}
	return 1
}

// object brings an object in, field by field, so that each failure has its name.
func (w *deploying) object(name, file string) {
	var m schema.CustomObject
	if err := xml.Unmarshal(w.files[file], &m); err != nil {
		w.fail(componentResult{typ: "CustomObject", fullName: name, file: file, problem: err.Error()})
		return
	}
	now := w.org.cfg.Now().UTC().Truncate(time.Second)
	bare := m
	bare.Fields = nil
	known := w.schema.Get(name) != nil
	if err := w.schema.Apply(name, &bare, now); err != nil {
		w.fail(componentResult{typ: "CustomObject", fullName: name, file: file, problem: err.Error()})
		return
	}
	if m.Label != "" {
		w.ok(componentResult{typ: "CustomObject", fullName: name, file: file, created: !known})
	}
	obj := w.schema.Get(name)
	for i := range m.Fields {
		field := &m.Fields[i]
		r := componentResult{typ: "CustomField", fullName: name + "." + field.FullName, file: file, created: obj.Field(field.FullName) == nil}
		w.settle(r, w.field(obj, field))
	}
	w.rules(name, file, &m)
}

// field refuses what the platform would not take and applies the rest.
func (w *deploying) field(obj *schema.Object, m *schema.CustomField) error {
	if f := obj.Field(m.FullName); f != nil && !f.Custom {
		return nil
	}
	if !strings.HasSuffix(m.FullName, "__c") {
		return fmt.Errorf("The custom field name must end with __c: %s", m.FullName) //nolint:staticcheck // the platform's text
	}
	return w.schema.ApplyField(obj, m)
}

func (w *deploying) rules(object, file string, m *schema.CustomObject) {
	for _, r := range m.ValidationRules {
		rule := &ValidationRule{Object: object, Name: r.FullName, Condition: r.ErrorConditionFormula, Message: r.ErrorMessage, Field: r.ErrorDisplayField, Inactive: !r.Active}
		w.settle(componentResult{typ: "ValidationRule", fullName: object + "." + r.FullName, file: file}, rule.compile())
		w.apply = append(w.apply, func() { _ = w.org.addValidationRule(rule) })
	}
	for _, rt := range m.RecordTypes {
		w.org.addRecordType(w.schema.Get(object), rt)
		w.ok(componentResult{typ: "RecordType", fullName: object + "." + rt.FullName, file: file})
	}
}

// keep stores a component's files and flips the switch it may carry.
func (w *deploying) keep(t *metadataType, fullName string, body, meta []byte) error {
	text := body
	if meta != nil {
		text = meta
	}
	document := &element{}
	if t.suffix != "resource" && (meta != nil || !t.metaFile) {
		var err error
		if document, err = parseXML(bytes.NewReader(text)); err != nil {
			return fmt.Errorf("error parsing file: %w", err)
		}
	}
	root := &element{}
	if len(document.children) > 0 {
		root = document.children[0]
	}
	w.apply = append(w.apply, func() {
		w.org.keepComponent(component{typ: t, fullName: fullName, body: body, meta: meta, modifiedBy: w.by}, root)
	})
	return nil
}

func (o *Org) hasComponent(typ, fullName string) bool {
	o.meta.mu.Lock()
	defer o.meta.mu.Unlock()
	return o.meta.components[componentID(typ, fullName)] != nil
}

// keepComponent stores a component, unless it is the switch of a rule that is a
// Go function.
func (o *Org) keepComponent(fresh component, root *element) {
	t, fullName := fresh.typ, fresh.fullName
	if o.flip(t.name, fullName, root) {
		return
	}
	switch t.name {
	case "CustomMetadata":
		o.keepMetadataRecord(fullName, root)
	case "CustomPermission":
		o.keepCustomPermission(fullName, root)
	case "PermissionSet":
		o.keepPermissionSet(fullName, root)
	}
	now := o.cfg.Now().UTC()
	id := o.toolingID("0Mc", t.name+fullName)
	o.meta.mu.Lock()
	defer o.meta.mu.Unlock()
	key := componentID(t.name, fullName)
	if c := o.meta.components[key]; c != nil {
		if t.name == "Profile" {
			fresh.body = overlaid(c.body, root)
		}
		c.body, c.meta, c.modified, c.modifiedBy = fresh.body, fresh.meta, now, fresh.modifiedBy
		return
	}
	fresh.id, fresh.created, fresh.modified, fresh.createdBy = id, now, now, fresh.modifiedBy
	o.meta.components[key] = &fresh
}

// flip switches a trigger, a flow or a duplicate rule as its metadata says.
func (o *Org) flip(typ, fullName string, root *element) bool {
	for _, t := range o.auto.triggers {
		kind := map[string]string{"ApexTrigger": "", "Flow": FlowKind}
		if k, is := kind[typ]; is && t.Kind == k && strings.EqualFold(t.Name, fullName) {
			t.Inactive = root.child("status").text != "Active"
			return true
		}
	}
	for _, r := range o.auto.dupes {
		if typ == "DuplicateRule" && strings.EqualFold(r.Object+"."+r.Name, fullName) {
			r.Inactive = root.child("isActive").text != "true"
			return true
		}
	}
	return false
}

// convert rewrites the values of fields whose type a deploy changed, without a
// new SystemModstamp; what does not fit becomes null.
func (o *Org) convert(old *schema.Catalogue) {
	for _, obj := range o.schema().All() {
		before := old.Get(obj.Name)
		if before == nil {
			continue
		}
		for _, f := range obj.Fields {
			if was := before.Field(f.Name); was != nil && was.Type != f.Type && was.From == schema.Stored {
				o.convertField(obj, f)
			}
		}
	}
}

func (o *Org) convertField(obj *schema.Object, f *schema.Field) {
	o.rewrite(obj, f, func(text string) string {
		text, err := coerce(f, text)
		if err != nil {
			return ""
		}
		return text
	})
}

// state is where a deployment stands.
func (d *deployment) state() (status string, done bool) {
	switch {
	case d.cancelled:
		return "Canceled", true
	case d.polls > 0:
		return "InProgress", false
	case d.failed != nil && (d.rollback || d.done == nil):
		return "Failed", true
	case d.failed != nil:
		return "SucceededPartial", true
	}
	return "Succeeded", true
}

// open starts a deployment of a zip.
func (c *call) openDeploy(archive []byte, options map[string]any) (*deployment, error) {
	if err := c.mayMetadata(); err != nil {
		return nil, err
	}
	yes := func(name string, fallback bool) bool {
		switch v := options[name].(type) {
		case bool:
			return v
		case string:
			return v == "true"
		}
		return fallback
	}
	d := &deployment{
		id: c.org.nextID("0Af"), options: options, checkOnly: yes("checkOnly", false), rollback: yes("rollbackOnError", true),
		polls: c.org.cfg.BulkPolls, by: c.session.user, created: c.org.cfg.Now().UTC(),
	}
	c.org.mu.Lock()
	c.org.deploy(d, archive)
	c.org.mu.Unlock()
	c.org.meta.mu.Lock()
	defer c.org.meta.mu.Unlock()
	c.org.meta.deploys[d.id] = d
	return d, nil
}

func soapDeploy(c *soapCall) ([]*element, error) {
	archive, err := base64.StdEncoding.DecodeString(strings.TrimSpace(c.method.child("ZipFile").text))
	if err != nil {
		return nil, &soapFault{"INVALID_INPUT", "ZipFile is not base64"}
	}
	options := map[string]any{}
	for _, o := range c.method.child("DeployOptions").children {
		options[o.name] = o.text
	}
	d, err := c.openDeploy(archive, options)
	if err != nil {
		return nil, err
	}
	return []*element{el("result", boolLeaf("done", false), leaf("id", d.id), leaf("state", "Queued"))}, nil
}

// deployment finds a request; it moves on each time somebody looks.
func (c *call) deployment(id string) (*deployment, error) {
	c.org.meta.mu.Lock()
	defer c.org.meta.mu.Unlock()
	d := c.org.meta.deploys[id]
	if d == nil {
		return nil, badRequest("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
	}
	if d.polls > 0 {
		d.polls--
	}
	return d, nil
}

func soapCheckDeploy(c *soapCall) ([]*element, error) {
	d, err := c.deployment(c.processID())
	if err != nil {
		return nil, err
	}
	return []*element{d.report(c.method.child("includeDetails").text == "true")}, nil
}

func soapCancelDeploy(c *soapCall) ([]*element, error) {
	for _, name := range []string{"String", "id"} {
		if id := c.method.child(name).text; id != "" {
			d, err := c.deployment(id)
			if err != nil {
				return nil, err
			}
			_, done := d.state()
			return []*element{el("result", boolLeaf("done", done), leaf("id", d.id))}, nil
		}
	}
	return nil, &soapFault{"INVALID_INPUT", "an id is needed"}
}
