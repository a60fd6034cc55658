package database_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	dbschema "entgo.io/ent/dialect/sql/schema"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/ent"
	"github.com/holdfast-backup/holdfast/ent/database"
	"github.com/holdfast-backup/holdfast/ent/database/databasetest"
	"github.com/holdfast-backup/holdfast/ent/migrate"
)

// These tests go through every entity of the schema by reflection, so that a
// new one is covered on the day it is added.

// entity is one of the client's, such as client.Job.
type entity struct {
	name   string
	client reflect.Value
	table  *dbschema.Table
}

// owned lists the entities that belong to a tenant; global the others.
func entities(t *testing.T, client *ent.Client) (owned []entity, global []string) {
	t.Helper()
	tables := map[string]*dbschema.Table{}
	for _, table := range migrate.Tables {
		for _, index := range table.Indexes {
			if kind, ok := strings.CutSuffix(index.Name, "_tenant_id"); ok {
				tables[kind] = table
			}
		}
	}
	fields := reflect.ValueOf(client).Elem()
	for i := range fields.NumField() {
		name := fields.Type().Field(i).Name
		if !fields.Type().Field(i).IsExported() || !fields.Field(i).MethodByName("Query").IsValid() {
			continue
		}
		if table := tables[strings.ToLower(name)]; table != nil {
			owned = append(owned, entity{name, fields.Field(i), table})
		} else {
			global = append(global, name)
		}
	}
	if len(owned)+len(global) != len(migrate.Tables) || len(owned) < 10 {
		t.Fatalf("%d owned and %d global entities, %d tables", len(owned), len(global), len(migrate.Tables))
	}
	return owned, global
}

// call calls a builder's method and returns its first result and its error.
func call(on reflect.Value, method string, args ...any) (reflect.Value, error) {
	values := make([]reflect.Value, len(args))
	for i, arg := range args {
		v, ok := arg.(reflect.Value)
		if !ok {
			v = reflect.ValueOf(arg)
		}
		values[i] = v
	}
	results := on.MethodByName(method).Call(values)
	last := results[len(results)-1]
	if err, ok := last.Interface().(error); ok && last.Type().Name() == "error" {
		return results[0], err
	}
	return results[0], nil
}

// method finds the method of that name, whatever the case and the underscores.
func method(on reflect.Value, name string) (reflect.Value, bool) {
	name = strings.ToLower(strings.ReplaceAll(name, "_", ""))
	for i := range on.NumMethod() {
		if strings.ToLower(on.Type().Method(i).Name) == name {
			return on.Method(i), true
		}
	}
	return reflect.Value{}, false
}

// world makes rows of any entity.
type world struct {
	t      *testing.T
	byName map[string]entity // by table
	serial atomic.Int64
}

func newWorld(t *testing.T, db *database.DB) (*world, []entity) {
	t.Helper()
	owned, _ := entities(t, db.Client)
	w := &world{t: t, byName: map[string]entity{}}
	for _, e := range owned {
		w.byName[e.table.Name] = e
	}
	return w, owned
}

// draft is a create builder of e with every required field set, its parents
// being new rows, except those given by column.
func (w *world) draft(ctx context.Context, e entity, given map[string]reflect.Value) reflect.Value {
	w.t.Helper()
	parents := map[string]string{}
	for _, key := range e.table.ForeignKeys {
		parents[key.Columns[0].Name] = key.RefTable.Name
	}
	create, _ := call(e.client, "Create")
	for _, column := range e.table.Columns {
		value, ok := given[column.Name]
		parent, isKey := parents[column.Name]
		switch {
		case ok:
		case column.Name == "id", column.Nullable && !isKey, column.Default != nil:
			continue
		case isKey:
			value = w.make(ctx, w.byName[parent])
		}
		set, found := method(create, "Set"+column.Name)
		if !found {
			w.t.Fatalf("%s has no setter for %s", e.name, column.Name)
		}
		if !value.IsValid() {
			value = w.sample(set.Type().In(0), column)
		}
		set.Call([]reflect.Value{value})
	}
	return create
}

