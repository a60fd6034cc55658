// Package orgs connects Salesforce orgs: it walks the three OAuth ways, keeps
// an org's secrets sealed under the server's keeper, and opens the org for the
// operations that read and write it.
package orgs

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"gocloud.dev/secrets"
	"golang.org/x/sync/singleflight"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/job"
	"github.com/holdfast-backup/holdfast/engine/vault"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/org"
)

// authorizationLife is how long a person has to grant access.
const authorizationLife = 15 * time.Minute

// Config is what the room needs. Every field but SalesforceHosts is required.
type Config struct {
	DB          *ent.Client
	Keeper      *secrets.Keeper
	Opener      engine.Opener
	Vault       *vault.Vault // what deleting an org empties
	Jobs        *job.Queue   // keeps the orgs' events
	CallbackURL string       // where Salesforce sends the browser back to
	// SalesforceHosts are the host suffixes (".salesforce.com") a login or
	// instance address may have; an exact "host:port" is allowed over plain
	// HTTP too, for a simulated org. nil means Salesforce's own.
	SalesforceHosts []string
	Clock           func() time.Time
	Log             *slog.Logger
	// OnConnected hears of an org that was connected, or connected again; nil for nobody.
	OnConnected func(ctx context.Context, orgID string) error
	// OnQuota hears of an org whose percentages were set; nil for nobody.
	OnQuota func(ctx context.Context, orgID string) error
}

// Orgs is the room's face.
type Orgs struct {
	Config
	opening singleflight.Group
	mu      sync.Mutex
	open    map[string]session // by our org id: one governor and one session each
}

// session is an open org with the terms it was opened under.
type session struct {
	engine.Org
	terms
}

// terms are what a session is opened under. When another node has changed
// them, the session is opened anew.
type terms struct {
	restPercent, bulkPercent int
	connectedAt              int64
}

func termsOf(row *ent.Org) terms {
	t := terms{restPercent: row.RestPercent, bulkPercent: row.BulkPercent}
	if row.ConnectedAt != nil {
		t.connectedAt = row.ConnectedAt.UnixMicro()
	}
	return t
}

// New makes the room.
func New(c Config) *Orgs {
	if c.SalesforceHosts == nil {
		c.SalesforceHosts = []string{".salesforce.com", ".force.com", ".salesforce.mil", ".cloudforce.com"}
	}
	return &Orgs{Config: c, open: map[string]session{}}
}

// ConnectInput is how a person asks to connect an org. OrgID names an org that
// is already there, to reconnect it; otherwise Name and Type make a new one.
type ConnectInput struct {
	OrgID        string
	Name         string
	Type         org.Type
	Flow         engine.OAuthFlow
	LoginURL     string
	ClientID     string
	ClientSecret string
	RefreshToken string
	// TimeMachineKey is a key to pin (AddTimeMachineKey); empty for none.
	TimeMachineKey string
	// CustomerKey is a key of the customer's own for a new org (UseKey); nil for none.
	CustomerKey *string
}

// Connected is the org and, for the web-server flow, where the browser goes next.
type Connected struct {
	Org              *ent.Org
	AuthorizationURL string
}

// Connect connects an org, or begins to: in the web-server flow the org is
// PENDING until Complete.
func (o *Orgs) Connect(ctx context.Context, in ConnectInput) (*Connected, error) {
	in.Name, in.LoginURL = strings.TrimSpace(in.Name), strings.TrimRight(strings.TrimSpace(in.LoginURL), "/")
	if err := o.check(ctx, in); err != nil {
		return nil, err
	}
	connect := o.connectNow
	if in.Flow == engine.FlowWebServer {
		connect = o.beginAuthorization
	}
	connected, err := connect(ctx, in)
	if err == nil && in.CustomerKey != nil {
		err = o.Vault.UseCustomerKey(ctx, connected.Org.ID, *in.CustomerKey)
	}
	if err == nil && in.TimeMachineKey != "" {
		connected.Org, err = o.pin(ctx, connected.Org, in.TimeMachineKey)
	}
	return connected, err
}

