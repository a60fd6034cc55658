package simorg

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/holdfast-backup/holdfast/engine/simorg/schema"
	"github.com/holdfast-backup/holdfast/engine/simorg/store"
)

// setUp makes the records every org is born with.
func (o *Org) setUp() error {
	o.orgID = o.cfg.OrgID
	if o.orgID == "" {
		o.orgID = o.nextID("00D")
	} else if id, valid := readID(o.orgID); valid {
		o.orgID = id
	} else {
		return fmt.Errorf("Config.OrgID %q is not an id", o.cfg.OrgID)
	}
	if len(o.cfg.Users) == 0 {
		o.cfg.Users = []User{{Username: "admin@holdfast.test", Password: "secret", FirstName: "Ada", LastName: "Admin", Email: "admin@holdfast.test"}}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.peopleInOrg()
	o.birthRecords()
	return nil
}

// peopleInOrg gives the configured users their ids.
func (o *Org) peopleInOrg() {
	for _, u := range o.cfg.Users {
		p := newPerson(u)
		p.id = o.nextID("005")
		o.users[p.id] = p
		if o.first == nil {
			o.first = p
		}
	}
}

func (o *Org) birthRecords() {
	t := o.begin(o.first, writeOptions{})
	if o.schema().Get("Organization") != nil {
		t.birth("Organization", o.orgID, input{
			"Name": o.cfg.OrgName, "OrganizationType": "Developer Edition", "InstanceName": "SIM1",
			"IsSandbox": yes(o.cfg.Sandbox), "TimeZoneSidKey": "Europe/Helsinki", "DefaultLocaleSidKey": "en_US", "LanguageLocaleKey": "en_US",
			"FiscalYearStartMonth": "1",
		})
	}
	t.currencyRecords()
	profiles := map[string]string{}
	for _, u := range o.cfg.Users {
		profile := u.Profile
		if profile == "" {
			profile = "System Administrator"
		}
		if profiles[profile] == "" {
			profiles[profile] = t.profile(profile, newPerson(u))
		}
		t.personRecord(o.personByName(u.Username), profiles[profile])
	}
	if o.schema().Get("Pricebook2") != nil {
		o.standardPricebook = o.nextID("01s")
		t.birth("Pricebook2", o.standardPricebook, input{"Name": "Standard Price Book", "IsActive": "true", "IsStandard": "true"})
	}
	for _, b := range bornWith {
		t.birth(b.object, o.nextID(prefixOf(&schema.Object{KeyPrefix: b.prefix})), b.in)
	}
	o.addRecordTypes()
}

// bornWith is a record each of the setup objects that others must refer to and
// nobody can make through the API.
var bornWith = []struct {
	object, prefix string
	in             input
}{
	{"OpportunitySplitType", "", input{"DeveloperName": "Revenue", "MasterLabel": "Revenue", "IsActive": "true", "IsTotalValidated": "true"}},
	{"CaseTeamRole", "", input{"Name": "Case Manager", "AccessLevel": "Edit"}},
	{"MilestoneType", "557", input{"Name": "First Response"}},
	{"LiveChatVisitor", "", input{"Name": "00000000"}},
	{"Community", "", input{"Name": "Internal Zone", "IsActive": "true"}},
	{"Territory2Model", "", input{"Name": "Regions", "DeveloperName": "Regions", "State": "Active"}},
	{"Territory2Type", "", input{"MasterLabel": "Region", "DeveloperName": "Region", "Priority": "1"}},
}

// birth stores a record as it is, past every rule.
func (t *tx) birth(object, id string, in input) {
	obj := t.o.schema().Get(object)
	if obj == nil || t.o.table(object).Get(id) != nil {
		return
	}
	values := make([]string, obj.Cols())
	stamp := formatStamp(t.stamp)
	for name, v := range map[string]string{"CreatedDate": stamp, "LastModifiedDate": stamp, "CreatedById": t.user.id, "LastModifiedById": t.user.id} {
		if f := obj.Field(name); f != nil {
			values[f.Col] = v
		}
	}
	for name, v := range in {
		if f := obj.Field(name); f != nil {
			values[f.Col], _ = v.(string)
		}
	}
	t.put(obj, &store.Record{ID: id, Stamp: t.stamp}, values)
}

func yes(b bool) string {
	if b {
		return "true"
	}
	return ""
}

// profile makes a profile with the permission set that it owns.
func (t *tx) profile(name string, p *person) string {
	id := t.o.nextID("00e")
	if t.o.adminProfile == "" {
		t.o.adminProfile = id
	}
	t.birth("Profile", id, input{"Name": name, "UserType": "Standard"})
	set := input{"Name": "X" + id, "Label": name, "ProfileId": id, "IsOwnedByProfile": "true"}
	for permission := range p.permissions {
		set["Permissions"+permission] = "true"
	}
	t.o.profileSets[id] = t.o.nextID("0PS")
	t.birth("PermissionSet", t.o.profileSets[id], set)
	return id
}

func (t *tx) personRecord(p *person, profile string) {
	alias := strings.Split(p.Username, "@")[0]
	t.birth("User", p.id, input{
		"Username": p.Username, "FirstName": p.FirstName, "LastName": p.LastName, "Name": p.name(),
		"Email": p.Email, "Alias": alias[:min(8, len(alias))], "CommunityNickname": alias, "IsActive": yes(!p.Inactive), "ProfileId": profile,
		"TimeZoneSidKey": "Europe/Helsinki", "LocaleSidKey": "en_US", "EmailEncodingKey": "UTF-8", "LanguageLocaleKey": "en_US", "UserType": "Standard",
	})
	t.birth("PermissionSetAssignment", t.o.nextID("0Pa"), input{"AssigneeId": p.id, "PermissionSetId": t.o.profileSets[profile], "IsActive": "true"})
}

// addRecordTypes gives every record type of a describe its RecordType record.
func (o *Org) addRecordTypes() {
	t := o.begin(o.first, writeOptions{})
	for _, obj := range o.schema().All() {
		for _, rt := range obj.RecordTypes {
			if !rt.Master {
				t.birth("RecordType", rt.RecordTypeID, input{
					"Name": rt.Name, "DeveloperName": rt.DeveloperName,
					"SobjectType": obj.Name, "IsActive": yes(rt.Active),
				})
			}
		}
	}
}

// AddRecordType adds a record type to an object and returns its id.
func (o *Org) AddRecordType(object, developerName string) (string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	id := ""
	err := o.reshape(func(c *schema.Catalogue) error {
		obj := c.Get(object)
		if obj == nil {
			return fmt.Errorf("the schema has no %s", object)
		}
		id = o.addRecordType(obj, schema.RecordTypeMetadata{FullName: developerName, Active: true, Label: strings.ReplaceAll(developerName, "_", " ")})
		return nil
	})
	return id, err
}

// AddUser adds a person to the org after its birth and returns their id.
func (o *Org) AddUser(u User) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	p := newPerson(u)
	p.id = o.nextID("005")
	o.users[p.id] = p
	t := o.begin(o.first, writeOptions{})
	t.personRecord(p, t.profile(u.Profile+" "+strconv.Itoa(len(o.users)), p))
	return p.id
}

