package segment

import (
	"bytes"
	"encoding/binary"
)

// The typed encodings below hold only texts that they give back byte for byte.

const idLen = 18

// appendIDs writes 18-character record ids without their checksums; ok is
// false when one of them is not what its checksum says.
func appendIDs(dst, data []byte, s *scratch) (out []byte, enc byte, ok bool) {
	prefix := 15
	for at := 0; at < len(data); at += idLen {
		id := data[at : at+idLen]
		if !validChecksum(id) {
			return nil, 0, false
		}
		for prefix > 0 && !bytes.Equal(id[:prefix], data[:prefix]) {
			prefix--
		}
	}
	dst = append(dst, byte(prefix))
	dst = append(dst, data[:prefix]...)
	if prefix >= 15-maxBase62 && ascending(data, prefix, s) {
		last := int64(0)
		for _, n := range s.nums {
			dst = binary.AppendUvarint(dst, uint64(n-last))
			last = n
		}
		return dst, encIDs, true
	}
	for at := 0; at < len(data); at += idLen {
		dst = append(dst, data[at+prefix:at+15]...)
	}
	return dst, encID, true
}

func validChecksum(id []byte) bool {
	var full [idLen]byte
	copy(full[:15], id)
	putChecksum(full[:], 0)
	return bytes.Equal(full[15:], id[15:])
}

const checksumAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"

// putChecksum is engine.IDChecksum without an allocation, for the groups of
// five characters from the given one on.
func putChecksum(id []byte, group int) {
	for ; group < 3; group++ {
		g := id[group*5 : group*5+5 : group*5+5]
		bits := isUpper[g[0]] | isUpper[g[1]]<<1 | isUpper[g[2]]<<2 | isUpper[g[3]]<<3 | isUpper[g[4]]<<4
		id[15+group] = checksumAlphabet[bits]
	}
}

var isUpper = func() (table [256]byte) {
	for c := 'A'; c <= 'Z'; c++ {
		table[c] = 1
	}
	return table
}()

const (
	maxBase62    = 10 // digits that fit an int64
	base62Digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

var base62Value = func() (table [256]int8) {
	for i := range table {
		table[i] = -1
	}
	for i, c := range []byte(base62Digits) {
		table[c] = int8(i)
	}
	return table
}()

// ascending fills s.nums with what follows the prefix, read as base-62
// numbers, and reports whether they never fall.
func ascending(data []byte, prefix int, s *scratch) bool {
	s.nums = s.nums[:0]
	last := int64(0)
	for at := 0; at < len(data); at += idLen {
		n := int64(0)
		for _, c := range data[at+prefix : at+15] {
			v := base62Value[c]
			if v < 0 {
				return false
			}
			n = n*62 + int64(v)
		}
		if n < last {
			return false
		}
		s.nums = append(s.nums, n)
		last = n
	}
	return true
}

func putBase62(dst []byte, n uint64) {
	for i := len(dst) - 1; i >= 0; i-- {
		dst[i] = base62Digits[n%62]
		n /= 62
	}
}

// The layouts that encTime knows; nothing else about them is assumed.
const (
	dateLayout   = "2006-01-02"
	stampLayout  = "2006-01-02T15:04:05.000Z"
	offsetLayout = "2006-01-02T15:04:05.000+0000"
)

const (
	unitDay = iota
	unitSecond
	unitMilli
)

const (
	dayMillis  = 86_400_000
	maxMillis  = 253_402_300_800_000 // the year 10000
	zeroMillis = -62_135_596_800_000 // the year 1
)

// appendTimes writes texts of one layout as numbers over their least, in
// planes of bytes.
func appendTimes(dst, data []byte, width int, s *scratch) ([]byte, bool) {
	s.nums = s.nums[:0]
	unit := int64(dayMillis)
	for at := 0; at < len(data); at += width {
		ms, ok := parseTime(data[at : at+width])
		if !ok {
			return nil, false
		}
		for ms%unit != 0 {
			unit = smallerUnit(unit)
		}
		s.nums = append(s.nums, ms)
	}
	code := byte(unitDay)
	switch unit {
	case 1000:
		code = unitSecond
	case 1:
		code = unitMilli
	}
	for i := range s.nums {
		s.nums[i] = (s.nums[i] - zeroMillis) / unit
	}
	return appendNumbers(append(dst, byte(width), code), s.nums), true
}

func smallerUnit(unit int64) int64 {
	if unit == dayMillis {
		return 1000
	}
	return 1
}

// appendNumbers writes numbers ≥ 0 as their least, a width, and one plane for
// each byte of what is over it.
func appendNumbers(dst []byte, nums []int64) []byte {
	low, high := nums[0], nums[0]
	for _, n := range nums {
		low, high = min(low, n), max(high, n)
	}
	width := 0
	for rest := uint64(high - low); rest > 0; rest >>= 8 {
		width++
	}
	dst = append(binary.AppendUvarint(dst, uint64(low)), byte(width))
	for plane := width - 1; plane >= 0; plane-- {
		for _, n := range nums {
			dst = append(dst, byte(uint64(n-low)>>(8*plane)))
		}
	}
	return dst
}

// parseTime reads one of the layouts; it accepts only what formatTime writes.
func parseTime(b []byte) (ms int64, ok bool) {
	year, ok1 := digits(b[0:4])
	month, ok2 := digits(b[5:7])
	day, ok3 := digits(b[8:10])
	if !ok1 || !ok2 || !ok3 || b[4] != '-' || b[7] != '-' || year < 1 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return 0, false
	}
	ms = civilDays(year, month, day) * dayMillis
	if len(b) == len(dateLayout) {
		return ms, true
	}
	hour, ok1 := digits(b[11:13])
	minute, ok2 := digits(b[14:16])
	second, ok3 := digits(b[17:19])
	milli, ok4 := digits(b[20:23])
	zone := string(b[23:])
	ok = ok1 && ok2 && ok3 && ok4 && b[10] == 'T' && b[13] == ':' && b[16] == ':' && b[19] == '.' &&
		hour < 24 && minute < 60 && second < 60 && (zone == "Z" || zone == "+0000")
	return ms + ((hour*60+minute)*60+second)*1000 + milli, ok
}

