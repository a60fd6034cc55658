package simorg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
	"github.com/holdfast-backup/holdfast/engine/simorg/store"
)

// Config is what one org is. Every zero value has a default, but Now.
type Config struct {
	Now func() time.Time
	// BaseURL is the org's own address, for instance_url; empty: what the
	// request's Host says.
	BaseURL string
	OrgID   string
	OrgName string
	Sandbox bool
	// Pod is the three characters of every id that name the instance.
	Pod   string
	Users []User
	Apps  []App
	// AutoApprove grants an authorization without showing the consent page.
	AutoApprove bool
	// SessionTimeout is how long a session lives without a call (2 h).
	SessionTimeout time.Duration
	// APIRequests, BulkQueryJobs and BulkBatches are the daily allowances.
	APIRequests, BulkQueryJobs, BulkBatches int
	// BulkPolls is how often a bulk job answers InProgress before it is done.
	BulkPolls int
	// ResultPageRows is how many rows a page of resultPages has (50,000).
	ResultPageRows int
	// PackageFiles is how many files a retrieve may ask for (10,000).
	PackageFiles int
	// RangedFiles answers the Range of a file's content; whether the platform does
	// is not known, so a client must do with both.
	RangedFiles bool
	// ArchiveDays is how old an activity is when it is archived (365).
	ArchiveDays int
	// MaxRows is the page size of a query, which a client may lower (2000).
	MaxRows int
	// PersonAccounts and Currencies (ISO codes, the corporate one first) turn the
	// features of that name on.
	PersonAccounts bool
	Currencies     []string
	// SharedContacts lets a contact belong to several accounts: the platform then
	// makes the direct AccountContactRelation of each.
	SharedContacts bool
	// SilentRollUps makes roll-up summaries change without a new SystemModstamp.
	SilentRollUps bool
	// LockContention is the share of rows that fail with UNABLE_TO_LOCK_ROW when
	// another ingest job at work holds their parent.
	LockContention float64
	// Bare leaves the built-in objects out: only what is loaded exists. Lean
	// leaves out those of add-ons: quotes, teams, field service, knowledge and so on.
	Bare, Lean bool

	Faults  []Fault
	Latency Latency
	// Sleep passes the time of a delay, or gives up with the client (a timer).
	Sleep func(context.Context, time.Duration)
}

// User is a person of the org. Permissions are API names without "Permissions"
// (ViewAllData); nil grants all that an administrator has.
type User struct {
	Username, Password, SecurityToken string
	FirstName, LastName, Email        string
	Profile                           string
	Inactive                          bool
	Permissions                       []string
	// HiddenObjects and HiddenFields ("Account.Phone") are not there for the user;
	// ReadOnlyFields are seen but not written ("Account.*": none of the object's).
	HiddenObjects, HiddenFields, ReadOnlyFields []string
	// OwnRecordsOnly shows the user what they own; ViewAllData overrides it.
	OwnRecordsOnly bool
}

// App is an External Client App.
type App struct {
	ClientID, ClientSecret string
	// RunAs is the username that client credentials act as; empty: not allowed.
	RunAs        string
	RedirectURIs []string
	// RequirePKCE refuses an authorization without a code challenge.
	RequirePKCE bool
	// RotateRefreshTokens gives a new refresh token at each refresh.
	RotateRefreshTokens bool
	// Certificate (PEM: a certificate, or an RSA public key) checks the assertions
	// of the JWT bearer grant; empty: the grant is refused.
	Certificate string
	// Approved are the usernames that an admin approved for the app; nil: a user
	// approves it themselves, by a grant with a refresh token.
	Approved []string
}

// Org is one simulated org. It is safe for concurrent use.
type Org struct {
	cfg     Config
	handler http.Handler

	// mu guards the schema, the records and the automation.
	mu sync.RWMutex
	// catalogue is never changed once it is there, only replaced: see reshape.
	catalogue atomic.Pointer[schema.Catalogue]
	tables    map[string]*store.Table // by object name
	users     map[string]*person      // by user id
	first     *person                 // who the org's own records are made by
	auto      *automation
	orgID     string

	adminProfile, standardPricebook string
	profileSets                     map[string]string // permission sets by profile

	stamp int64 // the last SystemModstamp given
	bins  bins
	blobs map[string]content // by record id and field name

	formulas sync.Map // parsed, by their source

	idMu     sync.Mutex
	counters map[string]uint64
	swept    time.Time // when the bin was last swept

	auth    authState
	quota   quota
	cursors cursors
	jobs    jobs
	async   asyncJobs
	faults  faultState
	meta    metadataState
	// schemaChanged is when any describe last changed.
	schemaChanged time.Time
}

