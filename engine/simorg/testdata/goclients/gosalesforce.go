package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	salesforce "github.com/k-capehart/go-salesforce/v3"
)

func goSalesforce() *judge {
	j := &judge{client: "go-salesforce"}
	url := env("URL")
	creds := map[string]salesforce.Creds{
		"client credentials": {Domain: url, ConsumerKey: env("CLIENT_ID"), ConsumerSecret: env("CLIENT_SECRET")},
		"username, password": {Domain: url, Username: env("USERNAME"), Password: env("PASSWORD"), ConsumerKey: env("CLIENT_ID"), ConsumerSecret: env("CLIENT_SECRET")},
		"JWT bearer":         {Domain: url, Username: env("USERNAME"), ConsumerKey: env("CLIENT_ID"), ConsumerRSAPem: env("PRIVATE_KEY")},
	}
	var sf *salesforce.Salesforce
	for _, way := range []string{"username, password", "JWT bearer", "client credentials"} {
		j.check("login by "+way, func() (err error) {
			sf, err = salesforce.Init(creds[way], salesforce.WithAPIVersion("v66.0"))
			return err
		})
	}
	if sf == nil {
		return j
	}
	j.check("login by access token", func() error {
		_, err := salesforce.Init(salesforce.Creds{Domain: url, AccessToken: sf.GetAccessToken()})
		return err
	})
	j.check("a bad secret is refused", func() error {
		bad := creds["client credentials"]
		bad.ConsumerSecret = "no"
		if _, err := salesforce.Init(bad); err == nil {
			return errors.New("it was taken")
		}
		return nil
	})
	j.goRecords(sf)
	j.goCollections(sf)
	j.goBulk(sf)
	return j
}

func (j *judge) goRecords(sf *salesforce.Salesforce) {
	var id string
	j.check("create, query, update, delete one", func() error {
		made, err := sf.InsertOne("Account", map[string]any{"Name": "Go \"one\" ✓", "AnnualRevenue": 12})
		if err != nil {
			return err
		}
		id = made.Id
		if err := sf.UpdateOne("Account", map[string]any{"Id": id, "Phone": "1"}); err != nil {
			return err
		}
		var got []struct {
			ID            string `json:"Id"`
			Name, Phone   string
			AnnualRevenue float64
			CreatedBy     struct{ Name string }
		}
		if err := sf.Query("SELECT Id, Name, Phone, AnnualRevenue, CreatedBy.Name FROM Account WHERE Id = '"+id+"'", &got); err != nil {
			return err
		}
		if len(got) != 1 || got[0].CreatedBy.Name == "" {
			return fmt.Errorf("found %+v", got)
		}
		return first(same("Name", got[0].Name, "Go \"one\" ✓"), same("Phone", got[0].Phone, "1"), same("AnnualRevenue", got[0].AnnualRevenue, 12),
			sf.DeleteOne("Account", map[string]any{"Id": id}))
	})
	j.check("a deleted record is not found", func() error {
		resp, err := sf.DoRequest(http.MethodGet, "/sobjects/Account/"+id, nil)
		if err == nil || !strings.Contains(err.Error(), "ENTITY_IS_DELETED") {
			return fmt.Errorf("%v, %v", resp, err)
		}
		return nil
	})
	j.check("upsert by external id", func() error {
		in := map[string]any{"Name": "U", "Code__c": "go-1"}
		made, err := sf.UpsertOne("Gauge__c", "Code__c", in)
		if err != nil {
			return err
		}
		in["Code__c"] = "go-1"
		again, err := sf.UpsertOne("Gauge__c", "Code__c", in)
		return first(err, same("the id of the second", again.Id, made.Id))
	})
	j.check("a required field is missed", func() error {
		_, err := sf.InsertOne("Contact", map[string]any{"FirstName": "x"})
		if err == nil || !strings.Contains(err.Error(), "REQUIRED_FIELD_MISSING") {
			return fmt.Errorf("the refusal: %v", err)
		}
		return nil
	})
	j.check("a describe", func() error {
		resp, err := sf.DoRequest(http.MethodGet, "/sobjects/Account/describe", nil)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		var d struct{ Name, KeyPrefix string }
		return first(json.NewDecoder(resp.Body).Decode(&d), same("name", d.Name, "Account"), same("keyPrefix", d.KeyPrefix, "001"))
	})
}

