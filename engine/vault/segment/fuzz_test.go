package segment

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/holdfast-backup/holdfast/engine"
)

// FuzzBlock decodes streams that no writer wrote: behind the seal anything may
// stand, and it must end in values or in an error.
func FuzzBlock(f *testing.F) {
	fields := []Field{{Name: "A", Hot: true}, {Name: "B"}, {Name: "C"}, {Name: "D"}}
	b := &blockBuilder{}
	for _, n := range []int{1, 3, 40} {
		b.reset(fields)
		for i := range n {
			id := fmt.Sprintf("001Qy0000%06d", i/2)
			row := Row{ID: []byte(id + engine.IDChecksum(id)), Seq: uint64(i), Op: 1, Modstamp: []byte("2026-01-02T03:04:05.006Z")}
			row.Cells = []Cell{{0, row.ID}, {1, row.Modstamp}, {2, []byte("2026-02-03")}, {3, fmt.Appendf(nil, "%*d", i%3+1, i)}}
			if err := b.add(&row); err != nil {
				f.Fatal(err)
			}
		}
		hot, cold := b.encode()
		f.Add(bytes.Clone(hot), bytes.Clone(cold), n)
	}
	f.Fuzz(func(_ *testing.T, hot, cold []byte, rows int) {
		var v block
		if len(hot)+len(cold) > 1<<20 || v.parseHot(hot, rows, len(fields)) != nil || v.parseCold(cold) != nil || v.decodeAll() != nil {
			return
		}
		for row := range v.Len() {
			_, _, _ = v.ID(row), v.Seq(row), v.Op(row).Change()
			for _, c := range v.Cells(row) {
				_ = append([]byte(nil), c.Value...)
			}
		}
	})
}

// FuzzIndex parses indexes that no writer wrote.
func FuzzIndex(f *testing.F) {
	x := index{
		sections: []Section{{Object: "Account", Fields: []Field{{"Name", "string", true, false}}, Blocks: 1, IDs: 2, bloomLen: 30}},
		blocks:   []blockMeta{{first: []byte("a"), last: []byte("b"), hot: stream{50, 70}, cold: stream{20, 10}, rows: 2, minSeq: 1, maxSeq: 4}},
	}
	f.Add(x.encode(), int64(headerSize+70))
	f.Fuzz(func(_ *testing.T, b []byte, end int64) {
		var x index
		_ = x.parse(b, end)
	})
}

// FuzzColumn holds every encoding to the exact text: lines of text are the
// values of a column, empty ones are null.
func FuzzColumn(f *testing.F) {
	f.Add([]byte("a\nb\n\nb"), byte(0))
	f.Add([]byte("001Qy0000000001IAA\n001Qy0000000002IAA"), byte(1))
	f.Add([]byte("2026-02-29\n2024-02-29\n0000-00-00"), byte(3))
	f.Add([]byte("9999-12-31T23:59:59.999Z\n0001-01-01T00:00:00.000Z"), byte(2))
	f.Fuzz(func(t *testing.T, text []byte, repeatEvery byte) {
		lines := bytes.Split(text, []byte("\n"))
		if len(lines) > 5000 {
			return
		}
		b := &blockBuilder{}
		b.reset([]Field{{Name: "F"}})
		for i, line := range lines {
			row := Row{ID: binary.BigEndian.AppendUint32(nil, uint32(i/(int(repeatEvery)+1)+1)), Seq: uint64(i), Op: 1}
			if len(line) > 0 {
				row.Cells = []Cell{{0, line}}
			}
			if err := b.add(&row); err != nil {
				t.Fatal(err)
			}
		}
		hot, cold := b.encode()
		var v block
		if err := v.parseHot(hot, len(lines), 1); err != nil {
			t.Fatal(err)
		}
		if err := v.parseCold(cold); err != nil {
			t.Fatal(err)
		}
		for i, line := range lines {
			got, err := v.value(1, i)
			if err != nil || !bytes.Equal(got, line) {
				t.Fatalf("row %d: got %q, %v, want %q", i, got, err, line)
			}
		}
	})
}

func TestChecksumIsTheDomains(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"001Qy00000ABCde", "ABCDEFGHIJKLMNO", "abcdefghijklmno", "000000000000000"} {
		full := []byte(id + "...")
		putChecksum(full, 0)
		if want := id + engine.IDChecksum(id); string(full) != want {
			t.Errorf("got %s, want %s", full, want)
		}
	}
}
