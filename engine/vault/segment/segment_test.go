package segment_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/holdfast-backup/holdfast/engine"
	"github.com/holdfast-backup/holdfast/engine/vault/segment"
)

type memory []byte

func (m memory) ReadAt(_ context.Context, p []byte, off int64) error {
	if off < 0 || off+int64(len(p)) > int64(len(m)) {
		return errors.New("past the end")
	}
	copy(p, m[off:])
	return nil
}

var orgKey = bytes.Repeat([]byte{7}, 32)

func keyed(uint32) ([]byte, error) { return orgKey, nil }

// sample is an object with versions whose values hit every encoding.
type sample struct {
	object string
	fields []segment.Field
	rows   []segment.Row
}

func makeSample(seed uint64, object string, ids int) sample {
	rnd := rand.New(rand.NewPCG(seed, 1))
	s := sample{object: object}
	for i := range 14 {
		s.fields = append(s.fields, segment.Field{Name: fmt.Sprintf("F%d", i), Type: "string", Hot: i%4 == 0, Derived: i%5 == 0})
	}
	for i := range ids {
		id := fmt.Sprintf("003Qx%010d", i*3)
		id += engine.IDChecksum(id)
		if object == "Opaque" {
			id = fmt.Sprintf("key|%d|%s", i+1000000, strings.Repeat("x", i%90))
		}
		var row segment.Row
		for v := range 1 + rnd.IntN(4) {
			seq := uint64(i%7 + v*11 + 1)
			row = nextVersion(rnd, row, id, seq)
			s.rows = append(s.rows, row)
		}
	}
	return s
}

func nextVersion(rnd *rand.Rand, last segment.Row, id string, seq uint64) segment.Row {
	r := segment.Row{ID: []byte(id), Seq: seq, Op: segment.MakeOp(engine.Changed, engine.NotDeleted, false)}
	if rnd.IntN(9) == 0 && len(last.ID) > 0 {
		r.Op = segment.MakeOp(engine.Deleted, engine.SoftDelete, true)
		return r
	}
	r.Modstamp = []byte(fmt.Sprintf("2026-%02d-11T10:20:%02d.000Z", rnd.IntN(12)+1, rnd.IntN(60)))
	r.Cells = append(r.Cells, segment.Cell{Field: 0, Value: r.ID}, segment.Cell{Field: 1, Value: r.Modstamp})
	for i := 2; i < 14; i++ {
		if len(last.Cells) > 0 && rnd.IntN(3) > 0 {
			if at := slices.IndexFunc(last.Cells, func(c segment.Cell) bool { return c.Field == i }); at >= 0 {
				r.Cells = append(r.Cells, last.Cells[at])
			}
			continue
		}
		if v := someValue(rnd, i); v != "" {
			r.Cells = append(r.Cells, segment.Cell{Field: i, Value: []byte(v)})
		}
	}
	return r
}

func someValue(rnd *rand.Rand, field int) string {
	n := rnd.IntN(100000)
	id := fmt.Sprintf("001Qx%010d", n)
	switch field {
	case 11:
		return "constant"
	case 12:
		return []string{"Hot", "Warm", "Cold", ""}[n%4]
	case 2:
		return id + engine.IDChecksum(id)
	case 3:
		return id + "AAB" // a checksum that is wrong
	case 4:
		return fmt.Sprintf("20%02d-%02d-%02d", n%50, n%13, n%32) // some are no dates
	case 5:
		return fmt.Sprintf("19%02d-%02d-%02d", n%50+50, n%12+1, n%28+1)
	case 6:
		return fmt.Sprintf("2026-01-02T03:04:%02d.%03d+0000", n%60, n%1000)
	case 7:
		return strings.Repeat("„Zeile“\n\"", n%20)
	case 8:
		return map[bool]string{true: "rare"}[n%50 == 0]
	case 9:
		return fmt.Sprintf("0001-01-01T00:00:00.%03dZ", n%1000)
	case 10:
		return fmt.Sprintf("%05d", n)
	}
	return fmt.Sprintf("%d", n)
}

