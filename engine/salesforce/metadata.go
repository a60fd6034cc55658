package salesforce

import (
	"cmp"
	"context"
	"encoding/xml"
	"io"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/holdfast-backup/holdfast/engine"
)

// unfiled is a folder that is not listed among the folders.
const unfiled = "unfiled$public"

// queriesPerList is how many types or folders one listMetadata takes.
const queriesPerList = 3

// MetadataTypes asks the Metadata API what it knows (describeMetadata).
func (o *org) MetadataTypes(ctx context.Context) ([]engine.MetadataType, error) {
	var envelope struct {
		Types []struct {
			Name      string   `xml:"xmlName"`
			Directory string   `xml:"directoryName"`
			Suffix    string   `xml:"suffix"`
			InFolder  bool     `xml:"inFolder"`
			MetaFile  bool     `xml:"metaFile"`
			Parts     []string `xml:"childXmlNames"`
		} `xml:"Body>describeMetadataResponse>result>metadataObjects"`
	}
	m := soapMessage{body: "<x:describeMetadata>" + tag("asOfVersion", o.version) + "</x:describeMetadata>", doing: "list its kinds of metadata", again: true}
	if err := o.soap(ctx, metadataAPI, m, decodeXML(&envelope)); err != nil {
		return nil, err
	}
	types := make([]engine.MetadataType, len(envelope.Types))
	for i, t := range envelope.Types {
		types[i] = engine.MetadataType(t)
	}
	last := map[bool]int{true: 1} // a read between two retrieves would make them two
	slices.SortFunc(types, func(a, b engine.MetadataType) int {
		return cmp.Or(last[readWhole[a.Name]]-last[readWhole[b.Name]], cmp.Compare(a.Name, b.Name))
	})
	return types, nil
}

// decodeXML reads a whole answer into v.
func decodeXML(v any) func(answer) error {
	return func(a answer) error {
		if err := xml.NewDecoder(a.body).Decode(v); err != nil {
			return &broken{err: errIncomplete}
		}
		return nil
	}
}

// ListMetadata lists types side by side, folders and what lies in them included.
func (o *org) ListMetadata(ctx context.Context, types []engine.MetadataType) ([]engine.MetadataList, error) {
	lister := &metadataLister{org: o, lists: make([]engine.MetadataList, len(types))}
	var queries []listQuery
	for i, t := range types {
		lister.folders = append(lister.folders, map[string]bool{})
		if !t.InFolder {
			queries = append(queries, listQuery{of: i, typ: t.Name})
			continue
		}
		for _, folder := range foldersOf(t.Name) {
			queries = append(queries, listQuery{of: i, typ: t.Name, folderType: folder})
		}
		if t.Name == "Report" || t.Name == "EmailTemplate" {
			queries = append(queries, listQuery{of: i, typ: t.Name, folder: unfiled})
		}
	}
	for len(queries) > 0 {
		var err error
		if queries, err = lister.ask(ctx, queries); err != nil {
			return nil, err
		}
	}
	for i := range lister.lists {
		list := &lister.lists[i]
		slices.SortFunc(list.Components, func(a, b engine.Component) int { return cmp.Compare(a.FullName, b.FullName) })
		list.Components = slices.CompactFunc(list.Components, func(a, b engine.Component) bool { return a.FullName == b.FullName })
	}
	return lister.lists, nil
}

// foldersOf are the names under which a type's folders are listed; not every
// org knows each.
func foldersOf(typ string) []string {
	if typ == "EmailTemplate" {
		return []string{"EmailFolder", "EmailTemplateFolder"}
	}
	return []string{typ + "Folder"}
}

// listQuery asks for a type's components, for those in one folder, or for its
// folders.
type listQuery struct {
	of         int // which of the types asked for
	typ        string
	folder     string
	folderType string
}

func (q listQuery) xml() string {
	text := tag("type", cmp.Or(q.folderType, q.typ))
	if q.folder != "" {
		text = tag("folder", q.folder) + text
	}
	return "<x:queries>" + text + "</x:queries>"
}

type metadataLister struct {
	org     *org
	lists   []engine.MetadataList
	folders []map[string]bool // seen, by type
}

