package simorg

import (
	"encoding/base64"
	"slices"
	"strings"
)

// metadataWrite is how a CRUD call of the Metadata API takes components that
// are there, or are not.
type metadataWrite struct {
	create, update bool
}

// soapWriteMetadata is createMetadata, updateMetadata and upsertMetadata: up to
// ten components at once, each for itself.
func soapWriteMetadata(how metadataWrite) soapMethod {
	return func(c *soapCall) ([]*element, error) {
		if err := c.mayMetadata(); err != nil {
			return nil, err
		}
		parts := c.elements("metadata")
		if len(parts) > 10 {
			return nil, &soapFault{"EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than 10 records in this operation"}
		}
		results := make([]*element, len(parts))
		for i, part := range parts {
			if typeNamed(part.typ) == nil && !childType(part.typ) {
				return nil, &soapFault{"INVALID_TYPE", "Unknown type name '" + part.typ + "' specified"}
			}
			results[i] = c.one(how, part)
		}
		return results, nil
	}
}

// one deploys one component given inline and prints its SaveResult, for an
// upsert with whether it was created.
func (c *soapCall) one(how metadataWrite, part *element) *element {
	name := part.child("fullName").text
	c.org.mu.Lock()
	defer c.org.mu.Unlock()
	known := c.org.knows(part.typ, name)
	var result *element
	switch {
	case known && !how.update:
		result = saveResult(name, "DUPLICATE_DEVELOPER_NAME", "There is already a "+part.typ+" named "+name)
	case !known && !how.create:
		result = saveResult(name, "INVALID_CROSS_REFERENCE_KEY", "In field: fullName - no "+part.typ+" named "+name+" found")
	default:
		result = c.deployed(name, inline(part, name))
	}
	if how.create && how.update {
		result.children = slices.Insert(result.children, 0, boolLeaf("created", !known && result.child("success").text == "true"))
	}
	return result
}

// inline is a package with a component that was given as an element.
func inline(part *element, name string) map[string][]byte {
	files := map[string][]byte{"package.xml": []byte("<Package/>")}
	lists := map[string]string{"CustomField": "fields", "ValidationRule": "validationRules", "RecordType": "recordTypes"}
	if list := lists[part.typ]; list != "" {
		object, child, _ := strings.Cut(name, ".")
		part.name, part.child("fullName").text = list, child
		files["objects/"+object+".object"] = el("CustomObject", part).file()
		return files
	}
	t := typeNamed(part.typ)
	if t == nil { // an alert, a label: part of a file that is not taken apart
		return files
	}
	whole := el(part.typ)
	for _, child := range part.children {
		if child.name != "fullName" && (!t.metaFile || child.name != "content") {
			whole.add(child)
		}
	}
	if !t.metaFile {
		files[t.file(name)] = whole.file()
		return files
	}
	content, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(part.child("content").text))
	files[t.file(name)], files[t.file(name)+"-meta.xml"] = content, whole.file()
	return files
}

// knows says whether there is a component of the name; a lock must be held.
func (o *Org) knows(typ, fullName string) bool {
	object, child, _ := strings.Cut(fullName, ".")
	obj := o.schema().Get(object)
	switch typ {
	case "CustomField":
		return obj != nil && obj.Field(child) != nil
	case "ValidationRule", "RecordType":
		return len(o.readChild(typ, fullName).children) > 0
	}
	body, _ := o.file(typ, fullName)
	return body != nil
}

func saveResult(name, code, problem string) *element {
	result := el("result")
	if problem != "" {
		result.add(el("errors", leaf("message", problem), leaf("statusCode", code)))
	}
	return result.add(leaf("fullName", name), boolLeaf("success", problem == ""))
}

// deployed deploys files and prints the SaveResult; the write lock must be held.
func (c *soapCall) deployed(name string, files map[string][]byte) *element {
	d := &deployment{rollback: true, by: c.session.user, created: c.org.cfg.Now().UTC()}
	c.org.deploy(d, zipped(files))
	problem := ""
	if d.failed != nil {
		problem = d.failed[0].problem
	} else if d.done == nil {
		problem = "This type of metadata cannot be saved on its own here"
	}
	return saveResult(name, "INVALID_FIELD_OR_REFERENCE", problem)
}

func soapDeleteMetadata(c *soapCall) ([]*element, error) {
	if err := c.mayMetadata(); err != nil {
		return nil, err
	}
	typ := c.method.child("type").text
	c.org.mu.Lock()
	defer c.org.mu.Unlock()
	var results []*element
	for _, name := range c.method.all("fullNames") {
		manifest := "<Package><types><members>" + name + "</members><name>" + typ + "</name></types></Package>"
		results = append(results, c.deployed(name, map[string][]byte{"package.xml": []byte("<Package/>"), "destructiveChanges.xml": []byte(manifest)}))
	}
	return results, nil
}
