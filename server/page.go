package main

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg"
	"github.com/holdfast-backup/holdfast/engine/simorg/timemachine"
	"github.com/holdfast-backup/holdfast/lwc"
	"github.com/holdfast-backup/holdfast/server/demo"
)

// pagePassword is every demo person's, on loopback.
const pagePassword = "Holdfast-1"

// pagePerson is somebody who may open the demo's record page, and their rights.
type pagePerson struct {
	simorg.User
	can  string
	sets []string
}

// pagePeople are the org's users besides the integration's. The first may do
// most; each of the others lacks something that Time Machine must not give them.
func pagePeople() []pagePerson {
	person := func(first, last string) simorg.User {
		name := first + "@example.com"
		return simorg.User{
			Username: name, FirstName: first, LastName: last, Email: name, Password: pagePassword,
			Profile: "Sales " + first, Permissions: []string{"ApiEnabled"},
		}
	}
	rosa, carl, vera := person("Rosa", "Lind"), person("Carl", "Berg"), person("Vera", "Sand")
	carl.ReadOnlyFields = []string{"Account.Phone"}
	vera.HiddenFields = []string{"Account.AnnualRevenue"}
	return []pagePerson{
		{rosa, "restores", []string{"Time_Machine_Restore", "Time_Machine_View_Deleted"}},
		{carl, "restores; may not edit Phone", []string{"Time_Machine_Restore"}},
		{vera, "compares only; does not see Annual Revenue", []string{"Time_Machine_View"}},
	}
}

func orgUsers() []simorg.User {
	users := []simorg.User{{Username: demoUser, FirstName: "Integration", LastName: "User", Email: demoUser}}
	for _, person := range pagePeople() {
		users = append(users, person.User)
	}
	return users
}

// installTimeMachine does in the org what lwc/INSTALL.md has an administrator
// do, and answers the org's Apex, whose callouts the transport carries.
func (w *world) installTimeMachine(ctx context.Context, apex timemachine.Config) (*timemachine.Twin, error) {
	if err := w.org.LoadSource(lwc.Source); err != nil {
		return nil, err
	}
	for _, person := range pagePeople() {
		for _, set := range person.sets {
			if err := w.session.Assign(ctx, person.Username, set); err != nil {
				return nil, err
			}
		}
	}
	certificate, err := timemachine.NewCertificate("Holdfast", time.Now())
	if err != nil {
		return nil, err
	}
	if err := w.api.Trust(ctx, w.orgID, certificate.PEM); err != nil {
		return nil, err
	}
	apex.Org, apex.Server, apex.Audience, apex.Key = w.org, w.server.URL(), w.server.URL(), certificate.Key
	return timemachine.New(apex), nil
}

// page is the record page with Time Machine on it.
func (w *world) page(ctx context.Context, files fs.FS, apex timemachine.Config) (*demo.Page, error) {
	twin, err := w.installTimeMachine(ctx, apex)
	if err != nil {
		return nil, fmt.Errorf("install Time Machine in the org: %w", err)
	}
	page := &demo.Page{Files: files, Apex: twin, Org: w.credentials(), API: w.api, OrgID: w.orgID}
	for _, person := range pagePeople() {
		page.People = append(page.People, demo.Person{
			Username: person.Username, Name: fmt.Sprintf("%s %s (%s)", person.FirstName, person.LastName, person.can), Password: pagePassword,
		})
	}
	for _, reference := range []string{"Account1", "Account2", "Account3", "Account38", "Account50", "Contact3", "Opportunity1", "Shipment1"} {
		page.Records = append(page.Records, w.session.ID(reference))
	}
	return page, nil
}

// pageURL is where the org's record page is, once it is served.
func (w *world) pageURL() string { return "http://" + w.pageListener.Addr().String() }

// servePage answers browsers until close.
func (w *world) servePage(page *demo.Page) {
	w.pageSite = &http.Server{Handler: page.Handler(), ReadHeaderTimeout: readHeaderTimeout}
	go func() { _ = w.pageSite.Serve(w.pageListener) }() // ends with Close
}