// make saves a row and returns its id.
func (w *world) make(ctx context.Context, e entity) reflect.Value {
	w.t.Helper()
	made, err := call(w.draft(ctx, e, nil), "Save", ctx)
	if err != nil {
		w.t.Fatalf("make %s: %v", e.name, err)
	}
	return made.Elem().FieldByName("ID")
}

func (w *world) sample(kind reflect.Type, column *dbschema.Column) reflect.Value {
	n := w.serial.Add(1)
	v := reflect.New(kind).Elem()
	switch kind.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("v%d", n))
		if len(column.Enums) > 0 {
			v.SetString(column.Enums[0])
		}
	case reflect.Int, reflect.Int64, reflect.Int32:
		v.SetInt(n)
	case reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(n))
	case reflect.Struct:
		v.Set(reflect.ValueOf(time.Now()))
	case reflect.Slice:
		v.SetBytes([]byte("{}"))
	case reflect.Bool:
	default:
		w.t.Fatalf("no sample for %s, a %s", column.Name, kind)
	}
	return v
}

func tenants(t *testing.T, db *database.DB) (mine, theirs context.Context) {
	t.Helper()
	as := func(name string) context.Context {
		made := db.Client.Tenant.Create().SetName(name).SetSlug(name).SaveX(engine.AsSystem(t.Context()))
		return engine.WithViewer(t.Context(), engine.Viewer{Tenant: made.ID, Role: engine.RoleAdmin})
	}
	return as("mine"), as("theirs")
}

func missing(err error) bool { return ent.IsNotFound(err) || engine.Is(err, engine.KindNotFound) }

// exists asks as the system whether a row is there.
func exists(t *testing.T, e entity, id reflect.Value) bool {
	t.Helper()
	_, err := call(e.client, "Get", engine.AsSystem(t.Context()), id)
	return err == nil
}

func TestStrangersRowsAreOutOfReach(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		mine, theirs := tenants(t, db)
		w, owned := newWorld(t, db)
		for _, e := range owned {
			own, stranger := w.make(mine, e), w.make(theirs, e)
			if _, err := call(e.client, "Get", mine, own); err != nil {
				t.Errorf("%s: one's own row cannot be got: %v", e.name, err)
			}
			if _, err := call(e.client, "Get", mine, stranger); !ent.IsNotFound(err) {
				t.Errorf("%s: a stranger's row is got: %v", e.name, err)
			}
			checkListed(t, mine, e, stranger)
			if _, err := call(must(call(e.client, "UpdateOneID", stranger)), "Save", mine); !missing(err) {
				t.Errorf("%s: a stranger's row is updated: %v", e.name, err)
			}
			if _, err := call(must(call(e.client, "DeleteOneID", stranger)), "Exec", mine); !ent.IsNotFound(err) {
				t.Errorf("%s: a stranger's row is deleted: %v", e.name, err)
			}
			if _, err := call(must(call(e.client, "Delete")), "Exec", mine); err != nil {
				t.Errorf("%s: delete all: %v", e.name, err)
			}
			if !exists(t, e, stranger) || exists(t, e, own) {
				t.Errorf("%s: after deleting all of mine, mine exists: %t, theirs: %t", e.name, exists(t, e, own), exists(t, e, stranger))
			}
		}
	})
}

func must(v reflect.Value, err error) reflect.Value {
	if err != nil {
		panic(err)
	}
	return v
}

func checkListed(t *testing.T, mine context.Context, e entity, stranger reflect.Value) {
	t.Helper()
	ids, err := call(must(call(e.client, "Query")), "IDs", mine)
	if err != nil || ids.Len() == 0 {
		t.Errorf("%s: list: %d rows, %v", e.name, ids.Len(), err)
	}
	for i := range ids.Len() {
		if ids.Index(i).Interface() == stranger.Interface() {
			t.Errorf("%s: a stranger's row is listed", e.name)
		}
	}
}

func TestNoRowPointsAtAStrangers(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		mine, theirs := tenants(t, db)
		w, owned := newWorld(t, db)
		pointers := 0
		for _, e := range owned {
			for _, key := range e.table.ForeignKeys {
				pointers++
				column := key.Columns[0].Name
				stranger := w.make(theirs, w.byName[key.RefTable.Name])
				_, err := call(w.draft(mine, e, map[string]reflect.Value{column: stranger}), "Save", mine)
				if !engine.Is(err, engine.KindNotFound) {
					t.Errorf("%s.%s points at a stranger's row: %v", e.name, column, err)
				}
				w.checkAdopt(mine, theirs, e, w.byName[key.RefTable.Name])
			}
		}
		if pointers == 0 {
			t.Error("no entity points at another: the test tests nothing")
		}
	})
}