func digits(b []byte) (n int64, ok bool) {
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

func daysIn(year, month int64) int64 {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// civilDays counts days from 1970-01-01 in the proleptic Gregorian calendar.
func civilDays(year, month, day int64) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	era := year / 400
	inEra := year - era*400
	inYear := (153*(month-3)+2)/5 + day - 1
	return era*146097 + inEra*365 + inEra/4 - inEra/100 + inYear - 719468
}

// civilDate is the inverse of civilDays.
func civilDate(days int64) (year, month, day int64) {
	days += 719468
	era := days / 146097
	of := days - era*146097
	inEra := (of - of/1460 + of/36524 - of/146096) / 365
	inYear := of - (365*inEra + inEra/4 - inEra/100)
	shifted := (5*inYear + 2) / 153
	day = inYear - (153*shifted+2)/5 + 1
	year, month = inEra+era*400, shifted+3
	if month > 12 {
		year, month = year+1, month-12
	}
	return year, month, day
}

// clock formats times, keeping the dates it wrote.
type clock struct {
	dates [1 << 10]knownDate
}

// knownDate is the text of a day: eight bytes and two.
type knownDate struct {
	head uint64 // 0 when there is none
	tail uint16
	day  int32
}

// put writes a time in the layout of dst's length, a word at a time.
func (c *clock) put(dst []byte, ms int64) {
	day := ms / dayMillis
	rest := ms - day*dayMillis
	if rest < 0 {
		day, rest = day-1, rest+dayMillis
	}
	known := &c.dates[day&int64(len(c.dates)-1)]
	if known.day != int32(day) || known.head == 0 {
		known.write(day)
	}
	binary.LittleEndian.PutUint64(dst, known.head)
	if len(dst) == len(dateLayout) {
		binary.LittleEndian.PutUint16(dst[8:], known.tail)
		return
	}
	n := uint32(rest)
	seconds, milli := n/1000, n%1000
	minutes := seconds / 60
	_ = dst[23]
	binary.LittleEndian.PutUint64(dst[8:], uint64(known.tail)|'T'<<16|pair(minutes/60)<<24|':'<<40|pair(minutes%60)<<48)
	binary.LittleEndian.PutUint64(dst[16:], ':'|pair(seconds%60)<<8|'.'<<24|uint64('0'+milli/100)<<32|pair(milli%100)<<40|'Z'<<56)
	if len(dst) == len(offsetLayout) {
		copy(dst[23:], "+0000")
	}
}

func (d *knownDate) write(day int64) {
	year, month, dayOf := civilDate(day)
	d.head = pair(uint32(year/100)) | pair(uint32(year%100))<<16 | '-'<<32 | pair(uint32(month))<<40 | '-'<<56
	d.tail, d.day = uint16(pair(uint32(dayOf))), int32(day)
}

// pair is the two digits of a number under 100, the first in the low byte.
func pair(n uint32) uint64 { return uint64(pairs[n]) }

var pairs = func() (table [100]uint16) {
	for i := range table {
		table[i] = uint16('0'+i/10) | uint16('0'+i%10)<<8
	}
	return table
}()