// person is a user as the org sees them at work.
type person struct {
	User
	id             string
	permissions    map[string]bool
	hiddenObjects  map[string]bool
	hiddenFields   map[string]bool
	readOnlyFields map[string]bool
}

// New makes an org with its users, their profiles, the standard price book and
// the schema, and no other record.
func New(cfg Config) (*Org, error) {
	if cfg.Now == nil {
		return nil, errors.New("a simulated org needs a clock: set Config.Now")
	}
	applyDefaults(&cfg)
	o := &Org{
		cfg: cfg, tables: map[string]*store.Table{}, users: map[string]*person{}, counters: map[string]uint64{},
		auto: newAutomation(), profileSets: map[string]string{}, blobs: map[string]content{}, bins: bins{under: map[string][]row{}, cuts: map[string][]nulledLink{}},
	}
	catalogue := schema.NewCatalogue()
	if !cfg.Bare {
		var err error
		if catalogue, err = schema.Standard(); err != nil {
			return nil, fmt.Errorf("the built-in schema: %w", err)
		}
	}
	if cfg.Lean {
		catalogue.Trim()
	}
	o.enableFeatures(catalogue)
	o.publish(catalogue)
	o.auth.init()
	o.quota.init(cfg)
	o.cursors.init()
	o.jobs.init()
	o.async.byID = map[string]*asyncJob{}
	o.meta.init()
	o.faults.init(cfg.Faults)
	o.handler = o.routes()
	if err := o.setUp(); err != nil {
		return nil, err
	}
	return o, nil
}

func applyDefaults(c *Config) {
	setDefault(&c.Pod, "5g0")
	setDefault(&c.OrgName, "Simulated Org")
	setDefault(&c.SessionTimeout, 2*time.Hour)
	setDefault(&c.APIRequests, 100_000)
	setDefault(&c.BulkQueryJobs, 10_000)
	setDefault(&c.BulkBatches, 15_000)
	setDefault(&c.PackageFiles, maxPackageFiles)
	setDefault(&c.ArchiveDays, 365)
	setDefault(&c.MaxRows, 2000)
	setDefault(&c.BulkPolls, 1)
	setDefault(&c.ResultPageRows, 50_000)
	if c.Sleep == nil {
		c.Sleep = wait
	}
}

func setDefault[T comparable](v *T, fallback T) {
	var zero T
	if *v == zero {
		*v = fallback
	}
}

// LoadDescribe adds recorded describe JSON to the schema: what the org answers
// to the same describe then equals the recording, addresses aside.
func (o *Org) LoadDescribe(dir fs.FS) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.reshape(func(c *schema.Catalogue) error { return c.LoadDescribe(dir) })
}

// schema is the org's schema as it is now.
func (o *Org) schema() *schema.Catalogue { return o.catalogue.Load() }

// reshape changes a copy of the schema and puts it in place of the one in use.
// The write lock must be held.
func (o *Org) reshape(change func(*schema.Catalogue) error) error {
	next := o.schema().Clone()
	if err := change(next); err != nil {
		return err
	}
	o.publish(next)
	o.addRecordTypes()
	return nil
}

// publish puts a schema into use. Every describe is dated now: the platform's
// own check is as coarse.
func (o *Org) publish(next *schema.Catalogue) {
	o.personCustom(next)
	o.schemaChanged = o.cfg.Now().UTC().Truncate(time.Second)
	for _, obj := range next.All() {
		obj.ModifiedAt = o.schemaChanged
		o.table(obj.Name)
	}
	o.catalogue.Store(next)
}

// table is the records of an object, which publish made.
func (o *Org) table(object string) *store.Table {
	t := o.tables[object]
	if t == nil {
		t = store.New()
		o.tables[object] = t // by publish only, under the write lock
	}
	return t
}

// ID is the org's 18-character id.
func (o *Org) ID() string { return o.orgID }

// nextStamp is the SystemModstamp of a change made now, to the second; it never
// goes back.
func (o *Org) nextStamp() int64 {
	o.stamp = max(o.stamp, o.cfg.Now().Unix()*1000)
	return o.stamp
}

// personByName finds a user by username, in any case; nil when there is none.
func (o *Org) personByName(username string) *person {
	for _, p := range o.users {
		if strings.EqualFold(p.Username, username) {
			return p
		}
	}
	return nil
}
