package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/simpleforce/simpleforce"
)

func simpleForce() *judge {
	j := &judge{client: "simpleforce"}
	client := simpleforce.NewClient(env("URL"), env("CLIENT_ID"), "64.0")
	j.check("login over SOAP", func() error { return client.LoginPassword(env("USERNAME"), env("PASSWORD"), "") })
	j.check("a wrong password is refused", func() error {
		if simpleforce.NewClient(env("URL"), env("CLIENT_ID"), "64.0").LoginPassword(env("USERNAME"), "no", "") == nil {
			return errors.New("it was taken")
		}
		return nil
	})
	j.check("describe global", func() error {
		global, err := client.DescribeGlobal()
		if err != nil {
			return err
		}
		if list, _ := (*global)["sobjects"].([]any); len(list) < 50 {
			return fmt.Errorf("%d objects", len(list))
		}
		return nil
	})
	j.check("describe", func() error {
		return same("keyPrefix", fmt.Sprint((*client.SObject("Case").Describe())["keyPrefix"]), "500")
	})
	j.check("create, get, update, delete", func() error {
		made := client.SObject("Case").Set("Subject", "simple").Set("Comments", "inside").Create()
		if made == nil || made.ID() == "" {
			return errors.New("nothing was made")
		}
		if client.SObject("Case").Set("Id", made.ID()).Set("Subject", "changed").Update() == nil {
			return errors.New("nothing was updated")
		}
		got := client.SObject("Case").Get(made.ID())
		if got == nil {
			return errors.New("nothing was found")
		}
		return first(same("Subject", got.StringField("Subject"), "changed"), made.Delete())
	})
	j.check("upsert", func() error {
		upsert := func() *simpleforce.SObject {
			return client.SObject("Gauge__c").Set("Name", "S").Set("ExternalIDField", "Code__c").Set("Code__c", "simple-1").Upsert()
		}
		if upsert() == nil || upsert() == nil {
			return errors.New("nothing was upserted")
		}
		got, err := client.Query("SELECT Id FROM Gauge__c WHERE Code__c = 'simple-1'")
		return first(err, same("rows", got.TotalSize, 1))
	})
	j.check("query with a parent", func() error {
		made := client.SObject("Account").Set("Name", "Parent & co").Create()
		client.SObject("Contact").Set("LastName", "Kid").Set("AccountId", made.ID()).Create()
		got, err := client.Query("SELECT Id, Account.Name FROM Contact WHERE LastName = 'Kid'")
		if err != nil {
			return err
		}
		return same("Account.Name", got.Records[0].SObjectField("Account", "Account").StringField("Name"), "Parent & co")
	})
	j.check("query pages", func() error {
		got, err := client.Query("SELECT Id FROM Lead")
		n := 0
		for err == nil {
			if n += len(got.Records); got.Done {
				return same("rows", n, got.TotalSize)
			}
			got, err = client.Query(got.NextRecordsURL)
		}
		return err
	})
	j.check("a wrong query is refused", func() error {
		if _, err := client.Query("SELECT Nope FROM Account"); err == nil {
			return errors.New("it was answered")
		}
		return nil
	})
	j.check("a file down", func() error {
		made := client.SObject("ContentVersion").Set("Title", "f").Set("PathOnClient", "f.txt").Set("VersionData", "aGVsbG8=").Create()
		if made == nil {
			return errors.New("no version was made")
		}
		file := filepath.Join(os.TempDir(), fmt.Sprintf("judge-%d.txt", os.Getpid()))
		defer os.Remove(file)
		if err := client.DownloadFile(made.ID(), file); err != nil {
			return err
		}
		text, err := os.ReadFile(file)
		return first(err, same("content", string(text), "hello"))
	})
	return j
}
