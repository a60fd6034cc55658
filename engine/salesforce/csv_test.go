package salesforce

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

// readCSV collects all records in blocks of a size.
func readCSV(in io.Reader, size int) ([][]string, error) {
	c := csvReader{in: in}
	var b block
	var records [][]string
	for {
		err := c.read(&b, size)
		if errors.Is(err, io.EOF) {
			return records, nil
		}
		if err != nil {
			return records, err
		}
		for n := range b.len() {
			records = append(records, texts(b.row(n)))
		}
	}
}

func TestCSVReader(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, text string
		want       [][]string
		err        error
	}{
		{"nothing", "", nil, nil},
		{"header only", "\"Id\",\"Name\"\n", [][]string{{"Id", "Name"}}, nil},
		{"bare and quoted", "a,\"b\"\nc,\n", [][]string{{"a", "b"}, {"c", ""}}, nil},
		{"no last line break", "a,b", [][]string{{"a", "b"}}, nil},
		{"last field empty at the end", "a,", [][]string{{"a", ""}}, nil},
		{"CRLF between, LF and CRLF inside", "\"a\r\nb\",\"c\nd\"\r\n\"e\",\"f\"\r\n", [][]string{{"a\r\nb", "c\nd"}, {"e", "f"}}, nil},
		{"doubled quotes", "\"\"\"a\"\"b\"\"\",\"\"\"\"\n", [][]string{{`"a"b"`, `"`}}, nil},
		{"commas, spaces and letters of the world", "\" a, b \",\"Zoë 日本 🚲\"\n", [][]string{{" a, b ", "Zoë 日本 🚲"}}, nil},
		{"NUL bytes", "\"a\x00b\",\"\x00\"\n\x00", [][]string{{"ab", ""}}, nil},
		{"blank lines", "\n\r\na,b\n\n", [][]string{{"a", "b"}}, nil},
		{"ends inside quotes", "\"a\",\"b\n", nil, io.ErrUnexpectedEOF},
		{"a record too short", "a,b\nc\n", nil, errCSVWidth},
		{"a record too long", "a,b\nc,d,e\n", nil, errCSVWidth},
		{"a quote in a bare field", "a\"b,c\n", nil, errCSVQuote},
		{"text behind a quote", "\"a\"b,c\n", nil, errCSVQuote},
	} {
		for _, size := range []int{1, 2, 7, 64, 4096} {
			t.Run(fmt.Sprintf("%s/%d", test.name, size), func(t *testing.T) {
				t.Parallel()
				got, err := readCSV(iotest.OneByteReader(strings.NewReader(test.text)), size)
				if !errors.Is(err, test.err) {
					t.Fatalf("error %v, want %v", err, test.err)
				}
				if test.err == nil && !reflect.DeepEqual(got, test.want) {
					t.Errorf("got %q, want %q", got, test.want)
				}
			})
		}
	}
}

func TestCSVReaderBoundsARecord(t *testing.T) {
	t.Parallel()
	endless := io.MultiReader(strings.NewReader(`"`), iotest.OneByteReader(strings.NewReader("")), neverEnding{})
	if _, err := readCSV(endless, 64<<10); !errors.Is(err, errCSVRecord) {
		t.Errorf("an endless record: %v, want %v", err, errCSVRecord)
	}
}

type neverEnding struct{}

func (neverEnding) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// FuzzCSVReader compares the reader with encoding/csv, on texts where the two
// mean the same: that one turns CRLF inside quotes into LF and knows no NUL.
func FuzzCSVReader(f *testing.F) {
	for _, seed := range []string{"a,b\n\"c\",\"d\"\n", "\"\"\"\",\n", "a\n\nb\n", "\"a\nb\",c", "\"a\"b\n", "a,b\nc\n", "\"", "\"\"\"\"\"\"\n"} {
		f.Add([]byte(seed), 5)
	}
	f.Fuzz(func(t *testing.T, text []byte, size int) {
		if bytes.ContainsAny(text, "\r\x00") || size < 1 || size > 1<<16 {
			t.Skip()
		}
		got, err := readCSV(bytes.NewReader(text), size)
		want, wantErr := csv.NewReader(bytes.NewReader(text)).ReadAll()
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("error %v, encoding/csv says %v", err, wantErr)
		}
		if err == nil && len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Fatalf("got %q, encoding/csv says %q", got, want)
		}
	})
}
