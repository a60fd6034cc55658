package capture

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"maps"
	"slices"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/klauspost/compress/zstd"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/describe"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/sobject"
)

// describesAtOnce bounds how many full describes are in memory together.
const describesAtOnce = 100

// Dictionary is what we know of an org's schema: every SObject as last
// described. Reading from it costs no API call.
type Dictionary struct{ DB *ent.Client }

// SObject returns the full describe of one SObject, whatever its case in name;
// it is shared, so nobody changes it.
// KindNotFound, code UNKNOWN_OBJECT, when the org has none or no backup has
// seen it yet.
func (d Dictionary) SObject(ctx context.Context, orgID, name string) (*engine.SObject, error) {
	row, err := d.DB.SObject.Query().Where(sobject.OrgID(orgID), sobject.NameEqualFold(name)).First(ctx)
	if ent.IsNotFound(err) || err == nil && len(row.Describe) == 0 {
		return nil, &engine.Error{
			Kind: engine.KindNotFound, Code: "UNKNOWN_OBJECT", Org: orgID, Object: name,
			Message: "No object “" + name + "” is known of this org. Check its API name, and back the org up once if it is new.",
		}
	}
	if err != nil {
		return nil, engine.Wrap("load the describe of "+name, err)
	}
	return unpack(row.Describe)
}

// Refresh brings the dictionary up to date with the org and lists its SObjects
// by name. Only describes that changed are fetched; failures are per SObject.
func (d Dictionary) Refresh(ctx context.Context, orgID string, org engine.Org) (*Schema, error) {
	global, err := org.DescribeGlobal(ctx)
	if err != nil {
		return nil, engine.Wrap("list the org's objects", err)
	}
	known, err := d.known(ctx, orgID)
	if err != nil {
		return nil, err
	}
	r := refresh{Dictionary: d, orgID: orgID, org: org, known: known, schema: &Schema{Failed: map[string]error{}}}
	for part := range slices.Chunk(global, describesAtOnce) {
		if err := r.describe(ctx, part); err != nil {
			return nil, err
		}
	}
	return r.schema, d.markGone(ctx, orgID, global, known)
}

// refresh is one pass over an org's SObjects.
type refresh struct {
	Dictionary
	orgID  string
	org    engine.Org
	known  map[string]knownObject
	schema *Schema
}

// Schema is an org's SObjects in the order of its global describe, and those
// whose full describe failed, with the reason.
type Schema struct {
	Objects []engine.SObject // without fields
	Failed  map[string]error
}

type knownObject struct {
	describedAt time.Time
	gone        bool
}

func (d Dictionary) known(ctx context.Context, orgID string) (map[string]knownObject, error) {
	rows, err := d.DB.SObject.Query().Where(sobject.OrgID(orgID)).
		Select(sobject.FieldName, sobject.FieldDescribedAt, sobject.FieldGone).All(ctx)
	if err != nil {
		return nil, engine.Wrap("load the dictionary", err)
	}
	known := make(map[string]knownObject, len(rows))
	for _, row := range rows {
		k := knownObject{gone: row.Gone}
		if row.DescribedAt != nil && !row.Gone {
			k.describedAt = *row.DescribedAt
		}
		known[row.Name] = k
	}
	return known, nil
}

func (r refresh) describe(ctx context.Context, part []engine.SObject) error {
	var requests []engine.DescribeRequest
	for i := range part {
		r.schema.Objects = append(r.schema.Objects, part[i])
		if ok, _ := describe.Readable(&part[i]); ok {
			requests = append(requests, engine.DescribeRequest{Object: part[i].Name, Since: r.known[part[i].Name].describedAt})
		}
	}
	results, err := r.org.Describe(ctx, requests)
	if err != nil {
		return engine.Wrap("describe the org's objects", err)
	}
	var changed []*ent.SObjectCreate
	for _, result := range results {
		switch {
		case result.Err != nil:
			r.schema.Failed[result.Object] = result.Err
		case !result.Unchanged:
			create, err := r.row(r.orgID, result)
			if err != nil {
				return err
			}
			changed = append(changed, create)
		}
	}
	return r.save(ctx, changed)
}