// checkAdopt tries to make a stranger's child one's own, from the parent's side.
func (w *world) checkAdopt(mine, theirs context.Context, child, parent entity) {
	w.t.Helper()
	for edge, table := range ent.EdgeTargets[parent.name] {
		update := must(call(parent.client, "UpdateOneID", w.make(mine, parent)))
		add, ok := method(update, "Add"+strings.TrimSuffix(edge, "s")+"IDs")
		if !ok || table != child.table.Name {
			continue
		}
		add.Call([]reflect.Value{w.make(theirs, child)})
		if _, err := call(update, "Save", mine); !engine.Is(err, engine.KindNotFound) {
			w.t.Errorf("%s.%s adopts a stranger's row: %v", parent.name, edge, err)
		}
	}
}

func TestCreateIsAlwaysForTheViewersTenant(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		mine, theirs := tenants(t, db)
		other, _ := engine.ViewerFrom(theirs)
		w, owned := newWorld(t, db)
		for _, e := range owned {
			made, err := call(w.draft(mine, e, map[string]reflect.Value{"tenant_id": reflect.ValueOf(other.Tenant)}), "Save", mine)
			if err != nil {
				t.Errorf("%s: %v", e.name, err)
			} else if made.Elem().FieldByName("TenantID").String() == other.Tenant {
				t.Errorf("%s: a row is planted with another tenant", e.name)
			}
		}
	})
}

func TestNothingWithoutAViewer(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		mine, _ := tenants(t, db)
		nobody := t.Context()
		w, owned := newWorld(t, db)
		for _, e := range owned {
			id := w.make(mine, e)
			attempts := map[string]func() error{
				"count":  func() error { _, err := call(must(call(e.client, "Query")), "Count", nobody); return err },
				"get":    func() error { _, err := call(e.client, "Get", nobody, id); return err },
				"create": func() error { _, err := call(w.draft(mine, e, nil), "Save", nobody); return err },
				"update": func() error { _, err := call(must(call(e.client, "UpdateOneID", id)), "Save", nobody); return err },
				"delete": func() error { _, err := call(must(call(e.client, "DeleteOneID", id)), "Exec", nobody); return err },
			}
			for name, attempt := range attempts {
				if err := attempt(); !engine.Is(err, engine.KindDenied) {
					t.Errorf("%s: %s without a viewer: %v", e.name, name, err)
				}
			}
		}
	})
}

// TestGlobalEntities names what belongs to no tenant; each needs a rule of its own.
func TestGlobalEntities(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		_, global := entities(t, db.Client)
		if want := []string{"Secret", "Tenant"}; !reflect.DeepEqual(global, want) {
			t.Errorf("entities without a tenant: %v; want %v", global, want)
		}
		mine, theirs := tenants(t, db)
		me, _ := engine.ViewerFrom(mine)
		them, _ := engine.ViewerFrom(theirs)
		if ids, err := db.Client.Tenant.Query().IDs(mine); err != nil || len(ids) != 1 || ids[0] != me.Tenant {
			t.Errorf("a tenant sees the tenants %v, %v", ids, err)
		}
		if err := db.Client.Tenant.UpdateOneID(them.Tenant).SetName("x").Exec(mine); !missing(err) {
			t.Errorf("another tenant is renamed: %v", err)
		}
		if got, err := db.Client.Tenant.UpdateOneID(them.Tenant).Save(mine); !missing(err) {
			t.Errorf("an update without a change reads another tenant: %v, %v", got, err)
		}
		if err := db.Client.Tenant.Create().SetName("x").SetSlug("x").Exec(mine); !engine.Is(err, engine.KindDenied) {
			t.Errorf("a tenant makes another: %v", err)
		}
		if _, err := db.Client.Secret.Query().Count(mine); !engine.Is(err, engine.KindDenied) {
			t.Errorf("a tenant reads the server's secrets: %v", err)
		}
	})
}
