package simorg

import (
	"bytes"
	"strings"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
)

// soapWriteMetadata is createMetadata, updateMetadata and upsertMetadata: up to
// ten components at once, each for itself.
func soapWriteMetadata(c *soapCall) ([]*element, error) {
	if err := c.mayMetadata(); err != nil {
		return nil, err
	}
	parts := c.elements("metadata")
	if len(parts) > 10 {
		return nil, &soapFault{"EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than 10 records in this operation"}
	}
	results := make([]*element, len(parts))
	for i, part := range parts {
		results[i] = c.one(part)
	}
	return results, nil
}

// one deploys one component given inline.
func (c *soapCall) one(part *element) *element {
	name := part.child("fullName").text
	object, child, nested := strings.Cut(name, ".")
	file, body := "objects/"+object+".object", &element{name: "CustomObject"}
	switch {
	case nested && part.child("type").text != "":
		part.name, part.child("fullName").text = "fields", child
		body.add(part)
	case nested:
		part.name, part.child("fullName").text = "validationRules", child
		body.add(part)
	default:
		body.children = part.children
	}
	var text bytes.Buffer
	body.write(&text)
	xml := strings.Replace(text.String(), "<CustomObject>", `<CustomObject xmlns="`+schema.Namespace+`">`, 1)
	return c.result(name, map[string][]byte{"package.xml": []byte("<Package/>"), file: []byte(xml)})
}

// result deploys files and prints the SaveResult.
func (c *soapCall) result(name string, files map[string][]byte) *element {
	d := &deployment{rollback: true, by: c.session.user, created: c.org.cfg.Now().UTC()}
	c.org.mu.Lock()
	defer c.org.mu.Unlock()
	c.org.deploy(d, zipped(files))
	result := el("result")
	if d.failed != nil {
		result.add(el("errors", leaf("message", d.failed[0].problem), leaf("statusCode", "INVALID_FIELD_OR_REFERENCE")))
	}
	return result.add(leaf("fullName", name), boolLeaf("success", d.failed == nil))
}

func soapDeleteMetadata(c *soapCall) ([]*element, error) {
	if err := c.mayMetadata(); err != nil {
		return nil, err
	}
	typ := c.method.child("type").text
	var results []*element
	for _, name := range c.method.all("fullNames") {
		manifest := "<Package><types><members>" + name + "</members><name>" + typ + "</name></types></Package>"
		results = append(results, c.result(name, map[string][]byte{"package.xml": []byte("<Package/>"), "destructiveChanges.xml": []byte(manifest)}))
	}
	return results, nil
}
