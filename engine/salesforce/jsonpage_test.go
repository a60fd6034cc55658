package salesforce

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

var accountColumns = []column{{"Id", asID}, {"Name", asIs}, {"AnnualRevenue", asNumber}, {"IsDeleted", asBoolean}, {"SystemModstamp", asDatetime}}

func TestParsePage(t *testing.T) {
	t.Parallel()
	const text = `{"totalSize":2,"done":false,"nextRecordsUrl":"/services/data/v66.0/query/01g-2",
	"records":[
	 {"attributes":{"type":"Account","url":"/x"},"Id":"001D000000IqhSLIAZ","Name":"A \"quoted\"\nline \u65e5\ud83d\udeb2 \\ \/","AnnualRevenue":300.0,"IsDeleted":false,"SystemModstamp":"2026-01-31T10:15:30.000+0000"},
	 {"SystemModstamp":"2026-01-31T10:15:31.000+0000","IsDeleted":true,"annualrevenue":null,"Name":"NUL\u0000","Id":"001D000000IqhSMIAZ","Owner":{"Name":"Ann","Roles":[1,{"a":"b"}]}}]}`
	p, err := parsePage([]byte(text), accountColumns)
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{
		{"001D000000IqhSLIAZ", "A \"quoted\"\nline 日🚲 \\ /", "300", "false", "2026-01-31T10:15:30.000Z"},
		{"001D000000IqhSMIAZ", "NUL", "", "true", "2026-01-31T10:15:31.000Z"},
	}
	if p.done || p.total != 2 || p.len() != len(want) {
		t.Fatalf("done %v, total %d, rows %d", p.done, p.total, p.len())
	}
	for n := range want {
		if got := texts(p.row(n)); !reflect.DeepEqual(got, want[n]) {
			t.Errorf("row %d: got %q, want %q", n, got, want[n])
		}
	}
}

// TestParsePageTruncated cuts a good page at every byte: none may pass.
func TestParsePageTruncated(t *testing.T) {
	t.Parallel()
	const text = `{"totalSize":1,"done":true,"records":[{"attributes":{"type":"A"},"Id":"001D000000IqhSLIAZ","Name":"x\u00e9","AnnualRevenue":1.5,"IsDeleted":false,"SystemModstamp":null}]}`
	if _, err := parsePage([]byte(text), accountColumns); err != nil {
		t.Fatal(err)
	}
	for n := range len(text) {
		if _, err := parsePage([]byte(text[:n]), accountColumns); err == nil {
			t.Errorf("a page cut after %q passes", text[:n])
		}
	}
	for _, bad := range []string{
		strings.Replace(text, `"Name":"x\u00e9",`, "", 1), // a field is missing
		text + "x", strings.Replace(text, "1.5", "1.5.5", 1), strings.Replace(text, `\u00e9`, `\x`, 1),
		`{"errorCode":"X"}`, `[]`, strings.Repeat(`{"a":`, 100),
	} {
		if _, err := parsePage([]byte(bad), accountColumns); err == nil {
			t.Errorf("%q passes", bad)
		}
	}
}

func TestParseRecords(t *testing.T) {
	t.Parallel()
	rows, err := parseRecords([]byte(`[null,{"attributes":{},"Name":"b","Id":"x"},null]`), []column{{"Id", asIs}, {"Name", asIs}})
	if err != nil || len(rows) != 3 || rows[0] != nil || rows[2] != nil || string(rows[1][1]) != "b" {
		t.Errorf("got %q, %v", rows, err)
	}
	if _, err := parseRecords([]byte(`[1]`), nil); err == nil {
		t.Error("a number among the records passes")
	}
}

// FuzzParsePage compares the scanner with encoding/json.
func FuzzParsePage(f *testing.F) {
	f.Add([]byte(`"a"`), []byte(`1`))
	f.Add([]byte(`"\ud83d\ude00\ud83d\u0041\udc00\n"`), []byte(`null`))
	f.Add([]byte("\"\xff\xed\xa0\x80\""), []byte(`[{"a":[1,2,{}]}]`))
	f.Fuzz(func(t *testing.T, name, other []byte) {
		text := fmt.Appendf(nil, `{"done":true,"records":[{"Other":%s,"Name":%s}]}`, other, name)
		var want struct{ Records []struct{ Name *any } }
		err := json.Unmarshal(text, &want)
		p, got := parsePage(bytes.Clone(text), []column{{"Name", asIs}})
		if err != nil || len(want.Records) != 1 {
			return // stricter than it is lax: a page with a bad string is read again
		}
		var asText string
		if got != nil || p.len() != 1 || bytes.Contains(text, []byte(`\u0000`)) || !bytes.HasPrefix(bytes.TrimSpace(name), []byte{'"'}) {
			return
		}
		if json.Unmarshal(name, &asText) == nil && bytes.Equal(bytes.ToValidUTF8(name, nil), name) && string(p.row(0)[0]) != asText {
			t.Fatalf("%q became %q, encoding/json says %q", name, p.row(0)[0], asText)
		}
	})
}

func BenchmarkParsePage(b *testing.B) {
	const row = `{"attributes":{"type":"Account","url":"/services/data/v66.0/sobjects/Account/001D000000IqhSLIAZ"},"Id":"001D000000IqhSLIAZ","Name":"Firm \u0026 \"Sons\" of Tampere and Ostrava","AnnualRevenue":12345.5,"IsDeleted":false,"SystemModstamp":"2026-01-31T10:15:30.000+0000"}`
	text := []byte(`{"totalSize":2000,"done":true,"records":[` + strings.TrimSuffix(strings.Repeat(row+",", 2000), ",") + `]}`)
	copied := make([]byte, len(text))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		copy(copied, text)
		if p, err := parsePage(copied, accountColumns); err != nil || p.len() != 2000 {
			b.Fatal(err)
		}
	}
}
