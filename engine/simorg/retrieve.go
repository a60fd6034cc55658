package simorg

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
)

const (
	// maxPackageFiles is how many files a package may hold.
	maxPackageFiles = 10_000
	// maxPackageBytes is how large its zip may be, compressed.
	maxPackageBytes = 39 << 20
)

// retrieval is a retrieve request; its zip is given once.
type retrieval struct {
	id       string
	polls    int
	problem  string
	zip      []byte
	files    []listedComponent
	messages []string
}

func soapRetrieve(c *soapCall) ([]*element, error) {
	if err := c.mayMetadata(); err != nil {
		return nil, err
	}
	if len(c.method.children) == 0 {
		return nil, &soapFault{"INVALID_INPUT", "a retrieve request is needed"}
	}
	request := c.method.children[0]
	c.org.mu.RLock()
	r := &retrieval{id: c.org.nextID("09S"), polls: c.org.cfg.BulkPolls}
	c.org.pack(r, request)
	c.org.mu.RUnlock()
	c.org.meta.mu.Lock()
	defer c.org.meta.mu.Unlock()
	c.org.meta.retrieves[r.id] = r
	return []*element{el("result", boolLeaf("done", false), leaf("id", r.id), leaf("state", "Queued"))}, nil
}

// pack gathers what the request names into a zip.
func (o *Org) pack(r *retrieval, request *element) {
	root := "unpackaged/"
	if request.child("singlePackage").text == "true" {
		root = ""
	}
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	p := &packing{retrieval: r, zip: w, root: root, packed: map[string]bool{}, company: company{}}
	var named []*listedComponent
	var manifest strings.Builder
	for _, types := range request.child("unpackaged").children {
		if types.name != "types" {
			continue
		}
		name := types.child("name").text
		manifest.WriteString("<types>")
		for _, m := range o.expand(name, types.all("members")) {
			manifest.WriteString("<members>" + m + "</members>")
			named = append(named, &listedComponent{typ: name, fullName: m})
			p.company[componentID(name, m)] = true
		}
		manifest.WriteString("<name>" + name + "</name></types>")
	}
	for _, c := range named {
		o.packOne(p, c.typ, c.fullName)
	}
	if len(r.files) > o.cfg.PackageFiles {
		r.problem = "LIMIT_EXCEEDED: Too many files in retrieve call, limit is: " + strconv.Itoa(o.cfg.PackageFiles)
		return
	}
	writeZip(w, root+"package.xml", []byte(`<?xml version="1.0" encoding="UTF-8"?><Package xmlns="http://soap.sforce.com/2006/04/metadata">`+
		manifest.String()+"<version>66.0</version></Package>"))
	if err := w.Close(); err != nil {
		r.problem = "UNKNOWN_EXCEPTION: " + err.Error()
		return
	}
	if r.zip = archive.Bytes(); len(r.zip) > maxPackageBytes {
		r.problem = "LIMIT_EXCEEDED: The retrieved zip file exceeds the limit of " + strconv.Itoa(maxPackageBytes) + " bytes"
	}
}

func writeZip(w *zip.Writer, name string, data []byte) {
	if f, err := w.Create(name); err == nil {
		_, _ = f.Write(data)
	}
}

// expand spells * out: for objects it means the custom ones, for foldered
// types nothing.
func (o *Org) expand(typ string, members []string) []string {
	var all []string
	for _, m := range members {
		if m != "*" {
			all = append(all, m)
			continue
		}
		list, _ := o.listComponents(typ, "")
		for _, l := range list {
			if typ != "CustomObject" || strings.Contains(l.fullName, "__") {
				all = append(all, l.fullName)
			}
		}
	}
	return all
}

// packing is a zip being filled.
type packing struct {
	*retrieval
	zip     *zip.Writer
	root    string
	packed  map[string]bool // by path
	company company
}

