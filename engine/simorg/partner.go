package simorg

import (
	"maps"
	"strconv"
	"strings"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
	"github.com/holdfast-backup/holdfast/engine/simorg/store"
)

const (
	lastLogin = 64 // the last API version with login()
	maxMerge  = 2
)

func partnerMethods() map[string]soapMethod {
	methods := map[string]soapMethod{
		"login": soapLogin, "logout": soapLogout, "getServerTimestamp": soapServerTime, "getUserInfo": soapUserInfo,
		"create": soapCreate, "update": soapUpdate, "delete": soapDelete, "undelete": soapUndelete,
		"emptyRecycleBin": soapEmptyBin, "merge": soapMerge,
	}
	maps.Copy(methods, soapReads())
	return methods
}

func soapLogin(c *soapCall) ([]*element, error) {
	if major, _, _ := strings.Cut(c.version, "."); major > strconv.Itoa(lastLogin) {
		return nil, &soapFault{"UNSUPPORTED_API_VERSION", "The login() call is not available in API version " + c.version}
	}
	p := c.org.signIn(c.method.child("username").text, c.method.child("password").text)
	if p == nil {
		return nil, &soapFault{"INVALID_LOGIN", "Invalid username, password, security token; or user locked out."}
	}
	s := c.org.open(p, &App{}, "")
	base := c.org.baseURL(c.r) + "/services/Soap/"
	tail := c.version + "/" + c.org.orgID[:15]
	return []*element{el("result", leaf("metadataServerUrl", base+"m/"+tail), boolLeaf("passwordExpired", false),
		boolLeaf("sandbox", c.org.cfg.Sandbox), leaf("serverUrl", base+"u/"+tail), leaf("sessionId", s.token), leaf("userId", p.id),
		el("userInfo", c.org.userInfo(p)...))}, nil
}

func (o *Org) userInfo(p *person) []*element {
	return []*element{
		leaf("organizationId", o.orgID), leaf("organizationName", o.cfg.OrgName), leaf("profileId", o.adminProfile),
		leaf("sessionSecondsValid", strconv.Itoa(int(o.cfg.SessionTimeout.Seconds()))), leaf("userEmail", p.Email),
		leaf("userFullName", p.name()), leaf("userId", p.id), leaf("userLanguage", "en_US"), leaf("userLocale", "en_US"),
		leaf("userName", p.Username), leaf("userTimeZone", "Europe/Helsinki"), leaf("userType", "Standard"),
	}
}

func soapLogout(c *soapCall) ([]*element, error) {
	c.org.auth.mu.Lock()
	defer c.org.auth.mu.Unlock()
	delete(c.org.auth.sessions, c.session.token)
	return nil, nil
}

func soapServerTime(c *soapCall) ([]*element, error) {
	return []*element{el("result", leaf("timestamp", c.org.cfg.Now().UTC().Format(stampLayout)))}, nil
}

func soapUserInfo(c *soapCall) ([]*element, error) {
	return []*element{el("result", c.org.userInfo(c.session.user)...)}, nil
}

// soapRows runs a write on each row and prints the results.
func (c *soapCall) soapRows(n int, write rowWriter) ([]*element, error) {
	if n > maxCollection {
		return nil, &soapFault{"EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than 200 records into this call"}
	}
	outcomes := make([]outcome, n)
	atomic := c.header.child("AllOrNoneHeader").child("allOrNone").text == "true"
	opts := writeOptions{
		allowDupes: c.header.child("DuplicateRuleHeader").child("allowSave").text == "true",
		autoAssign: c.header.child("AssignmentRuleHeader").child("useDefaultRule").text == "true",
	}
	err := c.org.transact(c.session.user, opts, func(t *tx) error {
		t.rows(outcomes, atomic, write)
		return nil
	})
	results := make([]*element, n)
	for i, o := range outcomes {
		results[i] = o.element()
	}
	return results, err
}

func (o outcome) element() *element {
	if o.err == nil {
		return el("result", leaf("id", o.id), boolLeaf("success", true))
	}
	refusal := asAPIError(o.err)
	errors := el("errors")
	for _, f := range refusal.Fields {
		errors.add(leaf("fields", f))
	}
	errors.add(leaf("message", refusal.Message), leaf("statusCode", refusal.Code))
	return el("result", errors, nilLeaf("id"), boolLeaf("success", false))
}

// sObjects reads the records of create, update and merge.
func (c *soapCall) sObject(e *element) (*schema.Object, string, input, error) {
	in := input{}
	id, typ := "", ""
	for _, f := range e.children {
		switch {
		case f.name == "type":
			typ = f.text
		case f.name == "Id" || f.name == "id":
			id = f.text
		case f.name == "fieldsToNull":
			in[f.text] = nil
		case f.null:
			in[f.name] = nil
		case len(f.children) > 0:
			nested := map[string]any{}
			for _, n := range f.children {
				nested[n.name] = n.text
			}
			in[f.name] = nested
		default:
			in[f.name] = f.text
		}
	}
	obj, err := c.object(typ)
	if err != nil {
		return nil, "", nil, badRequest("INVALID_TYPE", "sObject type '%s' is not supported.", typ)
	}
	return obj, id, in, nil
}