func (o *Orgs) connectNow(ctx context.Context, in ConnectInput) (*Connected, error) {
	s := Secrets{ClientSecret: in.ClientSecret, RefreshToken: in.RefreshToken}
	var fresh engine.Tokens
	session, err := o.Opener.Open(ctx, engine.Connection{
		OrgRef: in.Name, Flow: in.Flow, LoginURL: in.LoginURL, ClientID: in.ClientID,
		ClientSecret: in.ClientSecret, RefreshToken: in.RefreshToken, RESTPercent: 100, BulkPercent: 100,
		Save: func(_ context.Context, t engine.Tokens) error { fresh = t; return nil },
	})
	if err != nil {
		return nil, err
	}
	identity, err := session.Identity(ctx)
	if err != nil {
		return nil, err
	}
	s.take(fresh)
	row, err := o.rowFor(ctx, in)
	if err != nil {
		return nil, err
	}
	row, err = o.recordConnected(ctx, row, identity, s)
	return &Connected{Org: row}, err
}

// rowFor finds the org to reconnect, or makes a new one.
func (o *Orgs) rowFor(ctx context.Context, in ConnectInput) (*ent.Org, error) {
	if in.OrgID != "" {
		row, err := o.Get(ctx, in.OrgID)
		if err != nil {
			return nil, err
		}
		return row.Update().SetFlow(in.Flow).SetLoginURL(in.LoginURL).SetClientID(in.ClientID).Save(ctx)
	}
	row, err := o.DB.Org.Create().SetName(in.Name).SetType(in.Type).SetFlow(in.Flow).
		SetLoginURL(in.LoginURL).SetClientID(in.ClientID).Save(ctx)
	if ent.IsConstraintError(err) {
		return nil, nameTaken(in.Name)
	}
	return row, err
}

func (o *Orgs) recordConnected(ctx context.Context, row *ent.Org, id engine.OrgIdentity, s Secrets) (*ent.Org, error) {
	if err := o.refuseOtherOrg(ctx, row, id); err != nil {
		return nil, err
	}
	sealed, err := o.seal(ctx, row.ID, s)
	if err != nil {
		return nil, err
	}
	o.forget(row.ID)
	err = o.Jobs.Record(ctx, func(tx *ent.Tx) (*job.Event, error) {
		return &job.Event{OrgID: row.ID, Kind: engine.EventConnected, Message: "The org is connected, as " + id.Username + "."},
			tx.Org.UpdateOneID(row.ID).SetState(org.StateCONNECTED).SetSealedSecrets(sealed).
				SetSalesforceID(id.OrgID).SetSalesforceName(id.OrgName).SetInstanceURL(id.InstanceURL).
				SetAPIVersion(id.APIVersion).SetUsername(id.Username).SetUserID(string(id.UserID)).
				SetConnectedAt(o.Clock()).ClearSealedAuthorization().ClearAuthorizationState().
				ClearAuthorizationExpiresAt().Exec(ctx)
	})
	if err != nil {
		return nil, err
	}
	if o.OnConnected != nil {
		if err := o.OnConnected(ctx, row.ID); err != nil {
			return nil, err
		}
	}
	return o.Get(ctx, row.ID)
}

// refuseOtherOrg: a connection keeps its Salesforce org for life, because its
// backups are that org's; and one Salesforce org has one connection.
func (o *Orgs) refuseOtherOrg(ctx context.Context, row *ent.Org, id engine.OrgIdentity) error {
	if row.SalesforceID != "" && row.SalesforceID != id.OrgID {
		return engine.E(engine.KindConflict, "DIFFERENT_SALESFORCE_ORG",
			"“%s” holds the backups of Salesforce org %s, but these credentials belong to %s. Connect that one under a name of its own.", row.Name, row.SalesforceID, id.OrgID)
	}
	other, err := o.DB.Org.Query().Where(org.SalesforceID(id.OrgID), org.IDNEQ(row.ID)).First(ctx)
	if ent.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return engine.Wrap("look for the org's other connections", err)
	}
	if row.ConnectedAt == nil {
		if err := o.DB.Org.DeleteOne(row).Exec(ctx); err != nil {
			return engine.Wrap("drop the second connection", err)
		}
	}
	return engine.E(engine.KindConflict, "ORG_ALREADY_CONNECTED", "This Salesforce org is already connected as “%s”: use that connection, or delete it first.", other.Name)
}