func write(t testing.TB, o segment.Creation, samples ...sample) ([]byte, segment.Summary) {
	t.Helper()
	var out bytes.Buffer
	o.Key = orgKey
	w, err := segment.NewWriter(&out, o)
	check(t, err)
	for _, s := range samples {
		check(t, w.Begin(s.object, s.fields))
		for i := range s.rows {
			check(t, w.Add(&s.rows[i]))
		}
	}
	sum, err := w.Close()
	check(t, err)
	return out.Bytes(), sum
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, id string, blob []byte) *segment.Reader {
	t.Helper()
	r, err := segment.Open(context.Background(), memory(blob), segment.Opening{ID: id, Size: int64(len(blob)), Key: keyed})
	check(t, err)
	return r
}

// readAll renders every row of a section.
func readAll(t testing.TB, r *segment.Reader, object string, window int) (rows []string) {
	t.Helper()
	s, ok := r.Section(object)
	if !ok {
		t.Fatalf("no section %s", object)
	}
	c := r.Cursor(s.First, s.First+s.Blocks, window)
	for {
		more, err := c.Next(context.Background())
		check(t, err)
		if !more {
			return rows
		}
		check(t, c.LoadAll())
		for i := range c.Len() {
			mod, err := c.Modstamp(i)
			check(t, err)
			rows = append(rows, render(segment.Row{ID: c.ID(i), Seq: c.Seq(i), Op: c.Op(i), Modstamp: mod, Cells: c.Cells(i)}))
		}
	}
}

func render(r segment.Row) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d %d %s", r.ID, r.Seq, r.Op, r.Modstamp)
	for _, c := range r.Cells {
		fmt.Fprintf(&b, " %d=%q", c.Field, c.Value)
	}
	return b.String()
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	samples := []sample{makeSample(1, "Contact", 900), makeSample(2, "Opaque", 300), makeSample(3, "One", 1)}
	for _, workers := range []int{1, 2, 5} {
		for _, block := range []int{1, 700, 20000, 1 << 20} {
			blob, sum := write(t, segment.Creation{ID: "s1", Epoch: 3, Workers: workers, Sizing: segment.Sizing{Block: block, Level: segment.Young.Level}}, samples...)
			if sum.Size != int64(len(blob)) || len(sum.Sections) != len(samples) {
				t.Fatalf("summary %+v of %d bytes", sum, len(blob))
			}
			r := open(t, "s1", blob)
			check(t, r.VerifyHeader(context.Background()))
			for _, s := range samples {
				got := readAll(t, r, s.object, 1<<16)
				if len(got) != len(s.rows) {
					t.Fatalf("%s: %d rows, want %d", s.object, len(got), len(s.rows))
				}
				for i := range got {
					if want := render(s.rows[i]); got[i] != want {
						t.Fatalf("workers %d block %d %s row %d:\n got %s\nwant %s", workers, block, s.object, i, got[i], want)
					}
				}
			}
		}
	}
}

func TestBloomHoldsEveryID(t *testing.T) {
	t.Parallel()
	s := makeSample(4, "Contact", 3000)
	blob, _ := write(t, segment.Creation{ID: "s1", Sizing: segment.Young}, s)
	r := open(t, "s1", blob)
	sec, _ := r.Section("Contact")
	for i := range s.rows {
		if !r.MayHold(sec, s.rows[i].ID) {
			t.Fatalf("the bloom denies %s", s.rows[i].ID)
		}
	}
	wrong := 0
	for i := range 10000 {
		if r.MayHold(sec, fmt.Appendf(nil, "003Zz%010dAAA", i)) {
			wrong++
		}
	}
	if wrong > 150 {
		t.Errorf("%d of 10000 absent ids pass the bloom, want about 80", wrong)
	}
}