func (c *soapCall) elements(name string) []*element {
	var found []*element
	for _, e := range c.method.children {
		if e.name == name {
			found = append(found, e)
		}
	}
	return found
}

func soapCreate(c *soapCall) ([]*element, error) {
	rows := c.elements("sObjects")
	return c.soapRows(len(rows), func(t *tx, i int) outcome {
		obj, _, in, err := c.sObject(rows[i])
		if err != nil {
			return outcome{err: err}
		}
		id, err := t.insert(obj, in)
		return outcome{id: id, err: err}
	})
}

func soapUpdate(c *soapCall) ([]*element, error) {
	rows := c.elements("sObjects")
	return c.soapRows(len(rows), func(t *tx, i int) outcome {
		obj, id, in, err := c.sObject(rows[i])
		if err != nil {
			return outcome{err: err}
		}
		full, _ := readID(id)
		return outcome{id: full, err: t.update(obj, id, in)}
	})
}

func (c *soapCall) ids() []string {
	ids := c.method.all("ids")
	return append(ids, c.method.all("ID")...)
}

func soapDelete(c *soapCall) ([]*element, error) {
	ids := c.ids()
	return c.soapRows(len(ids), func(t *tx, i int) outcome { return c.deleteOne(t, ids[i]) })
}

func soapUndelete(c *soapCall) ([]*element, error) {
	ids := c.ids()
	return c.soapRows(len(ids), func(t *tx, i int) outcome {
		full, _ := readID(ids[i])
		return outcome{id: full, err: t.undelete(ids[i])}
	})
}

func soapEmptyBin(c *soapCall) ([]*element, error) {
	ids := c.ids()
	return c.soapRows(len(ids), func(t *tx, i int) outcome {
		full, _ := readID(ids[i])
		return outcome{id: full, err: t.emptyBin(ids[i])}
	})
}

func soapMerge(c *soapCall) ([]*element, error) {
	var results []*element
	for _, request := range c.method.children { // clients differ in the element's name
		losers := request.all("recordToMergeIds")
		obj, id, in, err := c.sObject(request.child("masterRecord"))
		var moved []string
		if err == nil {
			err = c.org.transact(c.session.user, writeOptions{}, func(t *tx) error {
				moved, err = t.merge(obj, id, in, losers)
				return err
			})
		}
		if err != nil {
			refusal := outcome{err: err}.element()
			results = append(results, refusal)
			continue
		}
		result := el("result", leaf("id", id))
		for _, l := range losers {
			result.add(leaf("mergedRecordIds", l))
		}
		result.add(boolLeaf("success", true))
		for _, m := range moved {
			result.add(leaf("updatedRelatedIds", m))
		}
		results = append(results, result)
	}
	return results, nil
}

// merge moves the losers' children to the master and puts the losers into the
// bin, with MasterRecordId. It returns the ids of the children.
func (t *tx) merge(obj *schema.Object, master string, in input, losers []string) ([]string, error) {
	if !obj.Can("mergeable") || len(losers) > maxMerge {
		return nil, invalidRow("INVALID_OPERATION", nil, "%s cannot be merged, or too many records were given", obj.Name)
	}
	winner, err := t.find(obj, master)
	if err != nil {
		return nil, err
	}
	if len(in) > 0 {
		if err := t.update(obj, master, in); err != nil {
			return nil, err
		}
	}
	var moved []string
	for _, loser := range losers {
		r, err := t.find(obj, loser)
		if err != nil {
			return nil, err
		}
		for _, rel := range obj.Children {
			moved = append(moved, t.reparent(rel, r.ID, winner.ID)...)
		}
		v := t.values(row{obj, r})
		if f := obj.Field("MasterRecordId"); f != nil {
			v[f.Col] = winner.ID
		}
		t.change(obj, r, v, func(r *store.Record) { r.State, r.DeletedAt, r.Stamp = store.Binned, t.stamp, t.stamp })
		t.o.logDelete(t, row{obj, r})
	}
	return moved, nil
}

// reparent points a relationship's rows at another parent; their SystemModstamp
// moves, no trigger runs.
func (t *tx) reparent(rel schema.ChildRelationship, from, to string) []string {
	var moved []string
	for _, child := range t.o.children(rel, from) {
		f := child.obj.Field(rel.Field)
		if child.rec.State != store.Live || f.From != schema.Stored || child.rec.ID == to {
			continue
		}
		v := t.values(child)
		v[f.Col] = to
		t.change(child.obj, child.rec, v, func(r *store.Record) { r.Stamp = t.stamp })
		moved = append(moved, child.rec.ID)
	}
	return moved
}