// userSaved keeps the people who sign in in step with the User records.
func userSaved(c *change) error {
	p := c.o.users[c.id]
	if p == nil {
		p = newPerson(User{Permissions: []string{"ApiEnabled"}})
		p.id = c.id
		c.o.users[c.id] = p
		c.undo = append(c.undo, func() { delete(c.o.users, p.id) })
	}
	before, next := p.User, p.User
	next.Username, next.FirstName, next.LastName, next.Email = c.get("Username"), c.get("FirstName"), c.get("LastName"), c.get("Email")
	next.Inactive = c.get("IsActive") != "true"
	c.o.replacePerson(c.id, next)
	c.undo = append(c.undo, func() { c.o.replacePerson(c.id, before) })
	return nil
}

// SetUser changes what a user of the org may see and do, from the next call on.
// To the platform that is a change of every describe.
func (o *Org) SetUser(username string, edit func(*User)) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	p := o.personByName(username)
	if p == nil {
		return fmt.Errorf("the org has no user %s", username)
	}
	next := p.User
	edit(&next)
	o.replacePerson(p.id, next)
	o.publish(o.schema().Clone())
	return nil
}

// replacePerson puts a person's new self in place of the old, in sessions and
// grants too; calls at work go on as who they were.
func (o *Org) replacePerson(id string, u User) {
	old, next := o.users[id], newPerson(u)
	next.id = id
	o.users[id] = next
	o.auth.mu.Lock()
	defer o.auth.mu.Unlock()
	for token, s := range o.auth.sessions {
		if s.user == old {
			twin := *s
			twin.user = next
			o.auth.sessions[token] = &twin
		}
	}
	for _, grants := range []map[string]*grant{o.auth.refresh, o.auth.codes} {
		for token, g := range grants {
			if g.user == old {
				twin := *g
				twin.user = next
				grants[token] = &twin
			}
		}
	}
}