func TestEveryFlippedBitIsFound(t *testing.T) {
	t.Parallel()
	samples := []sample{makeSample(5, "Contact", 60), makeSample(6, "Opaque", 20)}
	blob, _ := write(t, segment.Creation{ID: "s1", Sizing: segment.Sizing{Block: 4000, Level: segment.Young.Level}}, samples...)
	for at := range blob {
		bad := bytes.Clone(blob)
		bad[at] ^= 1 << (at % 8)
		err := readBack(bad, "s1", orgKey)
		var fault *segment.Error
		if !errors.As(err, &fault) {
			t.Fatalf("flipped bit in byte %d of %d: %v", at, len(blob), err)
		}
	}
}

func readBack(blob []byte, id string, key []byte) error {
	ctx := context.Background()
	r, err := segment.Open(ctx, memory(blob), segment.Opening{ID: id, Size: int64(len(blob)), Key: func(uint32) ([]byte, error) { return key, nil }})
	if err != nil {
		return err
	}
	if err := r.VerifyHeader(ctx); err != nil {
		return err
	}
	for _, s := range r.Sections() {
		c := r.Cursor(s.First, s.First+s.Blocks, 0)
		for {
			more, err := c.Next(ctx)
			if err != nil {
				return err
			}
			if !more {
				break
			}
			if err := c.LoadAll(); err != nil {
				return err
			}
		}
	}
	return nil
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	blob, _ := write(t, segment.Creation{ID: "s1", Sizing: segment.Young}, makeSample(7, "Contact", 50))
	other, _ := write(t, segment.Creation{ID: "s2", Sizing: segment.Young}, makeSample(7, "Contact", 50))
	for _, tt := range []struct {
		name string
		blob []byte
		key  []byte
		want error
		text string
	}{
		{"wrong key", blob, bytes.Repeat([]byte{8}, 32), segment.ErrKey, "segment s1, header: not the key of epoch 0"},
		{"short key", blob, []byte("short"), segment.ErrKey, "has 32 bytes"},
		{"swapped", other, orgKey, segment.ErrDamaged, "segment s1, index"},
		{"cut off", blob[:len(blob)-1], orgKey, segment.ErrDamaged, "cut off"},
		{"cut to a header", blob[:64], orgKey, segment.ErrDamaged, "64 bytes long"},
		{"empty", nil, orgKey, segment.ErrDamaged, "0 bytes long"},
		{"longer", append(bytes.Clone(blob), 0), orgKey, segment.ErrDamaged, "cut off"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := readBack(tt.blob, "s1", tt.key)
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got %v, want %q", err, tt.text)
			}
		})
	}
}

func TestWriterRefusesDisorder(t *testing.T) {
	t.Parallel()
	op := segment.MakeOp(engine.Added, engine.NotDeleted, false)
	for _, tt := range []struct {
		name string
		rows []segment.Row
		want error
	}{
		{"ids fall", []segment.Row{{ID: []byte("b"), Seq: 1, Op: op}, {ID: []byte("a"), Seq: 1, Op: op}}, segment.ErrOrder},
		{"same version twice", []segment.Row{{ID: []byte("a"), Seq: 1, Op: op}, {ID: []byte("a"), Seq: 1, Op: op}}, segment.ErrOrder},
		{"no id", []segment.Row{{Seq: 1, Op: op}}, segment.ErrLimit},
		{"long id", []segment.Row{{ID: bytes.Repeat([]byte("a"), 256), Seq: 1, Op: op}}, segment.ErrLimit},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, err := segment.NewWriter(&bytes.Buffer{}, segment.Creation{ID: "s", Key: orgKey, Sizing: segment.Young})
			check(t, err)
			check(t, w.Begin("X", nil))
			for i := range tt.rows {
				err = w.Add(&tt.rows[i])
			}
			if err == nil {
				_, err = w.Close()
			}
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}
