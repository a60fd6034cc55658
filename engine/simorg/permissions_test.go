package simorg_test

import (
	"testing"

	"github.com/holdfast-backup/holdfast/engine/simorg"
	"github.com/holdfast-backup/holdfast/lwc"
)

// holders are the users who hold a custom permission, as an administrator asks.
const holders = "SELECT AssigneeId FROM PermissionSetAssignment WHERE PermissionSetId IN " +
	"(SELECT ParentId FROM SetupEntityAccess WHERE SetupEntityType = 'CustomPermission' AND SetupEntity.DeveloperName = 'Holdfast_Restore')"

func TestAPackageBringsItsPermissionsAndLabels(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	clerk := w.org.AddUser(simorg.User{Username: "clerk@test.example", Permissions: []string{"ApiEnabled"}})
	if err := w.org.LoadSource(lwc.Source); err != nil {
		t.Fatal(err)
	}
	running, err := w.org.RunAs("CLERK@test.example")
	if err != nil {
		t.Fatal(err)
	}
	if running.CheckPermission("Holdfast_Restore") || len(w.query(holders).Records) != 0 {
		t.Error("the permission is held before it is assigned")
	}
	set := w.query("SELECT Id FROM PermissionSet WHERE Name = 'Time_Machine_Restore'").Records[0]["Id"]
	w.create("PermissionSetAssignment", map[string]any{"AssigneeId": clerk, "PermissionSetId": set})
	if !running.CheckPermission("Holdfast_Restore") || running.CheckPermission("Holdfast_View_Deleted") {
		t.Error("the permission set grants Holdfast_Restore and nothing else")
	}
	if got := w.query(holders).Records; len(got) != 1 || got[0]["AssigneeId"] != clerk {
		t.Errorf("SetupEntityAccess says %v", got)
	}
	if got := running.Label("TimeMachine_ErrorNotSetUp"); got == "" {
		t.Error("the package's labels are not in the org")
	}
	if err := w.org.LoadSource(lwc.Source); err != nil {
		t.Fatal(err)
	}
	if n := w.query("SELECT Id FROM SetupEntityAccess").Records; len(n) != 2 {
		t.Errorf("installed twice there are %d rows of access, want 2", len(n))
	}
}

func TestNobodyHasAccessToADeletedRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	account := w.create("Account", map[string]any{"Name": "Gone"})
	running, err := w.org.RunAs("admin@test.example")
	if err != nil {
		t.Fatal(err)
	}
	if !running.Exists(account) || !running.RecordAccess([]string{account})[account].HasEditAccess {
		t.Fatal("the administrator has no access")
	}
	w.do("DELETE", "/sobjects/Account/"+account, nil)
	if running.Exists(account) || running.RecordAccess([]string{account})[account].HasReadAccess {
		t.Error("the record is deleted")
	}
}
