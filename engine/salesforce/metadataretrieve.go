package salesforce

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/holdfast-backup/holdfast/engine"
)

const (
	// filesPerRetrieve is half of what the platform takes: a component may have a
	// -meta.xml beside its file.
	filesPerRetrieve = 5000
	// filesPerBundle is about how many files a bundle has.
	filesPerBundle = 8
	// retrieveTries is how often a retrieve is started anew: its zip is given
	// once, and lost when the answer breaks off.
	retrieveTries = 4
)

// bundles are the types whose components are folders of files.
var bundles = set("LightningComponentBundle", "AuraDefinitionBundle", "WaveTemplateBundle", "ExperienceBundle", "DigitalExperienceBundle", "GenAiPlannerBundle")

// RetrieveMetadata retrieves in as few batches as the platform's limits allow,
// and reads what a retrieve would not give out whole.
func (o *org) RetrieveMetadata(ctx context.Context, components []engine.Component, take func(engine.RetrievedComponent) error) error {
	for len(components) > 0 {
		n, get := readable(components), o.readBatch
		if n == 0 {
			n, get = retrievable(components), o.retrieveBatch
		}
		if err := get(ctx, components[:n], take); err != nil {
			return err
		}
		components = components[n:]
	}
	return nil
}

// readable is how many of the first components one read takes.
func readable(components []engine.Component) (n int) {
	for n < min(len(components), namesPerRead) && readWhole[components[n].Type] && components[n].Type == components[0].Type {
		n++
	}
	return n
}

// retrievable is how many of the first components one retrieve takes.
func retrievable(components []engine.Component) (n int) {
	for files := 0; n < len(components) && files < filesPerRetrieve && !readWhole[components[n].Type]; n++ {
		files++
		if bundles[components[n].Type] {
			files += filesPerBundle - 1
		}
	}
	return n
}

// retrieveBatch halves a batch that the org refuses as too large.
func (o *org) retrieveBatch(ctx context.Context, batch []engine.Component, take func(engine.RetrievedComponent) error) error {
	archive, err := o.retrieveArchive(ctx, batch)
	switch {
	case errors.Is(err, errTooMuch) && len(batch) == 1:
		return take(engine.RetrievedComponent{Component: batch[0], Problem: "it alone is larger than Salesforce lets out in one retrieve"})
	case errors.Is(err, errTooMuch):
		o.options.Log.InfoContext(ctx, "salesforce: a retrieve is too large", "components", len(batch))
		half := len(batch) / 2
		if err := o.retrieveBatch(ctx, batch[:half], take); err != nil {
			return err
		}
		return o.retrieveBatch(ctx, batch[half:], take)
	case err != nil:
		return err
	}
	return errors.Join(archive.handOver(ctx, batch, take), archive.Close())
}

// errTooMuch is the platform's refusal of a retrieve beyond its limits.
var errTooMuch = errors.New("too much for one retrieve")

// retrieveArchive retrieves a batch into a file of ours, again from the
// beginning when the zip got lost on its way.
func (o *org) retrieveArchive(ctx context.Context, batch []engine.Component) (*archive, error) {
	m := soapMessage{body: retrieveBody(o.version, batch), doing: "retrieve metadata", object: batch[0].Type, again: true}
	for try := 1; ; try++ {
		archive, err := o.retrieveOnce(ctx, m)
		if err == nil || ctx.Err() != nil || errors.Is(err, errTooMuch) {
			return archive, err
		}
		if !lostZip(err) || try == retrieveTries {
			return nil, err
		}
		if err := o.pause(ctx, try, err); err != nil {
			return nil, err
		}
	}
}

// lostZip reports a failure that another retrieve may not meet.
func lostZip(err error) bool {
	e, ok := engine.AsError(err)
	return ok && (e.Code == outcomeUnknown || e.Code == zipLost || e.Code == "INVALID_LOCATOR" || e.Code == "INVALID_CROSS_REFERENCE_KEY" || failuresOfTheirs[e.Code])
}

const zipLost = "METADATA_ZIP_LOST"

func retrieveBody(version string, batch []engine.Component) string {
	var b strings.Builder
	b.WriteString("<x:retrieve><x:retrieveRequest>" + tag("apiVersion", version) + tag("singlePackage", "true") + "<x:unpackaged>")
	for len(batch) > 0 {
		typ, n := batch[0].Type, 0
		b.WriteString("<x:types>")
		for ; n < len(batch) && batch[n].Type == typ; n++ {
			b.WriteString(tag("members", batch[n].FullName))
		}
		b.WriteString(tag("name", typ) + "</x:types>")
		batch = batch[n:]
	}
	b.WriteString(tag("version", version) + "</x:unpackaged></x:retrieveRequest></x:retrieve>")
	return b.String()
}

// retrieveStatus is how a retrieve stands.
type retrieveStatus struct {
	Done    bool            `xml:"done"`
	Success bool            `xml:"success"`
	Status  string          `xml:"status"`
	Code    string          `xml:"errorStatusCode"`
	Message string          `xml:"errorMessage"`
	Files   []wireComponent `xml:"fileProperties"`
}