func (d Dictionary) row(orgID string, result engine.DescribeResult) (*ent.SObjectCreate, error) {
	packed, err := pack(result.SObject)
	if err != nil {
		return nil, err
	}
	return d.DB.SObject.Create().SetOrgID(orgID).SetName(result.SObject.Name).SetLabel(result.SObject.Label).
		SetKeyPrefix(result.SObject.KeyPrefix).SetClass(string(describe.Classify(result.SObject))).
		SetDescribe(packed).SetDescribedAt(result.AsOf.UTC().Truncate(time.Microsecond)).SetGone(false), nil
}

func (d Dictionary) save(ctx context.Context, rows []*ent.SObjectCreate) error {
	if len(rows) == 0 {
		return nil
	}
	err := d.DB.SObject.CreateBulk(rows...).OnConflictColumns(sobject.FieldOrgID, sobject.FieldName).UpdateNewValues().Exec(ctx)
	return engine.Wrap("save the dictionary", err)
}

func (d Dictionary) markGone(ctx context.Context, orgID string, global []engine.SObject, known map[string]knownObject) error {
	for i := range global {
		delete(known, global[i].Name)
	}
	var gone []string
	for name, k := range known {
		if !k.gone {
			gone = append(gone, name)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	err := d.DB.SObject.Update().Where(sobject.OrgID(orgID), sobject.NameIn(gone...)).SetGone(true).Exec(ctx)
	return engine.Wrap("mark objects that left the org", err)
}

var (
	packer, _   = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	unpacker, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(0))
)

func pack(o *engine.SObject) ([]byte, error) {
	plain, err := json.Marshal(o)
	if err != nil {
		return nil, engine.Wrap("encode the describe of "+o.Name, err)
	}
	return packer.EncodeAll(plain, nil), nil
}

// unpacked remembers what was read from packed describes, by their hash: one
// takes milliseconds, and the same few are asked for by everybody.
var unpacked = func() *lru.Cache[[sha256.Size]byte, *engine.SObject] {
	const remembered = 64 // up to a megabyte each
	cache, err := lru.New[[sha256.Size]byte, *engine.SObject](remembered)
	if err != nil {
		panic(err) // only for a size below one
	}
	return cache
}()

// unpack answers a describe that others may be reading, too.
func unpack(packed []byte) (*engine.SObject, error) {
	hash := sha256.Sum256(packed)
	if o, ok := unpacked.Get(hash); ok {
		return o, nil
	}
	plain, err := unpacker.DecodeAll(packed, nil)
	if err != nil {
		return nil, engine.Wrap("inflate a describe", err)
	}
	o := &engine.SObject{}
	if err := json.Unmarshal(plain, o); err != nil {
		return nil, engine.Wrap("decode a describe", err)
	}
	unpacked.Add(hash, o)
	return o, nil
}

// NamedObject is an SObject and the field that shows its records to people,
// empty when it has none.
type NamedObject struct{ Name, Label, NameField string }

// NameFields finds SObjects by the prefixes of their records' ids.
func (d Dictionary) NameFields(ctx context.Context, orgID string, prefixes map[string]bool) (map[string]NamedObject, error) {
	rows, err := d.DB.SObject.Query().Where(sobject.OrgID(orgID), sobject.KeyPrefixIn(slices.Sorted(maps.Keys(prefixes))...), sobject.DescribeNotNil()).All(ctx)
	if err != nil {
		return nil, engine.Wrap("find objects by their prefixes", err)
	}
	found := make(map[string]NamedObject, len(rows))
	for _, row := range rows {
		described, err := unpack(row.Describe)
		if err != nil {
			return nil, err
		}
		found[row.KeyPrefix] = NamedObject{Name: row.Name, Label: row.Label, NameField: describe.NameField(described)}
	}
	return found, nil
}