func (o *Org) packOne(p *packing, typ, member string) {
	holder, name := typ, member
	switch typ {
	case "CustomField", "ValidationRule", "RecordType":
		holder = "CustomObject"
		name, _, _ = strings.Cut(member, ".")
	}
	if len(p.files) > o.cfg.PackageFiles {
		return // refused already
	}
	t := typeNamed(holder)
	body, meta := o.file(holder, name)
	if t != nil && t.folder && body == nil && o.hasFolder(t, name) {
		body = []byte(xml.Header + "<" + t.folderType() + ` xmlns="` + schema.Namespace + `"><name>` + name + "</name></" + t.folderType() + ">")
	}
	if t == nil || body == nil {
		p.messages = append(p.messages, "Entity of type '"+typ+"' named '"+member+"' cannot be found")
		return
	}
	file := t.file(name)
	if t.folder && !o.hasComponent(holder, name) {
		file = t.dir + "/" + name + "-meta.xml"
	}
	if p.packed[file] {
		return
	}
	p.packed[file] = true
	p.files = append(p.files, listedComponent{typ: holder, fullName: name, file: p.root + file, created: o.schemaChanged, modified: o.schemaChanged})
	if holder == "Profile" {
		body = p.company.sparse(body)
	}
	writeZip(p.zip, p.root+file, body)
	if meta != nil {
		writeZip(p.zip, p.root+file+"-meta.xml", meta)
	}
}

// hasFolder reports whether something of the type lies in a folder.
func (o *Org) hasFolder(t *metadataType, name string) bool {
	o.meta.mu.Lock()
	defer o.meta.mu.Unlock()
	return slices.ContainsFunc(o.listFolders(t, ""), func(l listedComponent) bool { return l.fullName == name })
}

// processID is the request that a call asks about; clients differ in the
// element's name.
func (c *soapCall) processID() string {
	if id := c.method.child("id").text; id != "" {
		return id
	}
	return c.method.child("asyncProcessId").text
}

func soapCheckRetrieve(c *soapCall) ([]*element, error) {
	c.org.meta.mu.Lock()
	defer c.org.meta.mu.Unlock()
	r := c.org.meta.retrieves[c.processID()]
	if r == nil {
		return nil, &soapFault{"INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"}
	}
	result := el("result")
	if r.polls > 0 {
		r.polls--
		return []*element{result.add(boolLeaf("done", false), leaf("id", r.id), leaf("status", "InProgress"), boolLeaf("success", false))}, nil
	}
	result.add(boolLeaf("done", true))
	if r.problem != "" {
		code, message, _ := strings.Cut(r.problem, ": ")
		return []*element{result.add(leaf("errorMessage", message), leaf("errorStatusCode", code), leaf("id", r.id), leaf("status", "Failed"), boolLeaf("success", false))}, nil
	}
	for _, f := range r.files {
		result.add(c.org.fileProperties("fileProperties", f))
	}
	result.add(leaf("id", r.id))
	for _, m := range r.messages {
		result.add(el("messages", leaf("fileName", "unpackaged/package.xml"), leaf("problem", m)))
	}
	result.add(leaf("status", "Succeeded"), boolLeaf("success", true))
	if c.method.child("includeZip").text != "false" {
		if r.zip == nil {
			return nil, &soapFault{"INVALID_LOCATOR", "The zip of this retrieve was given already and is deleted"}
		}
		result.add(leaf("zipFile", base64.StdEncoding.EncodeToString(r.zip)))
		r.zip = nil
	}
	return []*element{result}, nil
}

// soapCheckStatus is how far a deploy or a retrieve is, and nothing of what came
// of it: that is for checkDeployStatus and checkRetrieveStatus to tell.
func soapCheckStatus(c *soapCall) ([]*element, error) {
	c.org.meta.mu.Lock()
	defer c.org.meta.mu.Unlock()
	var results []*element
	for _, id := range c.method.all("id") {
		r, d := c.org.meta.retrieves[id], c.org.meta.deploys[id]
		var polls *int
		switch {
		case r != nil:
			polls = &r.polls
		case d != nil:
			polls = &d.polls
		default:
			return nil, &soapFault{"INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"}
		}
		state := "Completed"
		if *polls > 0 {
			state = "InProgress"
			*polls--
		}
		results = append(results, el("result", boolLeaf("done", state == "Completed"), leaf("id", id), leaf("state", state)))
	}
	return results, nil
}

// zipped packs files into a zip.
func zipped(files map[string][]byte) []byte {
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	for _, name := range sortedMapKeys(files) {
		writeZip(w, name, files[name])
	}
	if err := w.Close(); err != nil {
		return nil
	}
	return archive.Bytes()
}