func (o *org) retrieveOnce(ctx context.Context, m soapMessage) (*archive, error) {
	var started struct {
		ID string `xml:"Body>retrieveResponse>result>id"`
	}
	if err := o.soap(ctx, metadataAPI, m, decodeXML(&started)); err != nil {
		return nil, err
	}
	m.body = checkBody(started.ID, "false")
	status, err := o.awaitRetrieve(ctx, m)
	if err != nil {
		return nil, err
	}
	if !status.Success {
		return nil, status.failure(m)
	}
	m.body, m.again = checkBody(started.ID, "true"), false
	archive := &archive{files: status.Files}
	err = o.soap(ctx, metadataAPI, m, archive.receive)
	if err != nil {
		return nil, errors.Join(err, archive.Close())
	}
	return archive, nil
}

func checkBody(id, includeZip string) string {
	return "<x:checkRetrieveStatus>" + tag("asyncProcessId", id) + tag("includeZip", includeZip) + "</x:checkRetrieveStatus>"
}

// awaitRetrieve waits for a retrieve's end, looking less and less often.
func (o *org) awaitRetrieve(ctx context.Context, look soapMessage) (retrieveStatus, error) {
	for wait := o.options.PollFirst; ; wait = min(wait*3/2, o.options.PollMost) {
		var envelope struct {
			Status retrieveStatus `xml:"Body>checkRetrieveStatusResponse>result"`
		}
		if err := o.soap(ctx, metadataAPI, look, decodeXML(&envelope)); err != nil || envelope.Status.Done {
			return envelope.Status, err
		}
		if err := o.options.Sleep(ctx, jittered(wait)); err != nil {
			return retrieveStatus{}, err
		}
	}
}

func (s *retrieveStatus) failure(m soapMessage) error {
	if s.Code == "LIMIT_EXCEEDED" {
		return errTooMuch
	}
	return explain(call{object: m.object, doing: m.doing, again: true}, &refusal{
		Status: http.StatusInternalServerError, Code: cmp.Or(s.Code, "UNKNOWN_EXCEPTION"), message: s.Message,
	})
}

// handOver gives the components out one by one, each with its files.
func (a *archive) handOver(ctx context.Context, batch []engine.Component, take func(engine.RetrievedComponent) error) error {
	files := a.sortOut(batch)
	for i := range batch {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		retrieved := engine.RetrievedComponent{Component: batch[i], Files: files[i]}
		if len(files[i]) == 0 {
			retrieved.Problem = absence(&batch[i])
		}
		if err := take(retrieved); err != nil {
			return err
		}
	}
	return nil
}

func absence(c *engine.Component) string {
	if c.ManageableState != "" && c.ManageableState != "unmanaged" {
		return "Salesforce does not give out what belongs to a managed package"
	}
	return "Salesforce lists it but did not give it out: it was deleted meanwhile, or the connected user may not read it"
}

// sortOut finds out whose the files of the archive are, by their paths: as the
// retrieve named them, or as the list did, or below a bundle's folder.
func (a *archive) sortOut(batch []engine.Component) [][]engine.ComponentFile {
	type name struct{ typ, fullName string }
	owners, places := map[string]int{}, map[name]int{}
	for i := range batch {
		places[name{batch[i].Type, batch[i].FullName}] = i
		owners[batch[i].FileName] = i
	}
	for i := range a.files {
		if at, ok := places[name{a.files[i].Type, a.files[i].FullName}]; ok {
			owners[inPackage(a.files[i].FileName)] = at
		}
	}
	files := make([][]engine.ComponentFile, len(batch))
	for _, f := range a.zip.File {
		path := inPackage(f.Name)
		if at, ok := ownerOf(path, owners); ok && !strings.HasSuffix(path, "/") {
			files[at] = append(files[at], engine.ComponentFile{Name: path, Size: int64(f.UncompressedSize64), Open: f.Open})
		}
	}
	for _, list := range files {
		slices.SortFunc(list, func(a, b engine.ComponentFile) int { return cmp.Compare(a.Name, b.Name) })
	}
	return files
}

// inPackage is a path without the folder that retrieves put around everything.
func inPackage(path string) string { return strings.TrimPrefix(path, "unpackaged/") }

func ownerOf(path string, owners map[string]int) (int, bool) {
	if at, ok := owners[path]; ok {
		return at, true
	}
	if bare, is := strings.CutSuffix(path, "-meta.xml"); is {
		if at, ok := owners[bare]; ok {
			return at, true
		}
		if dot := strings.LastIndexByte(bare, '.'); dot > strings.LastIndexByte(bare, '/') { // reports/Sales.reportFolder-meta.xml
			if at, ok := owners[bare[:dot]]; ok {
				return at, true
			}
		}
	}
	for slash := strings.LastIndexByte(path, '/'); slash > 0; slash = strings.LastIndexByte(path[:slash], '/') {
		if at, ok := owners[path[:slash]]; ok {
			return at, true
		}
	}
	return 0, false
}