// Get returns the viewer's org of that id.
func (o *Orgs) Get(ctx context.Context, id string) (*ent.Org, error) {
	row, err := o.DB.Org.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, notFound(id)
	}
	return row, engine.Wrap("load org", err)
}

// OpenOrg opens the viewer's org for an operation. One session per org is
// shared, so that its governor sees all calls.
func (o *Orgs) OpenOrg(ctx context.Context, orgID string) (engine.Org, error) {
	row, err := o.Get(ctx, orgID)
	if err != nil {
		return nil, err
	}
	if org := o.opened(row); org != nil {
		return org, nil
	}
	org, err, _ := o.opening.Do(orgID, func() (any, error) { return o.openSession(ctx, row) })
	if err != nil {
		return nil, err
	}
	return org.(engine.Org), nil
}

// opened is the org's session, unless its quota was changed or it was connected
// again since.
func (o *Orgs) opened(row *ent.Org) engine.Org {
	o.mu.Lock()
	defer o.mu.Unlock()
	if s := o.open[row.ID]; s.terms == termsOf(row) {
		return s.Org
	}
	return nil
}

func (o *Orgs) openSession(ctx context.Context, row *ent.Org) (engine.Org, error) {
	s, err := o.unseal(ctx, row)
	if err != nil {
		return nil, err
	}
	viewer, _ := engine.ViewerFrom(ctx)
	opened, err := o.Opener.Open(ctx, engine.Connection{
		OrgRef: row.Name, Flow: row.Flow, LoginURL: row.LoginURL, InstanceURL: row.InstanceURL,
		ClientID: row.ClientID, ClientSecret: s.ClientSecret, AccessToken: s.AccessToken, RefreshToken: s.RefreshToken,
		APIVersion: row.APIVersion, RESTPercent: row.RestPercent, BulkPercent: row.BulkPercent,
		Save: func(ctx context.Context, t engine.Tokens) error {
			return o.saveTokens(engine.AsWorker(ctx, viewer.Tenant), row.ID, t)
		},
		Saved: func(ctx context.Context) (engine.Tokens, error) {
			return o.savedTokens(engine.AsWorker(ctx, viewer.Tenant), row.ID)
		},
		Revoked: func(ctx context.Context) {
			o.noteRevoked(engine.AsWorker(context.WithoutCancel(ctx), viewer.Tenant), row)
		},
	})
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.open[row.ID] = session{opened, termsOf(row)}
	return opened, nil
}

// noteRevoked shows people that the org must be connected again, whenever the
// org says so: at the opening or in the middle of a job.
func (o *Orgs) noteRevoked(ctx context.Context, row *ent.Org) {
	err := o.Jobs.Record(ctx, func(tx *ent.Tx) (*job.Event, error) {
		n, err := tx.Org.Update().Where(org.ID(row.ID), org.StateNEQ(org.StateREVOKED)).SetState(org.StateREVOKED).Save(ctx)
		if err != nil || n == 0 {
			return nil, err
		}
		return &job.Event{OrgID: row.ID, Kind: engine.EventRevoked, Message: "The org no longer accepts our tokens: connect it again."}, nil
	})
	if err != nil {
		o.Log.ErrorContext(ctx, "cannot mark the org revoked", "org", row.ID, "error", err)
	}
}

func (o *Orgs) forget(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.open, id)
}
