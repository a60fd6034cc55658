package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing/fstest"
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg"
)

// population is what the org has: records of the seven standard SObjects of a
// sales and service org and, with custom ones, half of the records there.
type population struct {
	records, custom int
	wide            bool // Account has wideFields more, and the org has sellers
}

func (p population) users() []simorg.User {
	users := []simorg.User{{Username: userName, LastName: "User"}}
	if p.wide {
		for n := range sellers {
			users = append(users, simorg.User{Username: sellerName(n), LastName: "Seller", Profile: "Sales", Permissions: []string{"ApiEnabled"}})
		}
	}
	return users
}

func (p population) fill(org *simorg.Org) error {
	business := p.records
	if p.custom > 0 {
		business /= 2
		if err := org.LoadSource(customObjects(p.custom)); err != nil {
			return err
		}
	}
	if p.wide {
		if err := org.LoadSource(wideObject()); err != nil {
			return err
		}
	}
	people := simorg.BusinessOrg(business)
	for n := range p.custom {
		people.Counts = append(people.Counts, simorg.Count{Object: customName(n), N: (p.records - business) / p.custom})
	}
	return org.Seed(people)
}

func customName(n int) string { return fmt.Sprintf("Custom_%d__c", n) }

// customObjects are an SFDX project of SObjects with a field of each common type.
func customObjects(count int) fstest.MapFS {
	files := fstest.MapFS{}
	put := func(path, body string) {
		files["objects/"+path] = &fstest.MapFile{Data: []byte(strings.Replace(body, ">", ` xmlns="http://soap.sforce.com/2006/04/metadata">`, 1))}
	}
	fields := map[string]string{
		"Text__c": "<type>Text</type><length>120</length>", "Long__c": "<type>LongTextArea</type><length>32000</length><visibleLines>3</visibleLines>",
		"Amount__c": "<type>Currency</type><precision>16</precision><scale>2</scale>", "Count__c": "<type>Number</type><precision>12</precision><scale>0</scale>",
		"Due__c": "<type>Date</type>", "At__c": "<type>DateTime</type>", "Done__c": "<type>Checkbox</type><defaultValue>false</defaultValue>",
		"Mail__c": "<type>Email</type>", "Phone__c": "<type>Phone</type>", "Share__c": "<type>Percent</type><precision>5</precision><scale>2</scale>",
	}
	for n := range count {
		name := customName(n)
		put(name+"/"+name+".object-meta.xml", "<CustomObject><label>"+name+"</label><pluralLabel>"+name+"</pluralLabel><nameField><label>Name</label><type>Text</type></nameField><sharingModel>ReadWrite</sharingModel></CustomObject>")
		for field, kind := range fields {
			put(name+"/fields/"+field+".field-meta.xml", "<CustomField><fullName>"+field+"</fullName><label>"+field+"</label>"+kind+"</CustomField>")
		}
	}
	return files
}

// profile is how far away the org is: every answer begins after the delay, and
// each stream has so many bytes a second, 0 for as many as it takes.
type profile struct {
	delay time.Duration
	rate  int64
}

func readProfile(q url.Values) *profile {
	p := &profile{}
	p.delay, _ = time.ParseDuration(q.Get("delay"))
	p.rate, _ = strconv.ParseInt(q.Get("rate"), 10, 64)
	return p
}

func (p *profile) slow(w http.ResponseWriter) http.ResponseWriter {
	time.Sleep(p.delay)
	if p.rate == 0 {
		return w
	}
	return &distant{ResponseWriter: w, rate: p.rate, began: time.Now()}
}

// distant writes no faster than its rate.
type distant struct {
	http.ResponseWriter
	rate, sent int64
	began      time.Time
}

const parcel = 64 << 10

func (d *distant) Write(b []byte) (n int, err error) {
	for len(b) > 0 && err == nil {
		var m int
		m, err = d.ResponseWriter.Write(b[:min(len(b), parcel)])
		n, b, d.sent = n+m, b[m:], d.sent+int64(m)
		due := d.began.Add(time.Duration(float64(d.sent) / float64(d.rate) * float64(time.Second)))
		time.Sleep(time.Until(due))
	}
	return n, err
}
