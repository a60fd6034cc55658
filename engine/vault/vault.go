package vault

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"syscall"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
	"gocloud.dev/secrets"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/vault/segment"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/vaultsegment"
)

// Config is what a Vault stands on. DB, Bucket and Keeper are required.
type Config struct {
	DB     *ent.Client
	Bucket *blob.Bucket
	Keeper *secrets.Keeper // wraps the orgs' keys
	Clock  func() time.Time
	Log    *slog.Logger
	// ArenaBytes is how much one Writer holds: it fills one half while the other
	// is written as a segment (48 MiB).
	ArenaBytes int
	// CacheBytes bounds the indexes kept in memory (256 MiB).
	CacheBytes int
	// Workers encode the blocks of one segment side by side (one a processor).
	Workers int
	// Grace is how long a replaced segment stays for readers on other nodes (1 h).
	Grace time.Duration
	// OnRead hears of every range read from the bucket: for metrics.
	OnRead func(bytes int)
}

const (
	defaultArena  = 48 << 20
	defaultCache  = 256 << 20
	defaultGrace  = time.Hour
	orphanAge     = 24 * time.Hour
	bundleBytes   = 8 << 20 // of finished small objects before they become a segment
	scanWindow    = 512 << 10
	idHashPurpose = "purged/"
)

// Vault keeps versions and files. It may be used from several goroutines and
// by several nodes at once. Every call acts for the tenant of its context's
// viewer; the system viewer is refused, because data always has one owner.
type Vault struct {
	db      *ent.Client
	blobs   *blobs
	keys    *keyring
	clock   func() time.Time
	log     *slog.Logger
	arena   int
	workers int
	grace   time.Duration
	cache   *cache
	views   views
	drain   *drain
	swept   sweeps
}

// Open makes a Vault of what it stands on; it reads nothing yet.
func Open(c Config) (*Vault, error) {
	if c.DB == nil || c.Bucket == nil || c.Keeper == nil {
		return nil, errors.New("vault: a database, a bucket and a keeper are required")
	}
	v := &Vault{
		db: c.DB, blobs: newBlobs(c.Bucket, c.OnRead), clock: c.Clock, log: c.Log,
		arena: c.ArenaBytes, workers: c.Workers, grace: c.Grace,
	}
	if v.clock == nil {
		v.clock = time.Now
	}
	if v.log == nil {
		v.log = slog.New(slog.DiscardHandler)
	}
	if v.arena == 0 {
		v.arena = defaultArena
	}
	if v.grace == 0 {
		v.grace = defaultGrace
	}
	if c.CacheBytes == 0 {
		c.CacheBytes = defaultCache
	}
	v.keys = newKeyring(c.DB, c.Keeper)
	v.cache = newCache(c.CacheBytes)
	v.drain = newDrain()
	v.views.all = map[orgRef]*view{}
	v.swept.last = map[orgRef]time.Time{}
	return v, nil
}

func (v *Vault) now() time.Time { return v.clock().UTC().Truncate(time.Microsecond) }

// errOvertaken ends a transaction whose input another node has replaced.
var errOvertaken = errors.New("overtaken by another node")

// tenantOf is whose data a call is about.
func tenantOf(ctx context.Context) (string, error) {
	viewer, ok := engine.ViewerFrom(ctx)
	if !ok || viewer.Tenant == "" {
		return "", engine.E(engine.KindDenied, "UNAUTHENTICATED", "Sign in first.")
	}
	return viewer.Tenant, nil
}

// readFault is fault for a read: a blob that another node's purge or collection
// has deleted under it is worth another try, not a loss.
func (v *Vault) readFault(ctx context.Context, op, orgID string, err error) error {
	var place *segment.Error
	if gcerrors.Code(err) != gcerrors.NotFound || !errors.As(err, &place) {
		return fault(op, orgID, err)
	}
	named, lookup := v.db.VaultSegment.Query().Where(vaultsegment.ID(place.Segment), vaultsegment.StateNEQ(vaultsegment.StateDEAD)).Exist(ctx)
	if lookup != nil || named {
		return fault(op, orgID, err)
	}
	return &engine.Error{
		Op: op, Kind: engine.KindTransient, Code: "VAULT_MOVED", Org: orgID, Err: err,
		Message: "The data was rewritten while it was being read: read it again.",
	}
}

// fault tells a failure of storage in words that a user can act on.
func fault(op, orgID string, err error) error {
	if err == nil {
		return nil
	}
	if _, known := engine.AsError(err); known || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return engine.Wrap(op, err)
	}
	e := &engine.Error{
		Op: op, Kind: engine.KindTransient, Code: "VAULT_UNREACHABLE", Org: orgID, Err: err,
		Message: "The vault's storage did not answer: see to the bucket and the database, then run this again.",
	}
	var damage *segment.Error
	switch {
	case errors.Is(err, segment.ErrKey) && errors.As(err, &damage): // the keeper's seal proved the key: it is the blob that is another's
		e.Kind, e.Code, e.Message = engine.KindCorrupt, "VAULT_DAMAGED", fmt.Sprintf("The blob of segment %s is not one that org %s wrote: its own key does not open it. Run “holdfast vault verify” to see what is affected, and bring that blob back from a copy.", damage.Segment, orgID)
	case errors.As(err, &damage):
		e.Kind, e.Code, e.Object, e.Message = engine.KindCorrupt, "VAULT_DAMAGED", damage.Object, fmt.Sprintf("A part of the vault is damaged (%s %d of segment %s): run “holdfast vault verify” to see what is affected, and bring that blob back from a copy.", damage.Part, damage.Block, damage.Segment)
	case errors.Is(err, segment.ErrLimit):
		e.Kind, e.Code, e.Message = engine.KindLimit, "VAULT_LIMIT", "A record does not fit into the vault: "+err.Error()+"."
	case errors.Is(err, syscall.ENOSPC):
		e.Kind, e.Code, e.Message = engine.KindLimit, "VAULT_FULL", "The vault's storage is full: free some space, then run this again; nothing that was stored is lost."
	case gcerrors.Code(err) == gcerrors.NotFound:
		e.Kind, e.Code, e.Message = engine.KindCorrupt, "VAULT_BLOB_MISSING", "A blob of the vault is missing: run “holdfast vault verify” to see which, and bring it back from a copy."
	}
	return e
}
