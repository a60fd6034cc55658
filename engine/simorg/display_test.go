package simorg_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/holdfast-backup/holdfast/engine/simorg"
)

// TestDisplayFunctions: toLabel shows a picklist value's label; FORMAT shows
// numbers, money and moments as the user's locale and zone have them, round
// fields, aggregates and convertCurrency alike (SOQL guide, FORMAT()).
func TestDisplayFunctions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.applyField(`<fields><fullName>Level__c</fullName><label>Level</label><type>MultiselectPicklist</type><visibleLines>3</visibleLines><valueSet><valueSetDefinition>` +
		`<value><fullName>a</fullName><default>false</default><label>Alpha</label></value><value><fullName>b</fullName><default>false</default><label>Beta</label></value></valueSetDefinition></valueSet></fields>` +
		`<fields><fullName>Share__c</fullName><label>Share</label><type>Percent</type><precision>5</precision><scale>1</scale></fields>` +
		`<fields><fullName>At__c</fullName><label>At</label><type>DateTime</type></fields><fields><fullName>Clock__c</fullName><label>Clock</label><type>Time</type></fields>`)
	w.create("Account", map[string]any{
		"Name": "F", "AnnualRevenue": 44000, "NumberOfEmployees": 1234567, "Level__c": "a;b", "Share__c": 12.5,
		"At__c": "2025-04-10T22:31:37.000Z", "Clock__c": "15:31:00.000Z",
	})
	me := w.query("SELECT Id FROM User WHERE Username = 'admin@test.example'").Records[0]["Id"].(string)
	w.must("PATCH", "/sobjects/User/"+me, map[string]any{"TimeZoneSidKey": "America/Los_Angeles"}, nil)
	for _, row := range []struct{ soql, want string }{
		{"SELECT FORMAT(AnnualRevenue) x FROM Account", "$44,000"},
		{"SELECT FORMAT(convertCurrency(AnnualRevenue)) x, AnnualRevenue FROM Account", "$44,000"},
		{"SELECT FORMAT(NumberOfEmployees) x FROM Account", "1,234,567"},
		{"SELECT FORMAT(Share__c) x FROM Account", "12.5%"},
		{"SELECT FORMAT(At__c) x, At__c FROM Account", "4/10/2025, 3:31 PM"},
		{"SELECT FORMAT(Clock__c) x FROM Account", "3:31 PM"},
		{"SELECT FORMAT(Phone) x FROM Account", "<nil>"},
		{"SELECT toLabel(Level__c) x FROM Account", "Alpha;Beta"},
		{"SELECT Id, (SELECT FORMAT(CreatedDate) x FROM Contacts), FORMAT(Owner.CreatedDate) FROM Account", "<nil>"},
		{"SELECT FORMAT(SUM(AnnualRevenue)) x, Name FROM Account GROUP BY Name", "$44,000"},
		{"SELECT FORMAT(MAX(At__c)) x FROM Account", "4/10/2025, 3:31 PM"},
		{"SELECT FORMAT(AVG(convertCurrency(AnnualRevenue))) x FROM Account", "$44,000"},
		{"SELECT FORMAT(COUNT(Id)) x FROM Account", "1"},
		{"SELECT FORMAT(SUM(AnnualRevenue)) x FROM Account WHERE Name = 'none'", "<nil>"},
	} {
		got := w.query(row.soql)
		if len(got.Records) != 1 || fmt.Sprint(got.Records[0]["x"]) != row.want {
			t.Errorf("%s: %v, want %s", row.soql, got.Records, row.want)
		}
	}
	page, _ := w.page("/jobs/query/" + w.queryJob("query", "SELECT Name, toLabel(Level__c), FORMAT(AnnualRevenue) FROM Account") + "/results")
	expect(w, "bulk", fmt.Sprint(page), "[[Name Level__c AnnualRevenue] [F Alpha;Beta $44,000]]")
}

// TestDateLiteralsInTheUsersZone: date literals mean the running user's days (§4.6).
func TestDateLiteralsInTheUsersZone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	me := w.query("SELECT Id FROM User WHERE Username = 'admin@test.example'").Records[0]["Id"].(string)
	w.create("Account", map[string]any{"Name": "Now"})
	now := w.clock.now().UTC()
	noon := time.Date(now.Year(), now.Month(), now.Day(), 12, 0, 0, 0, time.UTC)
	w.clock.advance(noon.AddDate(0, 0, 1).Sub(now))
	w.signIn()
	w.create("Account", map[string]any{"Name": "Noon"})
	w.clock.advance(11 * time.Hour) // 23:00 in UTC
	w.signIn()
	for zone, want := range map[string]int{"GMT": 1, "Asia/Tokyo": 0, "America/Los_Angeles": 1} {
		w.must("PATCH", "/sobjects/User/"+me, map[string]any{"TimeZoneSidKey": zone}, nil)
		expect(w, zone, w.count("SELECT COUNT() FROM Account WHERE CreatedDate = TODAY"), want)
	}
}

// TestFormatWithCurrencies: with several currencies an amount has its record's code.
func TestFormatWithCurrencies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *simorg.Config) { c.Currencies = []string{"EUR", "USD"} })
	w.create("Opportunity", map[string]any{"Name": "O", "StageName": "Prospecting", "CloseDate": "2026-01-31", "Amount": 1500.5, "CurrencyIsoCode": "USD"})
	expect(w, "amount", w.query("SELECT FORMAT(Amount) x FROM Opportunity").Records[0]["x"], "USD 1,500.50")
}