// ask sends queries, a few in one call, and answers those that follow from
// what was found: a look into each folder.
func (l *metadataLister) ask(ctx context.Context, queries []listQuery) (next []listQuery, err error) {
	parts := slices.Collect(slices.Chunk(queries, queriesPerList))
	answers := make([][]listAnswer, len(parts))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(fanOut)
	calls := make([]*engine.Calls, len(parts))
	for i, part := range parts {
		group.Go(func() (err error) {
			ctx, made := engine.CountCalls(ctx)
			calls[i] = made
			answers[i], err = l.org.listParts(ctx, part)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for i, part := range answers {
		asked := map[int]bool{}
		for _, a := range part {
			next = append(next, l.take(a)...)
			if !asked[a.of] {
				asked[a.of] = true
				l.lists[a.of].Calls += calls[i].Made()
			}
		}
	}
	return next, nil
}

// listAnswer is what one query found.
type listAnswer struct {
	listQuery
	found []engine.Component
	err   error
}

// take adds an answer to its type's list.
func (l *metadataLister) take(a listAnswer) (next []listQuery) {
	list, seen := &l.lists[a.of], l.folders[a.of]
	if r, ok := refused(a.err); ok && r.Code == "INVALID_TYPE" && a.folderType == "EmailTemplateFolder" {
		return nil // this org has no Lightning templates
	}
	if a.err != nil {
		list.Err = a.err
		return nil
	}
	for _, c := range a.found {
		name, isFolder := strings.CutSuffix(c.FullName, "/")
		isFolder = isFolder || a.folderType != "" || c.Type != a.typ && strings.HasSuffix(c.Type, "Folder")
		if isFolder && seen[name] {
			continue
		}
		if isFolder {
			seen[name] = true
			next = append(next, listQuery{of: a.of, typ: a.typ, folder: name})
		}
		c.FullName, c.Type = name, a.typ
		list.Components = append(list.Components, c)
	}
	return next
}

// listParts asks up to three queries in one call. Where the org refuses the
// call, or answers what none of them asked for, it asks them one by one: one
// type's failure is its own.
func (o *org) listParts(ctx context.Context, queries []listQuery) ([]listAnswer, error) {
	found, err := o.list(ctx, queries)
	if _, answered := refused(err); err != nil && (!answered || engine.Is(err, engine.KindLimit)) {
		return nil, err
	}
	if len(queries) == 1 {
		return []listAnswer{{queries[0], found, err}}, nil
	}
	if err == nil {
		if answers, all := sortOut(queries, found); all {
			return answers, nil
		}
	}
	var answers []listAnswer
	for i := range queries {
		one, err := o.listParts(ctx, queries[i:i+1])
		if err != nil {
			return nil, err
		}
		answers = append(answers, one...)
	}
	return answers, nil
}

// sortOut finds out which query each component answers.
func sortOut(queries []listQuery, found []engine.Component) (answers []listAnswer, all bool) {
	for _, q := range queries {
		answers = append(answers, listAnswer{listQuery: q})
	}
	for i := range found {
		at := slices.IndexFunc(queries, func(q listQuery) bool { return q.lists(&found[i]) })
		if at < 0 {
			return nil, false
		}
		answers[at].found = append(answers[at].found, found[i])
	}
	return answers, true
}

// lists reports whether a component can be an answer to the query.
func (q listQuery) lists(c *engine.Component) bool {
	switch {
	case q.folderType != "":
		return c.Type == q.folderType
	case q.folder != "":
		inside, ok := strings.CutPrefix(c.FullName, q.folder+"/")
		return ok && !strings.Contains(strings.TrimSuffix(inside, "/"), "/") && (c.Type == q.typ || strings.HasSuffix(c.Type, "Folder"))
	}
	return c.Type == q.typ
}

// list is one call. Its answer is decoded component by component: a type may
// have a hundred thousand.
func (o *org) list(ctx context.Context, queries []listQuery) (found []engine.Component, err error) {
	var body strings.Builder
	for _, q := range queries {
		body.WriteString(q.xml())
	}
	m := soapMessage{body: "<x:listMetadata>" + body.String() + tag("asOfVersion", o.version) + "</x:listMetadata>", doing: "list metadata", object: queries[0].typ, again: true}
	err = o.soap(ctx, metadataAPI, m, func(a answer) (err error) {
		found, err = decodeComponents(a.body)
		return err
	})
	return found, err
}

// wireComponent is the platform's FileProperties.
type wireComponent struct {
	Type            string `xml:"type"`
	FullName        string `xml:"fullName"`
	FileName        string `xml:"fileName"`
	ID              string `xml:"id"`
	CreatedByID     string `xml:"createdById"`
	CreatedByName   string `xml:"createdByName"`
	CreatedAt       string `xml:"createdDate"`
	ModifiedByID    string `xml:"lastModifiedById"`
	ModifiedByName  string `xml:"lastModifiedByName"`
	ModifiedAt      string `xml:"lastModifiedDate"`
	ManageableState string `xml:"manageableState"`
	Namespace       string `xml:"namespacePrefix"`
}

func decodeComponents(body io.Reader) (found []engine.Component, err error) {
	decoder, whole, same := xml.NewDecoder(body), false, interner{}
	for {
		token, err := decoder.Token()
		if err != nil && whole {
			return found, nil
		}
		if err != nil {
			return nil, &broken{err: errIncomplete}
		}
		switch t := token.(type) {
		case xml.EndElement:
			whole = t.Name.Local == "Envelope"
		case xml.StartElement:
			if t.Name.Local != "result" {
				continue
			}
			var w wireComponent
			if err := decoder.DecodeElement(&w, &t); err != nil {
				return nil, &broken{err: errIncomplete}
			}
			found = append(found, w.component(same))
		}
	}
}

// interner keeps one copy of texts that repeat.
type interner map[string]string

func (n interner) text(s string) string {
	if known, ok := n[s]; ok {
		return known
	}
	n[s] = s
	return s
}

func (w *wireComponent) component(same interner) engine.Component {
	return engine.Component{
		Type: same.text(w.Type), FullName: w.FullName, FileName: w.FileName, ID: full18(w.ID),
		CreatedByID: same.text(full18(w.CreatedByID)), CreatedByName: same.text(w.CreatedByName), CreatedAt: metadataTime(w.CreatedAt),
		ModifiedByID: same.text(full18(w.ModifiedByID)), ModifiedByName: same.text(w.ModifiedByName), ModifiedAt: metadataTime(w.ModifiedAt),
		ManageableState: same.text(w.ManageableState), Namespace: same.text(w.Namespace),
	}
}

// metadataTime reads a time; what the platform dates to 1970 it does not know.
func metadataTime(text string) time.Time {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil || at.Year() <= 1970 {
		return time.Time{}
	}
	return at.UTC()
}