func (j *judge) goCollections(sf *salesforce.Salesforce) {
	var rows []map[string]any
	for i := range 450 {
		rows = append(rows, map[string]any{"Name": fmt.Sprintf("Go %03d", i), "AccountNumber": "go"})
	}
	allFine := func(r salesforce.SalesforceResults, err error) error {
		if err == nil && r.HasSalesforceErrors {
			err = errors.New("some rows failed")
		}
		return err
	}
	j.check("450 by collections, read by pages", func() error {
		if err := allFine(sf.InsertCollection("Account", rows, 200)); err != nil {
			return err
		}
		var got []struct{ Id, Name string }
		err := sf.Query("SELECT Id, Name FROM Account WHERE AccountNumber = 'go' ORDER BY Name", &got)
		if err := first(err, same("rows", len(got), 450)); err != nil {
			return err
		}
		return same("the last", got[449].Name, "Go 449")
	})
	j.check("update and delete them by collections and composites", func() error {
		var got []struct{ Id string }
		if err := first(sf.Query("SELECT Id FROM Account WHERE AccountNumber = 'go' LIMIT 50", &got), same("rows", len(got), 50)); err != nil {
			return err
		}
		var changes []map[string]any
		for _, r := range got {
			changes = append(changes, map[string]any{"Id": r.Id, "Site": "changed"})
		}
		if err := first(allFine(sf.UpdateCollection("Account", changes[:25], 200)), allFine(sf.UpdateComposite("Account", changes[25:], 25, true))); err != nil {
			return err
		}
		var changed []struct{ Id string }
		if err := sf.Query("SELECT Id FROM Account WHERE Site = 'changed'", &changed); err != nil {
			return err
		}
		return first(same("changed", len(changed), 50), allFine(sf.DeleteCollection("Account", changed[:25], 200)), allFine(sf.DeleteComposite("Account", changed[25:], 25, true)))
	})
	j.check("a composite with a fault is rolled back", func() error {
		result, err := sf.InsertComposite("Contact", []map[string]any{{"LastName": "Fine"}, {"FirstName": "No last name"}}, 25, true)
		if err != nil {
			return err
		}
		var got []struct{ Id string }
		return first(same("errors", result.HasSalesforceErrors, true), sf.Query("SELECT Id FROM Contact WHERE LastName = 'Fine'", &got), same("rows", len(got), 0))
	})
}

func (j *judge) goBulk(sf *salesforce.Salesforce) {
	j.check("3,000 rows in and out by Bulk 2.0", func() error {
		var rows []map[string]any
		for i := range 3000 {
			rows = append(rows, map[string]any{"LastName": fmt.Sprintf("Bulk \"%d\"\nline", i), "Company": "go, bulk"})
		}
		jobs, err := sf.InsertBulk("Lead", rows, 1000, true)
		if err != nil {
			return err
		}
		for _, id := range jobs {
			results, err := sf.GetJobResults(id)
			if err := first(err, same("state", results.State, "JobComplete"), same("failed", results.NumberRecordsFailed, 0)); err != nil {
				return err
			}
		}
		file := filepath.Join(os.TempDir(), fmt.Sprintf("judge-%d.csv", os.Getpid()))
		defer os.Remove(file)
		if err := sf.QueryBulkExport("SELECT Id, LastName FROM Lead WHERE Company = 'go, bulk'", file); err != nil {
			return err
		}
		text, err := os.ReadFile(file)
		return first(err, same("rows", strings.Count(string(text), "Bulk "), 3000), same("headers", strings.Count(string(text), "LastName"), 1))
	})
	j.check("a bulk iterator", func() error {
		it, err := sf.QueryBulkIterator("SELECT Id FROM Lead WHERE Company = 'go, bulk'")
		if err != nil {
			return err
		}
		n := 0
		for it.Next() {
			var page []struct{ Id string }
			if err := it.Decode(&page); err != nil {
				return err
			}
			n += len(page)
		}
		if err := it.Error(); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		return same("rows", n, 3000)
	})
	j.check("failed rows say why", func() error {
		jobs, err := sf.InsertBulk("Contact", []map[string]any{{"LastName": "", "FirstName": "a"}}, 100, true)
		if err != nil {
			return err
		}
		results, err := sf.GetJobResults(jobs[0])
		if err := first(err, same("failed", len(results.FailedRecords), 1)); err != nil {
			return err
		}
		said := fmt.Sprint(results.FailedRecords[0]["sf__Error"])
		return same("the error", said, "REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --")
	})
}
