package engine

import (
	"context"
	"io"
	"time"
)

// Metadata reads an org's setup: what is not a record, as files.
type Metadata interface {
	// MetadataTypes lists the kinds of metadata that the org keeps, in the order in
	// which it costs the fewest calls to retrieve them.
	MetadataTypes(ctx context.Context) ([]MetadataType, error)
	// ListMetadata answers one list per type, in order. A type that cannot be
	// listed has its Err set; the others are not affected.
	ListMetadata(ctx context.Context, types []MetadataType) ([]MetadataList, error)
	// RetrieveMetadata hands the components over one by one, in the order given,
	// each with its files as the org has them now. What the org does not give out
	// comes without files and says why. An error of take ends it.
	RetrieveMetadata(ctx context.Context, components []Component, take func(RetrievedComponent) error) error
}

// MetadataType is a kind of metadata, as the org describes it.
type MetadataType struct {
	Name      string
	Directory string // where its files lie in a package
	Suffix    string
	InFolder  bool
	MetaFile  bool     // a -meta.xml lies beside each file
	Parts     []string // kinds of metadata that its files hold, such as CustomField
}

// MetadataList is what the org lists of one type, by full name. Its API calls
// may have been for other types, too.
type MetadataList struct {
	Components []Component
	Calls      int64
	Err        error
}

// Component is one piece of metadata, as the org lists it. A time that the org
// does not tell is zero.
type Component struct {
	Type            string
	FullName        string
	FileName        string
	ID              string
	CreatedByID     string
	CreatedByName   string
	CreatedAt       time.Time
	ModifiedByID    string
	ModifiedByName  string
	ModifiedAt      time.Time
	ManageableState string
	Namespace       string
}

// RetrievedComponent is a component and its files: one, or with a -meta.xml
// beside it two, or those of a bundle. Its files can be opened until take
// returns. Problem is why there are none.
type RetrievedComponent struct {
	Component
	Files   []ComponentFile
	Problem string
}

// ComponentFile is a file by its path in a package.
type ComponentFile struct {
	Name string
	Size int64
	Open func() (io.ReadCloser, error)
}
