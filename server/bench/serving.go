package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzip"
)

// counter counts what is written through it.
type counter struct {
	http.ResponseWriter
	bytes *atomic.Int64
}

func (c *counter) Write(p []byte) (int, error) {
	c.bytes.Add(int64(len(p)))
	return c.ResponseWriter.Write(p)
}

// packed lets serve write through gzip; what it writes is counted before.
func packed(to *counter, serve func(http.ResponseWriter)) {
	to.Header().Set("Content-Encoding", "gzip")
	z, _ := gzip.NewWriterLevel(to.ResponseWriter, gzip.BestSpeed) // a level that there is
	serve(&packing{counter: to, z: z})
	_ = z.Close()
}

type packing struct {
	*counter
	z *gzip.Writer
}

func (p *packing) Write(b []byte) (int, error) {
	p.bytes.Add(int64(len(b)))
	return p.z.Write(b)
}

func (o *orgProcess) signIn(ctx context.Context) error {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {clientID}, "client_secret": {clientSecret}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, o.url+"/services/oauth2/token", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&token); err != nil {
		return err
	}
	o.token = token.AccessToken
	return o.list()
}

// list finds the SObjects that can be read.
func (o *orgProcess) list() error {
	body, err := o.get(dataAPI + "/sobjects")
	if err != nil {
		return err
	}
	var global struct {
		SObjects []struct {
			Name      string
			Queryable bool
		}
	}
	if err := json.Unmarshal(body, &global); err != nil {
		return err
	}
	for _, o2 := range global.SObjects {
		if o2.Queryable {
			o.objects = append(o.objects, o2.Name)
		}
	}
	return nil
}

// serving is how fast the org renders Bulk results, uncompressed and from
// scratch, by its own processor time.
func (o *orgProcess) serving() (float64, error) {
	var spent time.Duration
	var size int64
	for _, object := range []string{"Contact", "Task", "Case"} {
		job, err := o.queryJob(object)
		if err != nil {
			return 0, err
		}
		before := o.numbers()
		command := exec.Command("curl", "-sf", "-o", "/dev/null", "-H", "Authorization: Bearer "+o.token, o.url+dataAPI+"/jobs/query/"+job+"/results")
		if err := command.Run(); err != nil {
			return 0, fmt.Errorf("curl: %w", err)
		}
		after := o.numbers()
		spent, size = spent+after.CPU-before.CPU, size+after.CSV-before.CSV
	}
	return rate(size, spent), nil
}

// queryJob makes a job of all that Bulk gives of an object, and waits for it.
func (o *orgProcess) queryJob(object string) (id string, err error) {
	body, err := o.get(dataAPI + "/sobjects/" + object + "/describe")
	if err != nil {
		return "", err
	}
	var described struct {
		Fields []struct{ Name, Type string }
	}
	if err := json.Unmarshal(body, &described); err != nil {
		return "", err
	}
	var names []string
	for _, f := range described.Fields {
		if f.Type != "address" && f.Type != "location" && f.Type != "base64" {
			names = append(names, f.Name)
		}
	}
	var job struct {
		ID    string `json:"id"`
		State string `json:"state"`
	}
	body, err = o.do(http.MethodPost, dataAPI+"/jobs/query", map[string]string{"operation": "queryAll", "query": "SELECT " + strings.Join(names, ", ") + " FROM " + object})
	for err == nil {
		if err = json.Unmarshal(body, &job); err != nil || job.State == "JobComplete" {
			break
		}
		body, err = o.get(dataAPI + "/jobs/query/" + job.ID)
	}
	return job.ID, err
}

// curlAndGunzip times the shell's way to read pages.
func curlAndGunzip(ctx context.Context, o *orgProcess, pages []keptPage) (time.Duration, error) {
	script := "set -o pipefail; for page in \"$@\"; do curl -sf -H 'Accept-Encoding: gzip' -H 'Authorization: Bearer " + o.token + "' \"$page\" | gzip -d >/dev/null || exit 1; done"
	command := exec.CommandContext(ctx, "bash", "-c", script, "curl")
	for _, page := range pages {
		command.Args = append(command.Args, page.URL)
	}
	command.Stderr = os.Stderr
	from := time.Now()
	err := command.Run()
	return time.Since(from), err
}

// peakMemory is the most a process has had in memory, in MB.
func peakMemory(pid int) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	line, _, _ := strings.Cut(rest, "\n")
	kb, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(line), " kB"), 64)
	return kb / 1024
}
