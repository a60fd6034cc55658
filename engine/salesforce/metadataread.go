package salesforce

import (
	"archive/zip"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/holdfast-backup/holdfast/engine"
)

// namesPerRead is how many components one readMetadata takes.
const namesPerRead = 10

// readWhole are the types of whose components a retrieve gives out no more than
// what concerns the others in it. readMetadata gives them whole. Permission sets
// are whole in a retrieve, too, since version 40.
var readWhole = set("Profile", "MutingPermissionSet", "CustomObjectTranslation", "Translations")

// readBatch reads components of one type. What the org refuses together it is
// asked for in halves: one that it does not give out leaves the others whole.
func (o *org) readBatch(ctx context.Context, batch []engine.Component, take func(engine.RetrievedComponent) error) error {
	archive, err := o.readArchive(ctx, batch)
	if err == nil {
		return errors.Join(archive.handOver(ctx, batch, take), archive.Close())
	}
	refusal, answered := refused(err)
	switch {
	case !answered || engine.Is(err, engine.KindLimit):
		return err
	case len(batch) > 1:
		half := len(batch) / 2
		if err := o.readBatch(ctx, batch[:half], take); err != nil {
			return err
		}
		return o.readBatch(ctx, batch[half:], take)
	case engine.Is(err, engine.KindTransient):
		return err
	}
	return take(engine.RetrievedComponent{Component: batch[0], Problem: "Salesforce refused to read it (" + refusal.Code + ")"})
}

// readArchive reads a batch into an archive of ours, with the files that a
// retrieve would have made of it.
func (o *org) readArchive(ctx context.Context, batch []engine.Component) (*archive, error) {
	var body strings.Builder
	for i := range batch {
		body.WriteString(tag("fullNames", batch[i].FullName))
	}
	m := soapMessage{
		body:  "<x:readMetadata>" + tag("type", batch[0].Type) + body.String() + "</x:readMetadata>",
		doing: "read metadata", object: batch[0].Type, again: true,
	}
	a := &archive{}
	err := o.soap(ctx, metadataAPI, m, func(answer answer) error {
		return a.fill(func(out io.Writer) error { return writeRecords(out, answer.body, batch) })
	})
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// writeRecords makes a zip of the records of an answer, each a file as a
// retrieve names it. Of the answer one record at a time is in memory.
func writeRecords(out io.Writer, body io.Reader, batch []engine.Component) error {
	z, d := zip.NewWriter(out), xml.NewDecoder(body)
	for whole := false; ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) && whole {
			return z.Close()
		}
		if err != nil {
			return &broken{err: errIncomplete}
		}
		switch t := token.(type) {
		case xml.EndElement:
			whole = t.Name.Local == "Envelope"
		case xml.StartElement:
			if t.Name.Local != "records" {
				continue
			}
			var record element
			if err := d.DecodeElement(&record, &t); err != nil {
				return &broken{err: errIncomplete}
			}
			if err := record.writeAs(z, batch); err != nil {
				return err
			}
		}
	}
}

// element is a piece of metadata, of any type.
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Text     string     `xml:",chardata"`
	Children []element  `xml:",any"`
}

// writeAs writes a record as the file of its component, in the form that a
// retrieve gives it: without its name, parts in order. An empty record is none.
func (e *element) writeAs(z *zip.Writer, batch []engine.Component) error {
	at := slices.IndexFunc(e.Children, func(c element) bool { return c.XMLName.Local == "fullName" })
	if at < 0 {
		return nil
	}
	name := e.Children[at].Text
	of := slices.IndexFunc(batch, func(c engine.Component) bool { return sameName(c.FullName, name) })
	if of < 0 {
		return nil
	}
	out, err := z.Create(batch[of].FileName)
	if err != nil {
		return err
	}
	parts := make([]string, 0, len(e.Children))
	for i := range e.Children {
		var b strings.Builder
		if i != at {
			e.Children[i].write(&b, "    ")
			parts = append(parts, b.String())
		}
	}
	slices.Sort(parts) // the org promises no order, and another one is no change
	_, err = io.WriteString(out, xml.Header+"<"+batch[of].Type+` xmlns="`+metadataAPI.namespace+`">`+"\n"+strings.Join(parts, "")+"</"+batch[of].Type+">\n")
	return err
}

// sameName compares full names, of which some calls escape parts.
func sameName(a, b string) bool {
	plain := func(name string) string {
		if text, err := url.PathUnescape(name); err == nil {
			return text
		}
		return name
	}
	return plain(a) == plain(b)
}

// escaped is text as the files of a retrieve have it.
var escaped = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;", "\r", "&#xD;")

// write prints the element on lines of its own, unless it is null.
func (e *element) write(b *strings.Builder, indent string) {
	if slices.ContainsFunc(e.Attrs, func(a xml.Attr) bool { return a.Name.Local == "nil" && a.Value == "true" }) {
		return
	}
	b.WriteString(indent + "<" + e.XMLName.Local + ">")
	if len(e.Children) == 0 {
		b.WriteString(escaped.Replace(e.Text))
	} else {
		b.WriteByte('\n')
		for i := range e.Children {
			e.Children[i].write(b, indent+"    ")
		}
		b.WriteString(indent)
	}
	b.WriteString("</" + e.XMLName.Local + ">\n")
}
