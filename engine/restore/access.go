package restore

import (
	"context"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/errgroup"

	"github.com/holdfast-backup/holdfast/engine"
)

// What an org said of its users' rights is believed for accessLife. Records
// take little room, an SObject's fields take up to a hundred kilobytes.
const (
	accessLife        = time.Minute
	rememberedRecords = 4096
	rememberedFields  = 256
	maxAccessRecords  = 200 // that the org is asked about at once
)

// The custom permissions of Time Machine's package.
const (
	permissionRestore     = "Holdfast_Restore"
	permissionViewDeleted = "Holdfast_View_Deleted"
)

// Access tells what users of an org may do there, by asking the org; it
// remembers the answers for a minute.
type Access struct {
	orgs    engine.Connector
	now     func() time.Time
	records *lru.Cache[recordKey, known[userAccess]]
	fields  *lru.Cache[fieldsKey, known[map[string]engine.Access]]
}

type recordKey struct {
	org          string
	user, record engine.RecordID
}

type fieldsKey struct {
	org    string
	user   engine.RecordID
	object string
}

// known is an answer and until when it is believed.
type known[T any] struct {
	answer T
	until  time.Time
}

// userAccess is who a user is and what they may do with one record.
type userAccess struct {
	known, active bool
	name          string
	permissions   []string
	record        engine.Access
}

// NewAccess asks through orgs, by the clock now.
func NewAccess(orgs engine.Connector, now func() time.Time) *Access {
	records, err := lru.New[recordKey, known[userAccess]](rememberedRecords)
	if err != nil {
		panic(err) // only for a size below one
	}
	fields, err := lru.New[fieldsKey, known[map[string]engine.Access]](rememberedFields)
	if err != nil {
		panic(err)
	}
	return &Access{orgs: orgs, now: now, records: records, fields: fields}
}

// reader opens the org for questions about its users.
func (a *Access) reader(ctx context.Context, orgID string) (engine.AccessReader, error) {
	org, err := a.orgs.OpenOrg(ctx, orgID)
	if err != nil {
		return nil, err
	}
	reader, ok := org.(engine.AccessReader)
	if !ok {
		return nil, engine.E(engine.KindInternal, "", "This connection cannot tell what users may do.")
	}
	return reader, nil
}

// of asks about the record and the fields at the same time.
func (a *Access) of(ctx context.Context, who Asker) (user userAccess, fields map[string]engine.Access, err error) {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		found, err := a.recordOf(ctx, who)
		user = found
		return err
	})
	group.Go(func() error {
		found, err := a.fieldsOf(ctx, who, who.ObjectName)
		fields = found
		return err
	})
	return user, fields, group.Wait()
}

func (a *Access) recordOf(ctx context.Context, who Asker) (userAccess, error) {
	found, err := a.recordsOf(ctx, who, []engine.RecordID{who.RecordID})
	return found[who.RecordID], err
}

// recordsOf answers for each record; those beyond maxAccessRecords are as if
// the user may not read them.
func (a *Access) recordsOf(ctx context.Context, who Asker, ids []engine.RecordID) (map[engine.RecordID]userAccess, error) {
	found := make(map[engine.RecordID]userAccess, len(ids))
	var ask []engine.RecordID
	for _, id := range ids {
		at := recordKey{who.OrgID, who.User, id}
		if k, ok := a.records.Get(at); ok && !who.Afresh && a.now().Before(k.until) {
			found[id] = k.answer
		} else if len(ask) < maxAccessRecords {
			ask = append(ask, id)
		}
	}
	if len(ask) == 0 {
		return found, nil
	}
	reader, err := a.reader(ctx, who.OrgID)
	if err != nil {
		return nil, err
	}
	answer, err := reader.UserAccess(ctx, engine.UserAccessRequest{
		User: who.User, Records: ask, Permissions: []string{permissionRestore, permissionViewDeleted},
	})
	if err != nil {
		return nil, err
	}
	for i, id := range ask {
		found[id] = userAccess{
			known: answer.Known, active: answer.Active, name: answer.Name, permissions: answer.Permissions, record: answer.Records[i],
		}
		a.records.Add(recordKey{who.OrgID, who.User, id}, known[userAccess]{found[id], a.now().Add(accessLife)})
	}
	return found, nil
}

func (a *Access) fieldsOf(ctx context.Context, who Asker, object string) (map[string]engine.Access, error) {
	at := fieldsKey{who.OrgID, who.User, object}
	if k, ok := a.fields.Get(at); ok && !who.Afresh && a.now().Before(k.until) {
		return k.answer, nil
	}
	reader, err := a.reader(ctx, who.OrgID)
	if err != nil {
		return nil, err
	}
	fields, err := reader.FieldAccess(ctx, who.User, object)
	if engine.Is(err, engine.KindInvalid) { // the org has no such object
		fields, err = nil, nil
	}
	if err == nil {
		a.fields.Add(at, known[map[string]engine.Access]{fields, a.now().Add(accessLife)})
	}
	return fields, err
}
