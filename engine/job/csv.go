package job

import (
	"context"
	"encoding/csv"
	"io"
	"strconv"
	"time"
)

// WriteCSV writes a job's log as it is now (F104), however long, in constant memory.
func (q *Queue) WriteCSV(ctx context.Context, w io.Writer, jobID string) error {
	if err := q.visible(ctx, jobID); err != nil {
		return err
	}
	out := csv.NewWriter(w)
	if err := out.Write([]string{"Line", "Time", "Level", "Object", "Message"}); err != nil {
		return err
	}
	for after := int64(0); ; {
		lines, err := q.lines(ctx, jobID, after)
		if err != nil {
			return err
		}
		for _, l := range lines {
			row := []string{strconv.FormatInt(l.Seq, 10), l.At.Format(time.RFC3339Nano), string(l.Level), l.Object, l.Message}
			if err := out.Write(row); err != nil {
				return err
			}
			after = l.Seq
		}
		if len(lines) < batchLines {
			out.Flush()
			return out.Error()
		}
	}
}
